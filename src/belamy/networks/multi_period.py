"""Judges of sound at several periods and resolutions: waves folded into pictures, and pictures of their magnitudes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, pad

from belamy.errors import UsageError
from belamy.networks import PatchScores
from belamy.networks.sizes import check_positive, check_sound

SLOPE = 0.1
WIDEST = 32
"""Times the width that a judge has maps at most."""


class PatchDiscriminator(nn.Module):
    """A judge for each period, which sees every so many-th sample side by side, and one for each length of a window.

    A wave of period p is a picture of p columns, in which a convolution goes down columns alone; magnitudes are a
    picture of frames and frequencies. To methods that know one scale alone, the score of a patch is the mean of those
    that all judges give it.

    *Departs from the papers:* weights are not normalised; the judges of magnitudes have three layers, and see all
    frequencies together.

    References:
        Periods: Kong, Kim & Bae 2020, "HiFi-GAN", arXiv 2010.05646, section 2.3; resolutions: Jang et al. 2021,
        "UnivNet", arXiv 2106.07889, section 2.2, as in Siuzdak 2023, "Vocos", arXiv 2306.00814, section 3.3.

    Args:
        shape: (channels, samples) of the sounds.
        width: Maps of a judge's first convolution.
        periods: In samples.
        windows: Of magnitudes in samples, even; frames are a quarter of one apart.

    Raises:
        UsageError: A number is out of range, or the sounds are too short.

    Example:
        >>> judges = PatchDiscriminator((1, 1024), width=2, periods=(2, 3), windows=(256,))
        >>> [tuple(scale.scores.shape) for scale in judges.scales(torch.zeros(1, 1, 1024))]
        [(1, 1, 7, 2), (1, 1, 5, 3), (1, 1, 17, 17)]
    """

    modality = "audio"
    native_shape = (1, 16384)

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        width: int = 32,
        periods: tuple[int, ...] = (2, 3, 5, 7, 11),
        windows: tuple[int, ...] = (512, 1024, 2048),
    ) -> None:
        super().__init__()
        check_positive(width, "multi-period:width")
        check_sound(shape, "multi-period")
        largest = max([*periods, *windows], default=0)
        if min([*periods, *windows], default=0) < 2 or any(window % 4 for window in windows) or shape[1] < largest:
            raise UsageError(
                f"multi-period has periods {'x'.join(map(str, periods))} and windows {'x'.join(map(str, windows))}, "
                "but a period must be at least 2, a window a multiple of 4, and none longer than the "
                f"{shape[1]:,} samples of a sound. Type multi-period:periods=2x3x5,windows=512."
            )
        self.periods, self.windows = periods, windows
        folded = [width, 4 * width, 16 * width, WIDEST * width]
        self.judges: Any = nn.ModuleList(
            [SoundJudge(shape[0], folded, (5, 1), (3, 1)) for _ in periods]
            + [SoundJudge(shape[0], [width] * 3, (3, 9), (1, 2)) for _ in windows]
        )

    def forward(self, sounds: Tensor) -> Tensor:
        """Mean scores (logits) ``[N, 1, h, w]`` of patches, the coarser ones enlarged, of sounds ``[N, C, T]``."""
        scores = [scale.scores for scale in self.scales(sounds)]
        return torch.stack([interpolate(each, scores[0].shape[2:]) for each in scores]).mean(0)

    def scales(self, sounds: Tensor, features: bool = False) -> list[PatchScores]:
        """What each judge says, those of the periods first.

        Args:
            sounds: ``[N, C, T]``.
            features: Whether the judges' features are wanted.
        """
        pictures = [pad(sounds, (0, -sounds.shape[2] % period)).unflatten(2, (-1, period)) for period in self.periods]
        pictures += [self.magnitudes(sounds, window) for window in self.windows]
        return [judge(picture, features) for judge, picture in zip(self.judges, pictures, strict=True)]

    @staticmethod
    def magnitudes(sounds: Tensor, window: int) -> Tensor:
        """Of frames a quarter of a window apart.  # [N, C, T] to [N, C, frames, window / 2 + 1]"""
        shape = torch.hann_window(window, dtype=sounds.dtype, device=sounds.device)
        found = torch.stft(
            sounds.flatten(0, 1), window, window // 4, window, shape, pad_mode="constant", return_complex=True
        )
        return (found.real.square() + found.imag.square() + 1e-9).sqrt().mT.unflatten(0, sounds.shape[:2])


class SoundJudge(nn.Module):
    """Convolutions over a picture of a sound, and one to the scores.

    Args:
        channels: Of the picture.
        widths: Maps of each layer.
        kernel: Of each, odd sides.
        stride: Of each but the last.
    """

    def __init__(self, channels: int, widths: list[int], kernel: tuple[int, int], stride: tuple[int, int]) -> None:
        super().__init__()
        edges = (kernel[0] // 2, kernel[1] // 2)
        layers = [nn.Conv2d(a, b, kernel, stride, edges) for a, b in pairwise([channels, *widths])]
        self.layers: Any = nn.ModuleList([*layers, nn.Conv2d(widths[-1], widths[-1], (kernel[0], 1), 1, (edges[0], 0))])
        self.head = nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, picture: Tensor, features: bool) -> PatchScores:
        """Scores ``[N, 1, h, w]``, with what each layer answers if wanted."""
        seen = []
        for layer in self.layers:
            picture = leaky_relu(layer(picture), SLOPE)
            seen.append(picture)
        return PatchScores(self.head(picture), tuple(seen) if features else ())
