r"""WaveGlow: an invertible network between a sound and noise that is told a spectrogram.

.. math:: z = f(x; m), \qquad \ln p(x \mid m) = \ln N(z; 0, \sigma^2 I) + \sum_k \ln \lvert\det W_k\rvert
    + \sum_k \sum \ln s_k

References:
    Prenger, Valle & Catanzaro 2019, "WaveGlow: a flow-based generative network for speech synthesis", arXiv 1811.00002,
    sections 2 to 2.4.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.invertible import InvertibleConvolution
from belamy.networks.sizes import check_positive
from belamy.networks.wavenet import GatedConvolution, all_told


class SoundFlow(nn.Module):
    """Groups of samples become channels; steps mix these by a matrix and scale and shift one half by the other.

    After every so many steps some channels are done: early outputs, noise that the later steps do not see. The
    couplings' networks are WaveNet's layers that see both sides, and begin at zero.

    *Departs from the paper:* the spectrogram is repeated to the rate of the groups after a convolution over frames, not
    brought there by a transposed convolution; the matrices are held in Glow's form, P L (U + diag(s)), whose
    determinant needs no decomposition.

    Args:
        shape: (channels, samples) of the sounds.
        bands: Of the spectrogram.
        hop: Samples that have a frame of it in common; the group's size divides it.
        group: Samples of a group.
        steps: How many there are.
        every: After so many some channels are done.
        early: How many channels of each group that are.
        width: Channels between the layers of a coupling's network.
        skip: Channels of what they tell together.
        layers: How many it has; their gaps double.
        kernel: Groups that a layer reads, odd.

    Raises:
        UsageError: The numbers do not fit.

    Example:
        >>> flow = SoundFlow((1, 64), 4, 16, steps=2, every=1, width=4, skip=4, layers=2)
        >>> flow(torch.zeros(3, 1, 64), torch.zeros(3, 4, 4))[0].shape
        torch.Size([3, 64])
    """

    modality = "audio"
    native_shape = (1, 16128)

    def __init__(
        self,
        shape: tuple[int, int],
        bands: int,
        hop: int,
        *,
        group: int = 8,
        steps: int = 12,
        every: int = 4,
        early: int = 2,
        width: int = 512,
        skip: int = 256,
        layers: int = 8,
        kernel: int = 3,
    ) -> None:
        super().__init__()
        numbers = {"group": group, "steps": steps, "every": every, "width": width, "skip": skip, "layers": layers}
        for name, value in numbers.items():
            check_positive(value, f"waveglow:{name}")
        left = group * shape[0] - (steps - 1) // every * early
        if hop % group or kernel % 2 == 0 or early < 0 or left < 2 or left % 2 or early % 2:
            raise UsageError(
                f"waveglow has group={group}, steps={steps}, every={every}, early={early} and kernel={kernel}, but the "
                f"group must divide the {hop} samples of a frame, an even number of its channels be done early, 2 or "
                "more be left, and the kernel be odd. Type waveglow:group=8,steps=12,every=4,early=2,kernel=3."
            )
        self.shape, self.group, self.every, self.early, self.hop = shape, group, every, early, hop // group
        self.context = nn.Conv1d(bands, width, 3, padding=1)
        channels = group * shape[0]
        built = []
        for number in range(steps):
            channels -= early if number and number % every == 0 else 0
            built.append(FlowStep(channels, width, skip, layers, kernel))
        self.steps: Any = nn.ModuleList(built)

    def forward(self, sounds: Tensor, spectrogram: Tensor) -> tuple[Tensor, Tensor]:
        """Noise and ln |det J|.  # [N, C, T], [N, bands, frames] to [N, C T], [N]"""
        count, channels, samples = sounds.shape
        groups = sounds.view(count, channels, samples // self.group, self.group).transpose(2, 3).flatten(1, 2)
        frames, told, done = self.context(spectrogram), sounds.new_zeros(count), []
        for number, step in enumerate(self.steps):
            if number and number % self.every == 0:
                done.append(groups[:, : self.early])
                groups = groups[:, self.early :]
            groups, more = step.there(groups, frames, self.hop)
            told = told + more
        return torch.cat([*done, groups], 1).flatten(1), told

    def inverse(self, latents: Tensor, spectrogram: Tensor) -> Tensor:
        """Sounds of noise.  # [N, C T], [N, bands, frames] to [N, C, T]"""
        channels, samples = self.shape
        groups = latents.view(len(latents), channels * self.group, samples // self.group)
        frames, last = self.context(spectrogram), len(self.steps) - 1
        done = list(groups[:, : last // self.every * self.early].split(self.early, 1)) if self.early else []
        groups = groups[:, last // self.every * self.early :]
        for number in range(last, -1, -1):
            groups = self.steps[number].back(groups, frames, self.hop)
            if done and number and number % self.every == 0:
                groups = torch.cat([done.pop(), groups], 1)
        return groups.unflatten(1, (channels, self.group)).transpose(2, 3).flatten(2)


class FlowStep(nn.Module):
    r"""A mixture of the channels and a coupling, :math:`y_b = s \odot x_b + t` with :math:`(\ln s, t) = WN(x_a, m)`.

    Args:
        channels: Of a group.
        width: See the whole.
        skip: See there.
        layers: See there.
        kernel: See there.
    """

    def __init__(self, channels: int, width: int, skip: int, layers: int, kernel: int) -> None:
        super().__init__()
        self.mixing, self.kept, self.skip = InvertibleConvolution(channels), channels // 2, skip
        self.enter = nn.Conv1d(self.kept, width, 1)
        self.layers = nn.ModuleList(
            GatedConvolution(width, skip, kernel, 2**number, 0, True, number == layers - 1, causal=False)
            for number in range(layers)
        )
        self.out = nn.Conv1d(skip, 2 * (channels - self.kept), 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def told(self, known: Tensor, frames: Tensor, hop: int) -> tuple[Tensor, Tensor]:
        """ln s and t.  # [N, half, T], [N, width, frames] to [N, rest, T] twice"""
        found = self.out(all_told(self.layers, self.enter(known), self.skip, None, frames, hop))
        log_scale, shift = found.chunk(2, 1)
        return log_scale, shift

    def there(self, groups: Tensor, frames: Tensor, hop: int) -> tuple[Tensor, Tensor]:
        """Mixed, then scaled and shifted, and ln |det J|.  # [N, channels, T] to the same and [N]"""
        mixed, told = self.mixing.there(groups[:, :, None])
        known, rest = mixed[:, : self.kept, 0], mixed[:, self.kept :, 0]
        log_scale, shift = self.told(known, frames, hop)
        return torch.cat([known, rest * log_scale.exp() + shift], 1), told + log_scale.flatten(1).sum(1)

    def back(self, groups: Tensor, frames: Tensor, hop: int) -> Tensor:
        """Shifted, scaled and mixed back."""
        known, rest = groups[:, : self.kept], groups[:, self.kept :]
        log_scale, shift = self.told(known, frames, hop)
        mixed = torch.cat([known, (rest - shift) * (-log_scale).exp()], 1)
        return self.mixing.back(mixed[:, :, None])[:, :, 0]
