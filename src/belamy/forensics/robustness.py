"""How much of the difference survives rounding, JPEG, blur and resizing of both sides."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from belamy.evaluation.ranking import auroc_interval
from belamy.evaluation.statistics import Interval
from belamy.forensics.comparison import Progress, Sets, traces_of
from belamy.forensics.scores import Folds, Ridge, Shuffled, deal, ridge_scores
from belamy.forensics.treatments import Treatment, blur, jpeg, resize, rounding

LADDER = (
    rounding(), jpeg(95), jpeg(75), jpeg(50), jpeg(30), blur(0.5), blur(1.0), blur(2.0), resize(0.75), resize(0.5)
)  # fmt: skip


@dataclass(frozen=True)
class Survival:
    """What is left after a treatment.

    Args:
        treatment: Name, kind and strength.
        knowing: Area under the ROC curve of all cues together, learned from images that were treated alike.
        unknowing: The same, learned from images that were only rounded.
    """

    treatment: Treatment
    knowing: Interval
    unknowing: Interval


def survey(
    real: Tensor, suspect: Tensor, seed: int, ladder: tuple[Treatment, ...] = LADDER, progress: Progress | None = None
) -> list[Survival]:
    """All cues together after each treatment of both sides.

    Args:
        real: Real images in [0, 1].  # [m, C, H, W]
        suspect: Suspects.  # [n, C, H, W]
        seed: Of the folds.
        ladder: Treatments.
        progress: Called with the share that is done and what is being done.
    """
    folds = deal(len(real), len(suspect), 0, seed)
    learned = _numbers(real, suspect, rounding())
    unaware = [_Unaware(torch.cat(learned), folds, fold) for fold in range(folds.count)]
    found = []
    for number, treatment in enumerate(ladder):
        if progress:
            progress(number / len(ladder), f"after {treatment.name}")
        treated = learned if treatment.kind == "uint8" else _numbers(real, suspect, treatment)
        found.append(Survival(treatment, _knowing(treated, folds, seed), _unknowing(unaware, treated, folds)))
    return found


class _Unaware:
    """A model of one fold, learned from images that were only rounded."""

    def __init__(self, table: Tensor, folds: Folds, fold: int) -> None:
        learn, self.score = folds.both != fold, folds.both == fold
        self.ridge = Ridge(table[learn])
        self.weights = self.ridge.fit(folds.labels[learn, None])

    def __call__(self, table: Tensor) -> Tensor:
        """Scores of this fold's images.  # [n, F] -> [k]"""
        return (self.ridge.rows(table[self.score]) @ self.weights)[:, 0].double()


def _numbers(real: Tensor, suspect: Tensor, treatment: Treatment) -> tuple[Tensor, Tensor]:
    """What traces say of each image for itself.  # [m, F], [n, F]"""
    sets = Sets(real[:1], real, suspect).treated(treatment.apply)
    parts = traces_of(sets, rounded=True, together=False)[0].values()
    return torch.cat([part[1] for part in parts], 1), torch.cat([part[2] for part in parts], 1)


def _knowing(numbers: tuple[Tensor, Tensor], folds: Folds, seed: int) -> Interval:
    scores = ridge_scores(*numbers, numbers[0][:0], Shuffled(folds, seed, 0))
    return Interval(0.5, 0.5, 0.5) if scores is None else auroc_interval(scores.real, scores.suspect)


def _unknowing(models: list[_Unaware], treated: tuple[Tensor, Tensor], folds: Folds) -> Interval:
    table = torch.cat(treated)
    scores = torch.zeros(len(table), dtype=torch.float64)
    for model in models:
        scores[model.score] = model(table)
    return auroc_interval(scores[folds.labels < 0], scores[folds.labels > 0])
