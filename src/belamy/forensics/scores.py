"""A score for every image by a model that never saw it: ridge regression of the kind on numbers per image, cross-fitted.

The score is linear in the labels. So a permutation of the labels is a column of a matrix, all of them are refitted by
one product, and their p-value is exact: nothing that was learned from labels survives into the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from belamy.forensics.testing import permutation_p
from belamy.seeds import generator

FOLDS = 5
PERMUTATIONS = 999
SQUARED = 128
"""Up to so many numbers per image their squares join them: a suspect may vary less than real images, or more."""
SHARE = 0.1
"""Effective parameters per training image that a ridge may use."""
CLIP = 8.0
"""Deviations beyond which a number is cut: one wild image must not decide a fit."""


@dataclass(frozen=True)
class Folds:
    """Who is scored by which model.

    Args:
        real: Fold of each real image that is compared.  # [m]
        suspect: Fold of each suspect.  # [n]
        fresh: Fold whose model scores each reference image; none learned from it.  # [k]
        count: How many folds.
    """

    real: Tensor
    suspect: Tensor
    fresh: Tensor
    count: int

    @property
    def both(self) -> Tensor:
        """Folds of the real images and then of the suspects.  # [m + n]"""
        return torch.cat([self.real, self.suspect])

    @property
    def labels(self) -> Tensor:
        """-1 for real, 1 for suspect.  # [m + n] float32"""
        return torch.cat([-torch.ones(len(self.real)), torch.ones(len(self.suspect))])


def deal(real: int, suspect: int, fresh: int, seed: int, count: int = FOLDS) -> Folds:
    """Folds at random, of each kind equally many in each as far as the numbers go.

    Args:
        real: How many real images are compared.
        suspect: How many suspects.
        fresh: How many reference images.
        seed: Of the dealing.
        count: How many folds.
    """
    source = generator(seed, "folds")
    return Folds(*(torch.randperm(size, generator=source) % count for size in (real, suspect, fresh)), count)


@dataclass(frozen=True)
class Scores:
    """What a cue says of each image, by models that did not see it.

    Args:
        real: Real images that are compared.  # [m] float64
        suspect: Suspects.  # [n] float64
        fresh: Reference images.  # [k] float64
        p: Probability of an area under the ROC curve as large if both are of one kind.
    """

    real: Tensor
    suspect: Tensor
    fresh: Tensor
    p: float


def ridge_scores(
    real: Tensor, suspect: Tensor, fresh: Tensor, folds: Folds, seed: int, permutations: int = PERMUTATIONS
) -> Scores | None:
    r"""Cross-fitted ridge regression of ±1 on standardised numbers, and its permutation test.

    .. math:: s_f = Z_f (Z_{-f}^\top Z_{-f} + \lambda I)^{-1} Z_{-f}^\top (y_{-f} - \bar y), \qquad
        \lambda = |{-f}|\,\max\Bigl(10^{-3}, \frac{F}{0.1\,|{-f}|} - 1\Bigr)

    Z are the numbers with the mean and deviation of the training images and, if they are few, their squares. λ leaves
    about a tenth as many effective parameters as there are training images and knows no labels. Labels are permuted
    within folds, so that every fold keeps its numbers of both kinds, and every permutation is fitted anew.

    References:
        Ridge on spectra: Frank et al. 2020, arXiv 2003.08685, section 4; two-sample tests by classifiers: Lopez-Paz &
        Oquab 2017, arXiv 1610.06545; by permutations that are fitted anew: Kim et al. 2021, arXiv 1602.02210.

    Args:
        real: Numbers of the real images that are compared.  # [m, F]
        suspect: Numbers of the suspects.  # [n, F]
        fresh: Numbers of the reference images.  # [k, F]
        folds: Who is scored by which model.
        seed: Of the permutations.
        permutations: How many; 0 for none, and a p-value of 1.

    Returns:
        The scores; None where no number varies.
    """
    table = torch.cat([real, suspect]).double()
    if not bool(((table.amax(0) - table.amin(0)) > 1e-12).any()):
        return None
    both, labels = folds.both, folds.labels
    smoother = torch.zeros(len(table), len(table))
    outside = torch.zeros(len(fresh), len(table))
    for fold in range(folds.count):
        learn, score, aside = both != fold, both == fold, folds.fresh == fold
        weights = smoothed(table[learn], torch.cat([table[score], fresh[aside].double()]))
        smoother[score.nonzero(), learn.nonzero().T] = weights[: int(score.sum())]
        outside[aside.nonzero(), learn.nonzero().T] = weights[int(score.sum()) :]
    centred = labels - labels.mean()
    scores = smoother @ centred
    p = 1.0
    if permutations:
        order = torch.randperm(len(table), generator=generator(seed, "ties"))  # equal scores must favour no kind
        permuted = _permuted(centred, both, folds.count, permutations, seed)  # [m + n, B]
        found = areas((smoother @ permuted)[order], permuted[order] > 0)
        p = permutation_p(float(areas(scores[order, None], labels[order, None] > 0)), found)
    return Scores(scores[: len(real)].double(), scores[len(real) :].double(), (outside @ centred).double(), p)


