"""Train on synthetic, test on real; and the other way round."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.intervals import wilson
from belamy.evaluation.metrics import Metric as BaseMetric
from belamy.evaluation.statistics import Interval
from belamy.evaluation.transfer import Task, classification, errors, forecast, hits, taught
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.ranges import Within
from belamy.seeds import generator

LEAST = 20
"""Samples of a side, at least."""
_RESAMPLINGS = 200


class Metric(BaseMetric):
    r"""How well what is learned from generated samples holds for real ones, and the other way round.

    - ``tstr``: a small network learns from generated samples and is tested on real ones that nobody has learned from.
    - ``trtr``: the same network learns from as many of the real samples that the generator learned from: what ``tstr``
      is to be compared with.
    - ``trts``: that network is tested on generated samples. High ``trts`` and low ``tstr`` speak of samples that are
      right and too much alike.

    With labels the network tells classes, and the numbers are accuracies. Series without labels are forecast, the last
    quarter from what comes before, and the numbers are :math:`R^2 = 1 - \sum e^2 / \sum (y - \bar y)^2`. Other samples
    without labels have no task. The network is the same for all: two convolutions over the steps of series, two hidden
    layers of 64 for other samples and for forecasts.

    Intervals are for other test samples, with the network as it is: Wilson's of accuracies, the bootstrap's of R².

    References:
        Esteban et al. 2017, arXiv 1706.02633, section 4.2; forecasts after Yoon et al. 2019, TimeGAN, section 5.

    Args:
        steps: Updates of each network.
        seed: Of the networks.

    Raises:
        UsageError: Fewer than 1 step.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"train"})
    modalities: ClassVar[tuple[str, ...]] = ("series", "table", "vector")

    def __init__(self, *, steps: int = 800, seed: int = 0) -> None:
        Within(1).check("tstr.steps", steps)
        self.steps, self.seed = steps, seed
        self._sides: dict[str, list[tuple[Tensor, Tensor | None]]] = {"real": [], "fake": [], "train": []}
        self._field: Field | None = None
        self._answer: dict[str, Interval] | None = None

    def update(
        self,
        *,
        real: ExtractedFeatures | None = None,
        fake: ExtractedFeatures | None = None,
        train: ExtractedFeatures | None = None,
    ) -> None:
        for side, seen in (("real", real), ("fake", fake), ("train", train)):
            if seen is not None:
                self._field = self._field or seen.field
                shown = seen.features if seen.field is None or seen.images is None else seen.images
                self._sides[side].append((shown, seen.labels))
                self._answer = None

    def merge(self, other: Metric) -> None:
        for side, parts in other._sides.items():
            self._sides[side] += parts
        self._field, self._answer = self._field or other._field, None

    def compute(self) -> dict[str, float]:
        return {name: interval.value for name, interval in self.intervals().items()}

    def intervals(self, seed: int = 0) -> dict[str, Interval]:
        if self._answer is None:
            self._answer = self._measured()
        return self._answer

    @property
    def notes(self) -> list[str]:
        if self._task() == "none":
            return ["Samples without labels have no task to be learned from them, so there is no TSTR."]
        few = [side for side, parts in self._sides.items() if sum(len(each) for each, _ in parts) < LEAST]
        return [f"TSTR needs at least {LEAST} samples of each side."] if few else []

    def _task(self) -> str:
        """What is learned: ``classes``, ``forecast`` or ``none``."""
        if all(labels is not None for parts in self._sides.values() for _, labels in parts):
            return "classes"
        return "forecast" if self._field is not None and self._field.modality == "series" else "none"

    def _measured(self) -> dict[str, Interval]:
        task = self._task()
        if self.notes:
            return {}
        tasks: dict[str, Task] = {}
        for side, parts in self._sides.items():
            values = self._values(torch.cat([shown for shown, _ in parts]))
            told = torch.cat([labels for _, labels in parts if labels is not None]) if task == "classes" else None
            order = _by_content(values, told)  # however they came
            values, told = values[order], None if told is None else told[order]
            tasks[side] = forecast(values) if told is None else classification(values, told)
        count = min(len(tasks[side].inputs) for side in ("fake", "train"))
        classes = 1 + max(int(each.targets.max()) for each in tasks.values()) if task == "classes" else 0
        learned = {
            side: taught(self._first(tasks[side], count), classes, self.steps, self.seed) for side in ("fake", "train")
        }
        pairs = {"tstr": ("fake", "real"), "trtr": ("train", "real"), "trts": ("train", "fake")}
        if classes:
            right = {name: hits(learned[by], tasks[on]) for name, (by, on) in pairs.items()}
            return {name: wilson(int(each.sum()), len(each)) for name, each in right.items()}
        return {name: self._explained(*errors(learned[by], tasks[on])) for name, (by, on) in pairs.items()}

    def _values(self, shown: Tensor) -> Tensor:
        """What the networks see: samples as generators see them; of a kind that is not known, features as they are."""
        return shown.float() if self._field is None else modality(self._field.modality).to_float(shown, self._field)

    def _first(self, task: Task, count: int) -> Task:
        """As many samples as there are of the other side, drawn by the seed."""
        order = torch.randperm(len(task.inputs), generator=generator(self.seed, "transfer-order"))[:count]
        return Task(task.inputs[order], task.targets[order])

    def _explained(self, missed: Tensor, spread: Tensor) -> Interval:
        """R² and its interval over resampled test samples."""
        drawn = torch.randint(
            len(missed), (_RESAMPLINGS, len(missed)), generator=generator(self.seed, "transfer-bootstrap")
        )
        shares = 1 - missed[drawn].sum(1) / spread[drawn].sum(1)
        low, high = torch.quantile(shares, torch.tensor([0.025, 0.975], dtype=shares.dtype)).tolist()
        return Interval(float(1 - missed.sum() / spread.sum()), low, high)


def _by_content(values: Tensor, labels: Tensor | None) -> Tensor:
    """The places of samples in the order of their bytes and labels."""
    rows = values.flatten(1).contiguous().numpy()
    keys = [(row.tobytes(), 0 if labels is None else int(labels[place])) for place, row in enumerate(rows)]
    return torch.tensor(sorted(range(len(keys)), key=keys.__getitem__))
