"""What music is made of, and which rules its voices break."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.features.notes import Extractor
from belamy.evaluation.metrics.voice_leading import RANGES
from belamy.evaluation.music_metric import rules_broken
from belamy.modalities.fields import Field
from belamy.modalities.music import score_of


class SampleTrace:
    """Shares of pitch classes, moves, intervals and lengths of notes, and how often rules of voice leading are broken.

    Args:
        field: Of the pieces.
    """

    modalities = ("music",)
    title = "Notes and voice leading"

    def __init__(self, field: Field) -> None:
        self.field, self.extractor = field, Extractor(field)

    def describe(self, raw: Tensor) -> Tensor:
        broken = rules_broken(score_of(raw, self.field), RANGES if self.field.shape[0] == len(RANGES) else ())
        return torch.cat([self.extractor.extract(raw).features, torch.stack(list(broken.values()), 1)], 1)
