"""Sounds and tunes that are remembered."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.modalities import modality
from belamy.modalities.fields import Field


class ClipBank(nn.Module):
    """Samples as files hold them, so that no average of weights changes them.

    Args:
        count: How many.
        field: What they are.
    """

    clips: Tensor
    of_the_data = ("clips",)

    def __init__(self, count: int, field: Field) -> None:
        super().__init__()
        self.field = field
        held = modality(field.modality).to_raw(torch.zeros(1, *field.shape), field)
        self.register_buffer("clips", held.repeat(count, *[1] * len(field.shape)))

    def forward(self, numbers: Tensor) -> Tensor:
        """The clips of such numbers, as networks see them.  # long [n] to [n, *shape]"""
        return modality(self.field.modality).to_float(self.clips[numbers], self.field).to(torch.get_default_dtype())
