"""What a speaker encoder hears: who speaks, not what is said."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.networks.speaker_encoder import RATE, SHA256, WIDTH, SpeakerEncoder

PART = 100
"""Sounds that are listened to together."""


class Extractor:
    """The embedded encoder of voices: 256 numbers of length 1; sounds of another rate are resampled to 16 kHz.

    Learned from speech alone: of drums or notes it tells little.

    Args:
        field: What the sounds are.
    """

    modalities = ("audio",)
    name = "speaker"
    digest = f"{SHA256[:16]} {RATE}"
    size = WIDTH
    classes = 0
    layer, resize = "voice", ""

    def __init__(self, field: Field) -> None:
        self.field, self.kind, self.rate = field, modality(field.modality), round(field.hertz)
        self.network = SpeakerEncoder.pretrained()

    @torch.no_grad()
    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        """Voices of sounds.  # int16 [n, channels, samples]"""
        parts = [self._heard(self.kind.to_float(part, self.field).mean(1)) for part in images.split(PART)]
        return ExtractedFeatures(torch.cat(parts).double(), None, labels, images, self.field)

    def _heard(self, waves: Tensor) -> Tensor:
        if self.rate != RATE:
            from scipy.signal import resample_poly

            shared = math.gcd(RATE, self.rate)
            resampled = resample_poly(waves.numpy(), RATE // shared, self.rate // shared, axis=1)
            waves = torch.from_numpy(resampled).float()
        return self.network.voices(waves)
