"""What both pictures of sound share: their windows, and that the highest frequency is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from belamy.errors import UsageError
from belamy.modalities.fields import Field
from belamy.modalities.short_time import centred_spectra

LEAST = 1e-6
"""What magnitudes are raised by before their logarithm."""


class Spectra(nn.Module):
    """Sounds as spectra ``[channels, window / 2, samples / hop]``, the lowest frequency first.

    The highest frequency, half the rate, is left out, so that the number of frequencies is even.

    Args:
        name: Of the representation, for messages.
        field: The data's main one.
        window: Samples of a window.
        hop: Samples from one window to the next.

    Raises:
        UsageError: A window, a hop or a number of samples that do not fit.
    """

    takes, gives = "audio", "image"

    def __init__(self, name: str, field: Field, window: int, hop: int) -> None:
        super().__init__()
        if not 16 <= window <= 1 << 16 or window % 8:
            raise UsageError(f"{name}.window is {window}, but it must be a multiple of 8 in 16..65536 samples.")
        if hop < 2 or hop % 2 or window % hop or hop == window:
            raise UsageError(
                f"{name}.hop is {hop}, but it must be even and go into the window of {window} twice or more, "
                f"e.g. {window // 2} or {window // 4}."
            )
        self.window, self.hop = window, hop
        self.channels, self.samples = field.shape
        unit = 4 * hop
        if self.samples % unit or self.samples < 2 * unit:
            near = sorted({max(2, self.samples // unit) * unit, max(2, -(-self.samples // unit)) * unit})
            raise UsageError(
                f"{name} needs clips whose number of samples is a multiple of four hops, {unit:,}, and at least "
                f"{2 * unit:,}, but these have {self.samples:,}. Type "
                f"{' or '.join(f'--length {length}' for length in near)}."
            )

    @property
    def sides(self) -> tuple[int, int]:
        """Frequencies and windows."""
        return self.window // 2, self.samples // self.hop

    def spectra(self, samples: Tensor) -> Tensor:
        """Complex ``[N, channels, window / 2, frames]`` of sounds ``[N, channels, samples]``."""
        waves = samples.flatten(0, 1)
        found = centred_spectra(waves if waves.dtype == torch.float64 else waves.float(), self.window, self.hop)
        return found[:, :-1].unflatten(0, (-1, self.channels))

    def whole(self, seen: Tensor) -> Tensor:
        """Spectra ``[N·channels, window / 2 + 1, frames]`` of ``[N, channels, window / 2, frames]``: the last is 0."""
        return pad(seen.flatten(0, 1), (0, 0, 0, 1))

    def in_range(self, sounds: Tensor) -> Tensor:
        """Sounds ``[N, channels, samples]`` of ``[N·channels, samples]``; what leaves [-1, 1] is made quieter."""
        found = sounds.unflatten(0, (-1, self.channels))
        return found / found.abs().amax((1, 2), keepdim=True).clamp_min(1)

    def logarithms(self, samples: Iterable[Tensor]) -> Iterator[Tensor]:
        """Logarithms ``[n, channels, window / 2, frames]`` of the magnitudes of sounds, some at a time."""
        for some in samples:
            yield (self.spectra(some.double()).abs() + LEAST).log()
