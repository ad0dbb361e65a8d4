"""How a number came about: numbers with different cards are not compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

PACKAGES = ("belamy", "torch", "numpy")
SUBJECT = ("seed", "labels", "averaged", "versions", "accuracy")
"""Fields that say what was judged, or where, and not how: they may differ between numbers that are compared."""
REMEDIES = {
    "extractor": "--extractor",
    "weights": "--extractor",
    "features": "--extractor",
    "layer": "--extractor",
    "resize": "--extractor",
    "data": "--against",
    "split": "--split",
    "n_real": "--against",
    "n_generated": "--count",
    "fit": "--size",
    "metric": "--metrics",
}
"""The option of `belamy evaluate` that decides a field."""


@dataclass(frozen=True)
class Card:
    """The protocol of a judgement.

    Args:
        extractor: Name of the feature extractor; empty where a method is measured by itself.
        weights: Digest of the extractor's weights and use.
        features: How many numbers describe an image.
        data: Fingerprint of the real images' data set.
        split: Which of its images are compared with.
        n_real: How many real images.
        n_generated: How many generated images.
        seed: Of the generated images; None where nothing was drawn.
        labels: What generated images were asked to be: ``in turn``, ``given`` or ``none``.
        quantisation: What pixels were rounded to before anyone looked, and a codec that loses some.
        divisor: Of covariances.
        layer: Of the extractor, whose output are the features.
        resize: How the extractor brings images to its own size.
        fit: How pictures were brought to a common size before: ``none`` if they were not.
        averaged: Whether the generator's weights are averages; None for what is no run.
        accuracy: How many held-out images an extractor that was trained on the data tells right; empty for others.
        metrics: All options of each metric, by its name.
        versions: Of the packages that computed.
    """

    extractor: str
    weights: str
    features: int
    data: str
    split: str
    n_real: int
    n_generated: int
    seed: int | None
    labels: str
    quantisation: str = "uint8"
    divisor: str = "n-1"
    layer: str = ""
    resize: str = ""
    fit: str = "none"
    averaged: bool | None = None
    accuracy: str = ""
    metrics: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.extractor:
            return f"[held-out {self.split} of {self.data[:6]}, N={self.n_real}, seed={self.seed}]"
        layer = f" {self.layer}" if self.layer else ""
        layer += f" ({self.accuracy})" if self.accuracy else ""
        sizes = [f"resize {self.resize}"] if self.resize else []
        sizes += [f"fit {self.fit}"] if self.fit != "none" else []
        drawn = [f"seed={self.seed}"] if self.seed is not None else []
        drawn += [f"labels {self.labels}", *(["averaged weights"] if self.averaged else [])]
        parts = [
            f"{self.extractor}@{self.weights[:6]}{layer}", f"d={self.features}", self.quantisation, *sizes,
            f"{self.split} of {self.data[:6]}", f"N={self.n_real}/{self.n_generated}", *drawn, self.divisor,
        ]  # fmt: skip
        return f"[{', '.join(parts)}]"

    def as_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> Card:
        """A card from plain data; unknown facts of a newer version are left out."""
        return cls(**{each.name: facts[each.name] for each in fields(cls) if each.name in facts})

    def differences(self, other: Card) -> list[str]:
        """Names of the fields that differ: none if numbers with these cards may stand in one column.

        Of the metrics only those that both have are looked at.
        """
        names = [each.name for each in fields(self) if each.name not in (*SUBJECT, "metrics")]
        differing = [name for name in names if getattr(self, name) != getattr(other, name)]
        shared = self.metrics.keys() & other.metrics.keys()
        return [*differing, *(["metrics"] if any(self.metrics[name] != other.metrics[name] for name in shared) else [])]


def package_versions() -> dict[str, str]:
    """Versions of what computes; a package that is not installed, as when its source is run, is left out."""
    found = {"python": python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
