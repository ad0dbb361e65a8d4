"""A small trained detector: a convolutional network and a ridge on all traces, joined and calibrated, cross-fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from belamy.forensics.scores import CueScores, Folds, Ridge
from belamy.forensics.testing import rank_p, twice_the_mean
from belamy.methods.base import Player, Turn
from belamy.methods.learning import fit
from belamy.registry import Part
from belamy.seeds import derive, generator

PATCH = 32
"""Side of the pieces that the network looks at: traces are local, and larger images cost no more."""
PASSES, BATCH = 6, 64
ADAM, SCHEDULE = Part(name="adam", lr=4e-3), Part(name="cosine", warmup=0.25)
LEAST = 40
"""Steps of the network at least, however few the images."""
CALIBRATED = 0.2
"""Share of the training images of a fold that the parts do not see: the joint calibration is fitted on them."""
BINS = 15

Step = Callable[[int, int], None]


@dataclass(frozen=True)
class Detected:
    """The detector's scores.

    Args:
        scores: Log odds of being a suspect, given that both kinds are equally frequent, and the p-value.
        calibration_error: Expected calibration error of the probabilities, from 0 to 1.
        uncalibrated_error: The same of the network alone, before calibration.
        brier: Mean squared error of the probabilities; 0.25 is a coin's.
    """

    scores: CueScores
    calibration_error: float
    uncalibrated_error: float
    brier: float


class Network(nn.Module):
    """Three convolutions on pixels and what is left of them after a blur → one number.

    Pooled by mean and by maximum, so that it takes images of any size.

    Args:
        channels: Of the images.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (2 * channels, 16, 24, 32)
        self.layers = nn.ModuleList([nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths)])
        self.norms = nn.ModuleList([nn.GroupNorm(4, width) for width in widths[1:]])
        self.head = nn.Linear(64, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[n]`` of images ``[n, C, H, W]`` in [0, 1]."""
        residual = images - functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
        hidden = torch.cat([2 * images - 1, 4 * residual], 1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            hidden = functional.relu(norm(layer(hidden)))
        pooled = torch.cat([hidden.mean((2, 3)), hidden.amax((2, 3))], 1)  # [n, 64]
        logits: Tensor = self.head(pooled).squeeze(1)
        return logits


@dataclass(frozen=True)
class DetectorData:
    """What is known of a set of images.

    Args:
        images: In [0, 1], in the format that both sides share.  # [n, C, H, W]
        numbers: What all traces say of them, side by side.  # [n, F]
    """

    images: Tensor
    numbers: Tensor

    def at(self, chosen: Tensor) -> DetectorData:
        """Some of the images."""
        return DetectorData(self.images[chosen], self.numbers[chosen])


def detect(
    real: DetectorData, suspect: DetectorData, fresh: DetectorData, folds: Folds, seed: int, step: Step | None = None
) -> Detected:
    r"""Score every image by a detector that never saw it.

    In each fold a network and a ridge learn from four fifths of the training images; on the rest a logistic regression
    joins their two scores, with Platt's targets, and so calibrates them. The p-value is twice the mean of the folds'
    rank tests: a fold's model is fixed when its images are ranked, and the mean needs no independence of the folds.

    References:
        Residuals as input: Fridrich & Kodovský 2012 (rich models); calibration: Platt 1999; the combination of the
        folds: Vovk & Wang 2020, arXiv 1212.4966.

    Args:
        real: Real images that are compared.
        suspect: Suspects.
        fresh: Reference images, which are only scored.
        folds: The fold of each image, and so the model that scores it.
        seed: Of weights, batches and crops.
        step: Called with (done, total) while networks learn.
    """
    both = DetectorData(torch.cat([real.images, suspect.images]), torch.cat([real.numbers, suspect.numbers]))
    joined, alone = (torch.zeros(len(both.images), dtype=torch.float64) for _ in range(2))
    outside = torch.zeros(len(fresh.images), dtype=torch.float64)
    labels, p_values = folds.labels, []
    for fold in range(folds.count):
        learn, score = (folds.both != fold).nonzero().flatten(), (folds.both == fold).nonzero().flatten()
        aside = (folds.fresh == fold).nonzero().flatten()
        fit, held = _parted(learn, labels, derive(seed, "calibration", fold))
        report = (
            None if step is None else (lambda done, total, fold=fold: step(fold * total + done, folds.count * total))
        )
        tests = [both.at(held), both.at(score), fresh.at(aside)]
        parts = _two_scores(both.at(fit), labels[fit], tests, derive(seed, "detector", fold), report)
        weights = join(parts[0], labels[held])
        joined[score], outside[aside] = (
            torch.cat([rows, torch.ones(len(rows), 1)], 1).double() @ weights for rows in parts[1:]
        )
        alone[score] = parts[1][:, 0].double()
        p_values.append(rank_p(joined[score][labels[score] < 0], joined[score][labels[score] > 0]))
    of_suspect = labels > 0
    probabilities = joined.sigmoid()
    return Detected(
        CueScores(joined[~of_suspect], joined[of_suspect], outside, twice_the_mean(p_values)),
        calibration_error(probabilities, of_suspect),
        calibration_error(alone.sigmoid(), of_suspect),
        float((probabilities - of_suspect.double()).square().mean()),
    )


def join(scores: Tensor, labels: Tensor, rounds: int = 50) -> Tensor:
    r"""Logistic regression on a few scores, by Newton's method: weights and offset.  # [n, k], [n] -> [k + 1] float64

    The targets are Platt's, :math:`(n_+ + 1)/(n_+ + 2)` and :math:`1/(n_- + 2)`, so that kinds which are told apart
    without an error do not drive the weights to infinity; both kinds weigh the same.

    References:
        Platt 1999, "Probabilistic outputs for support vector machines"; its defects mended: Lin, Lin & Weng 2007.

    Args:
        scores: Any numbers, higher is more suspicious.
        labels: Above 0 for suspects.
        rounds: Newton steps at most.
    """
    rows = torch.cat([scores, torch.ones(len(scores), 1)], 1).double()
    of_suspect = labels > 0
    many, few = int(of_suspect.sum()), int((~of_suspect).sum())
    targets = torch.where(of_suspect, (many + 1) / (many + 2), 1 / (few + 2)).double()
    each = torch.where(of_suspect, 0.5 / max(many, 1), 0.5 / max(few, 1)).double()
    ridge = 1e-4 * torch.eye(rows.shape[1], dtype=torch.float64)
    weights = torch.zeros(rows.shape[1], dtype=torch.float64)

    def loss(weights: Tensor) -> Tensor:
        found = functional.binary_cross_entropy_with_logits(rows @ weights, targets, each, reduction="sum")
        return found + weights @ ridge @ weights / 2

    for _ in range(rounds):
        chance = (rows @ weights).sigmoid()
        slope = rows.T @ (each * (chance - targets)) + ridge @ weights
        bend = rows.T @ (rows * (each * chance * (1 - chance))[:, None]) + ridge
        move, size = torch.linalg.solve(bend, slope), 1.0
        while size > 1e-6 and loss(weights - size * move) > loss(weights):
            size /= 2
        weights = weights - size * move
        if float(move.abs().max()) < 1e-9:
            break
    return weights


def calibration_error(probabilities: Tensor, happened: Tensor, bins: int = BINS) -> float:
    r"""Expected calibration error over bins that hold equally many.

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n}\,\bigl|\,\overline{p}_b - \overline{y}_b\,\bigr|

    References:
        Naeini, Cooper & Hauskrecht 2015; bins of equal mass: Nguyen & O'Connor 2015.

    Example:
        >>> calibration_error(torch.tensor([0.0, 0.0, 1.0, 0.5]), torch.tensor([False, False, True, False]), bins=4)
        0.125
    """
    order = probabilities.argsort(stable=True)
    gaps = [
        abs(float(probabilities[part].double().mean() - happened[part].double().mean())) * len(part)
        for part in order.chunk(bins)
    ]
    return sum(gaps) / len(order)


def _parted(learn: Tensor, labels: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Training images to fit on and to calibrate on, a share of either kind."""
    fit, held = [], []
    for kind in (learn[labels[learn] < 0], learn[labels[learn] > 0]):
        order = kind[torch.randperm(len(kind), generator=generator(seed, "parted"))]
        cut = max(1, round(CALIBRATED * len(order)))
        held.append(order[:cut])
        fit.append(order[cut:])
    return torch.cat(fit), torch.cat(held)


