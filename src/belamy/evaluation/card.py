"""How a number came about: numbers with different cards are not compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Card:
    """The protocol of a judgement.

    Args:
        extractor: Who looked.
        weights: Digest of the extractor's weights and use.
        features: How many numbers describe an image.
        data: Fingerprint of the real images' data set.
        split: Which of its images are compared with.
        n_real: How many real images.
        n_generated: How many generated images.
        seed: Of the generated images.
        labels: What generated images were asked to be: ``in turn`` or ``none``.
        quantisation: What pixels were rounded to before anyone looked.
        divisor: Of covariances.
    """

    extractor: str
    weights: str
    features: int
    data: str
    split: str
    n_real: int
    n_generated: int
    seed: int
    labels: str
    quantisation: str = "uint8"
    divisor: str = "n-1"

    def __str__(self) -> str:
        return (
            f"[{self.extractor}@{self.weights[:6]}, d={self.features}, {self.quantisation}, "
            f"{self.split} of {self.data[:6]}, N={self.n_real}/{self.n_generated}, seed={self.seed}, "
            f"labels {self.labels}, {self.divisor}]"
        )

    def as_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> Card:
        """A card from plain data; unknown facts of a newer version are left out."""
        return cls(**{each.name: facts[each.name] for each in fields(cls) if each.name in facts})

    def differences(self, other: Card) -> list[str]:
        """Names of the fields that differ: none if numbers with these cards may stand in one column."""
        return [each.name for each in fields(self) if getattr(self, each.name) != getattr(other, each.name)]
