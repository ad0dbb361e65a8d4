"""What can be heard of sounds without anything learned: the level of each band, how it varies and how it changes."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.modalities.mel import BANDS, log_mel


class Extractor:
    """Of each mel band its mean level over time, the standard deviation, and the mean step from piece to piece, in dB.

    Nothing is learned: they tell spectra and envelopes, but not the order of what is heard, nor what it means.

    Args:
        field: What the sounds are.
    """

    modalities = ("audio",)
    name = "mel"
    size = 3 * BANDS
    classes = 0
    layer = resize = ""

    def __init__(self, field: Field) -> None:
        self.field, self.kind, self.rate = field, modality(field.modality), field.hertz
        self.digest = f"{BANDS} bands at {self.rate:g} Hz"

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        """What is in sounds.  # int16 [n, channels, samples]"""
        sounds = self.kind.to_float(images, self.field).double().mean(1)
        levels = log_mel(sounds, self.rate)  # [n, bands, frames]
        moves = levels.diff(dim=2).abs().mean(2) if levels.shape[2] > 1 else torch.zeros_like(levels[:, :, 0])
        features = torch.cat([levels.mean(2), levels.std(2, correction=0), moves], 1)
        return ExtractedFeatures(features, None, labels, images, self.field)
