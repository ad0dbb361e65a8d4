"""Validating a method in the middle of its training, and keeping the weights that were judged best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import torch

from belamy.data import Dataset
from belamy.errors import UsageError, nearest
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics import METRICS, named
from belamy.evaluation.panel import LEAST, USUAL, Judgement, Panel, needs_of
from belamy.judges.extractors import choose
from belamy.progress import Reporter
from belamy.registry import Part
from belamy.runs.run import Run
from belamy.seeds import generator
from belamy.training.trainer import Trainer

SEED = 1
"""Of the samples that are judged: the same at every judgement, and others than those of the snapshots."""
COUNT = 5000


@dataclass(frozen=True)
class ValidationConfig:
    """When to judge, by what, and what to keep.

    Args:
        every: Training samples between two judgements.
        count: Samples that are judged each time.
        metrics: Names with options; () for the usual ones that the data allow.
        keep_best: The number whose best weights are kept; None keeps none.
    """

    every: int
    count: int = COUNT
    metrics: tuple[str, ...] = ()
    keep_best: str | None = None

    def __post_init__(self) -> None:
        for name, least in (("every", 1), ("count", LEAST)):
            if getattr(self, name) < least:
                given = getattr(self, name)
                raise UsageError(f"evaluate_{name} is {given:,}, but it must be at least {least}.")

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> ValidationConfig:
        """From plain data, as the provenance of a run holds it."""
        return cls(facts["every"], facts["count"], tuple(facts["metrics"]), facts["keep_best"])

    def facts(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)

    def check(self) -> None:
        """Refuse metrics that there are not, and a number that none of them gives; a little noise is asked about.

        Raises:
            UsageError: An unknown metric, option or number.
        """
        parts = [METRICS.check(Part.parse(name)) for name in (named(self.metrics) or USUAL)]
        if self.keep_best is None:
            return
        images = torch.zeros(64, 1, 2, 2, dtype=torch.uint8)
        noise = [torch.randn(64, 3, dtype=torch.float64, generator=generator(0, "noise", side)) for side in range(3)]
        known: set[str] = set()
        for part in parts:
            metric = METRICS.build(part, classes=3)
            for side, features in zip(("train", "real", "fake"), noise, strict=True):
                if side != "train" or "train" in needs_of(part.name):
                    seen = ExtractedFeatures(features, features.softmax(1), features.argmax(1), images)
                    metric.update(**{side: seen})
            known |= metric.compute().keys()
        if self.keep_best not in known:
            raise UsageError(
                f"--keep-best is '{self.keep_best}', which is none of the numbers that are judged. "
                f"{nearest(self.keep_best, known)}"
            )


class Validator:
    """Judges a method as it stands, with its averaged weights where it has any.

    The best weights are those whose number lies nearest to that of real images: a Fréchet distance near the floor, a
    coverage near what real images cover. So no metric has to say which way is up, and one that can be driven beyond
    what real images reach, as diversity can, is not.

    Args:
        panel: Computes the metrics.
        validation: When and by what.
        real_baseline: What real images are told.

    Raises:
        UsageError: The number to keep the best by is not among those of the panel.
    """

    def __init__(self, panel: Panel, validation: ValidationConfig, real_baseline: Judgement) -> None:
        self.panel, self.validation, self.real_baseline = panel, validation, real_baseline
        if validation.keep_best is not None and validation.keep_best not in real_baseline.values:
            raise UsageError(
                f"--keep-best is '{validation.keep_best}', which is none of the numbers that are judged. "
                f"{nearest(validation.keep_best, real_baseline.values)}"
            )

    def due(self, before: int, now: int) -> bool:
        """Whether a judgement falls between two numbers of training samples."""
        return now // self.validation.every > before // self.validation.every

    def validate(self, trainer: Trainer, run: Run) -> dict[str, Any]:
        """Judge, keep the weights if they are the best so far, and return the row for the run's metrics."""
        with trainer.averages.in_place(trainer.method):
            found = self.panel.judge_method(trainer.method, self.validation.count, SEED, detail=True)
        self.keep(found, trainer, run)
        return {
            "samples": trainer.clock.samples,
            "step": trainer.clock.step,
            "judged": found.values,
            "intervals": {name: [interval.low, interval.high] for name, interval in found.intervals.items()},
            "floor": {name: value for name, value in self.real_baseline.values.items() if name in found.values},
            "protocol": str(found.card),
        }

    def keep(self, found: Judgement, trainer: Trainer, run: Run) -> None:
        """Write the weights beside the newest if nothing nearer to real images was kept."""
        name = self.validation.keep_best
        value = float("nan") if name is None else found.values.get(name, float("nan"))
        if name is None or not isfinite(value):
            return
        distance, best = abs(value - self.real_baseline.values[name]), run.best()
        if best is not None and best.metric == name and best.distance <= distance:
            return
        facts = {"metric": name, "value": value, "distance": distance, "protocol": str(found.card)}
        networks = trainer.averages.best(trainer.method)
        weights = {each: network.state_dict() for each, network in networks.items()}
        run.save_best(weights, trainer.clock.samples, facts)
        run.log("best", trainer.clock.samples, metric=name, value=value)


def make_validator(validation: ValidationConfig, data: Dataset, say: Reporter, offline: bool = False) -> Validator:
    """The validator of what is trained on a data set; its extractor is trained first where there is none yet.

    Raises:
        UsageError: A metric is unknown or the data do not allow it.
    """
    split = "test" if len(data.held_out) >= LEAST else "train"
    metrics = named(validation.metrics) if validation.metrics else None
    panel = Panel(choose(None, data, offline=offline, say=say.say), data, split, metrics)
    return Validator(panel, validation, panel.real_baseline(validation.count))