def areas(scores: Tensor, suspect: Tensor) -> Tensor:
    """Areas under the ROC curves of columns of scores and of whether each is a suspect's.  # [N, B], [N, B] -> [B]

    Equal scores count as they happen to lie, so rows are to be given in an order that knows no labels.
    """
    order = scores.argsort(0)
    ranked = suspect.gather(0, order).double()
    places = torch.arange(1, len(scores) + 1, dtype=torch.float64)
    positives = ranked.sum(0)
    return ((places @ ranked) - positives * (positives + 1) / 2) / (positives * (len(scores) - positives))


def smoothed(learn: Tensor, score: Tensor) -> Tensor:
    """How much the label of each training image counts for the score of each other image.

    Args:
        learn: Numbers of the training images.  # [n, F]
        score: Numbers of the images to be scored.  # [k, F]

    Returns:
        # [k, n] float32
    """
    inner, outer = _expanded(learn.double(), score.double())
    count, size = inner.shape
    penalty = count * max(1e-3, size / (SHARE * count) - 1)
    if size <= count:
        gram = inner.T @ inner
        gram.diagonal().add_(penalty)
        return outer @ torch.cholesky_solve(inner.T.contiguous(), torch.linalg.cholesky(gram))
    gram = inner @ inner.T
    gram.diagonal().add_(penalty)
    return torch.cholesky_solve((outer @ inner.T).T.contiguous(), torch.linalg.cholesky(gram)).T


def _expanded(learn: Tensor, score: Tensor) -> tuple[Tensor, Tensor]:
    """Standardised numbers of the training images and of those to be scored, float32, with squares if they are few."""
    varies = (learn.amax(0) - learn.amin(0)) > 1e-12
    learn, score = learn[:, varies], score[:, varies]
    mean, deviation = learn.mean(0), learn.std(0).clamp_min(1e-9)
    inner, outer = (((rows - mean) / deviation).clamp(-CLIP, CLIP) for rows in (learn, score))
    if inner.shape[1] <= SQUARED:
        squares = inner.square()
        middle, spread = squares.mean(0), squares.std(0).clamp_min(1e-9)
        inner, outer = (torch.cat([rows, (rows.square() - middle) / spread], 1) for rows in (inner, outer))
    return inner.float(), outer.float()


def _permuted(labels: Tensor, folds: Tensor, count: int, permutations: int, seed: int) -> Tensor:
    """Columns of labels, each permuted within the folds.  # [N, B]"""
    columns = torch.empty(len(labels), permutations)
    source = generator(seed, "permutations")
    for fold in range(count):
        rows = (folds == fold).nonzero().flatten()
        order = torch.rand(len(rows), permutations, generator=source).argsort(0)
        columns[rows] = labels[rows][order]
    return columns