def _two_scores(
    learn: DetectorData, labels: Tensor, tests: list[DetectorData], seed: int, step: Step | None
) -> list[Tensor]:
    """Scores of the network and of the ridge for each set.  # [n, 2] each"""
    network = _trained(learn.images, labels, seed, step)
    ridge = Ridge(learn.numbers)
    weights = ridge.fit(labels[:, None])
    return [
        torch.cat([_looked(network, each.images)[:, None], ridge.rows(each.numbers) @ weights], 1) for each in tests
    ]


def _trained(images: Tensor, labels: Tensor, seed: int, step: Step | None) -> Network:
    """The network after its passes, by Adam with a rate that rises and falls."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "weights"))
        network = Network(images.shape[1])
    count = max(len(images) // BATCH, 1)
    total = count * max(PASSES, -(-LEAST // count))
    targets, source = (labels > 0).float(), generator(seed, "batches")
    waiting: list[Tensor] = []

    def play(done: int) -> Turn:
        if not waiting:
            waiting.extend(torch.randperm(len(images), generator=source).tensor_split(count))
            if step is not None:
                step(done, total)
        rows = waiting.pop()
        top, left = (int(torch.randint(max(side - PATCH, 0) + 1, (1,), generator=source)) for side in images.shape[2:])
        piece = images[rows, :, top : top + PATCH, left : left + PATCH]
        loss = functional.binary_cross_entropy_with_logits(network(piece), targets[rows], reduction="none")
        return Turn("network", {"cross-entropy": loss})

    fit({"network": Player(network, ADAM)}, play, total, schedule=SCHEDULE)
    return network.eval()


def _looked(network: Network, images: Tensor) -> Tensor:
    """The network's score of each image, whole."""
    with torch.no_grad():
        return torch.cat([network(part) for part in images.split(500)])
