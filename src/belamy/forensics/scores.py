"""A score for every image by a model that never saw it: cross-fitted ridge regression of the kind on numbers per image.

The score is linear in the labels. So a permutation of the labels is one more column of a linear system, all of them are
fitted anew at little cost, and their p-value is exact: nothing learned from the true labels enters the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from belamy.forensics.testing import sequential_p
from belamy.seeds import generator

FOLDS = 5
PERMUTATIONS = 1999
SQUARED = 128
"""Up to so many numbers per image their squares join them: a suspect may vary less than real images, or more."""
SHARE = 0.1
"""Effective parameters per training image that a ridge may use."""
CLIP = 8.0
"""Deviations beyond which a number is cut: one wild image must not decide a fit."""


@dataclass(frozen=True)
class Folds:
    """Cross-validation folds: each image is scored by a model that did not see it.

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
    one, two, three = (torch.randperm(size, generator=source) % count for size in (real, suspect, fresh))
    return Folds(one, two, three, count)


@dataclass(frozen=True)
class CueScores:
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


class Shuffled:
    """Labels permuted within folds, made once for all cues: each of their p-values is exact by itself.

    Args:
        folds: The fold of each image, and so the model that scores it.
        seed: Of the permutations.
        most: How many at most; 0 for none, and p-values of 1.
    """

    def __init__(self, folds: Folds, seed: int, most: int = PERMUTATIONS) -> None:
        self.folds, self.seed, self.most = folds, seed, most
        self._blocks: dict[int, Tensor] = {}

    def block(self, number: int, count: int) -> Tensor:
        """So many columns of -1 and 1.  # [m + n, count] float32"""
        if number not in self._blocks:
            labels, columns = self.folds.labels, torch.empty(len(self.folds.both), count)
            source = generator(self.seed, "permutations", number)
            for fold in range(self.folds.count):
                rows = (self.folds.both == fold).nonzero().flatten()
                columns[rows] = labels[rows][torch.rand(len(rows), count, generator=source).argsort(0)]
            self._blocks[number] = columns
        return self._blocks[number]

    def order(self) -> Tensor:
        """An order of the images that knows no labels, so that equal scores favour no kind.  # [m + n]"""
        return torch.randperm(len(self.folds.both), generator=generator(self.seed, "ties"))


def ridge_scores(real: Tensor, suspect: Tensor, fresh: Tensor, shuffled: Shuffled) -> CueScores | None:
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
        shuffled: The folds, and permutations of the labels within them.

    Returns:
        The scores; None where no number varies.
    """
    table = torch.cat([real, suspect, fresh]).double()
    table = table[:, (table.amax(0) - table.amin(0)) > 1e-12]
    if not table.shape[1]:
        return None
    # in units of all images' deviations, so that float32 is enough; this knows no labels
    table = ((table - table.mean(0)) / table.std(0)).float()
    table, fresh, folds = table[: -len(fresh) or None], table[len(table) - len(fresh) :], shuffled.folds
    parts = [_Part(table, fresh, folds, fold) for fold in range(folds.count)]
    labels = folds.labels[:, None]
    true, outside = torch.zeros(len(table)), torch.zeros(len(fresh))
    for part in parts:
        weights = part.ridge.fit(labels[part.learn])
        true[part.score], outside[part.aside] = (part.inside @ weights)[:, 0], (part.outside @ weights)[:, 0]
    order = shuffled.order()
    observed = float(areas(true[order, None], labels[order] > 0))

    def permuted(block: int, count: int) -> Tensor:
        columns = shuffled.block(block, count)
        scores = torch.empty(columns.shape)
        for part in parts:
            scores[part.score] = part.inside @ part.ridge.fit(columns[part.learn])
        return areas(scores[order], columns[order] > 0)

    p = sequential_p(observed, permuted, shuffled.most) if shuffled.most else 1.0
    true = true.double()
    return CueScores(true[: len(real)], true[len(real) :], outside.double(), p)


class Ridge:
    """Ridge regression on standardised numbers and, if they are few, their squares.

    Args:
        table: Numbers of the training images.  # [n, F]
    """

    def __init__(self, table: Tensor) -> None:
        self.varies = (table.amax(0) - table.amin(0)) > 1e-12
        table = table[:, self.varies]
        self.mean, self.deviation = table.mean(0), table.std(0).clamp_min(1e-9)
        rows = ((table - self.mean) / self.deviation).clamp(-CLIP, CLIP)
        self.squared = rows.shape[1] <= SQUARED
        squares = rows.square()
        self.middle, self.spread = squares.mean(0), squares.std(0).clamp_min(1e-9)
        self.inner, count = self._expanded(table), len(table)
        size = self.inner.shape[1]
        self.wide = size > count
        gram = self.inner @ self.inner.T if self.wide else self.inner.T @ self.inner
        gram.diagonal().add_(count * max(1e-3, size / (SHARE * count) - 1))
        self.factor = torch.linalg.cholesky(gram)

    def fit(self, labels: Tensor) -> Tensor:
        """Weights for labels of the training images, any number of columns.  # [n, B] -> [F', B]"""
        targets = labels - labels.mean(0)
        if self.wide:
            return self.inner.T @ torch.cholesky_solve(targets, self.factor)
        return torch.cholesky_solve(self.inner.T @ targets, self.factor)

    def rows(self, table: Tensor) -> Tensor:
        """What weights are applied to.  # [k, F] -> [k, F'] float32"""
        return self._expanded(table[:, self.varies])

    def _expanded(self, table: Tensor) -> Tensor:
        rows = ((table - self.mean) / self.deviation).clamp(-CLIP, CLIP)
        if self.squared:
            rows = torch.cat([rows, (rows.square() - self.middle) / self.spread], 1)
        return rows.float()


class _Part:
    """One fold: who is learned from, who is scored, and the numbers ready to be weighed."""

    def __init__(self, table: Tensor, fresh: Tensor, folds: Folds, fold: int) -> None:
        self.learn, self.score, self.aside = folds.both != fold, folds.both == fold, folds.fresh == fold
        self.ridge = Ridge(table[self.learn])
        self.inside, self.outside = self.ridge.rows(table[self.score]), self.ridge.rows(fresh[self.aside])


def areas(scores: Tensor, suspect: Tensor) -> Tensor:
    """Areas under the ROC curves of columns of scores and of whether each is a suspect's.  # [N, B], [N, B] -> [B]

    Equal scores count as they happen to lie, so rows are to be given in an order that knows no labels.
    """
    order = scores.argsort(0)
    ranked = suspect.gather(0, order).double()
    places = torch.arange(1, len(scores) + 1, dtype=torch.float64)
    positives = ranked.sum(0)
    return ((places @ ranked) - positives * (positives + 1) / 2) / (positives * (len(scores) - positives))
