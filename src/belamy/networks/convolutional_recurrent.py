"""Speech made clean by a mask on its spectrum, from what was heard so far: light enough to run along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import atanh

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.modalities.short_time import compressed, sounds_of, spectra, streamed_spectra
from belamy.networks.layers import BatchNorm
from belamy.networks.sizes import check_positive

_TAPS, _STRIDE, _FRAMES = 3, 2, 2


class CausalConv(nn.Sequential):
    """Halves the frequencies: 3 of them and 2 frames, the one at hand and the one before; normalised, leaky.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__(
            nn.ZeroPad2d((0, 0, 1, 1)),
            nn.Conv2d(incoming, outgoing, (_TAPS, _FRAMES), (_STRIDE, 1), bias=False),
            BatchNorm(outgoing, eps=1e-5, momentum=0.1),
            nn.LeakyReLU(0.1),
        )

    def forward(self, x: Tensor, before: Tensor | None = None) -> Tensor:
        """``[N, outgoing, (F + 1) / 2, T]`` of ``[N, incoming, F, T]`` and the frame before, if there is one."""
        before = torch.zeros_like(x[..., :1]) if before is None else before
        return super().forward(torch.cat([before, x], 3))


class CausalUpConv(nn.Module):
    """Doubles the frequencies; the undoing of :class:`CausalConv`, linear where it is the last.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        last: Whether it is.
    """

    def __init__(self, incoming: int, outgoing: int, last: bool) -> None:
        super().__init__()
        self.layer = nn.ConvTranspose2d(incoming, outgoing, (_TAPS, _FRAMES), (_STRIDE, 1), (1, 0), bias=last)
        ends = [] if last else [BatchNorm(outgoing, eps=1e-5, momentum=0.1), nn.LeakyReLU(0.1)]
        self.ends = nn.Sequential(*ends)

    def forward(self, x: Tensor, before: Tensor | None = None) -> Tensor:
        """``[N, outgoing, 2 F - 1, T]`` of ``[N, incoming, F, T]`` and the frame before, if there is one."""
        before = torch.zeros_like(x[..., :1]) if before is None else before
        return self.ends(self.layer(torch.cat([before, x], 3))[..., 1:-1])


class Enhancer(nn.Module):
    r"""A complex mask for each frame and frequency, by convolutions over frequencies around a memory over frames.

    What is heard is a short-time spectrum of 257 frequencies, 16 ms from frame to frame; what is made is its product
    with the mask M, whose magnitude is below 2. Nothing is seen of later frames, so a sample waits for the end of its
    frames, 32 ms at 16,000 samples a second. At the start the mask is 1. What a convolution found is added on the way
    back, which takes a quarter less time than to put it beside what comes from the memory.

    *Departs from the papers*: all in one, and smaller; magnitudes are compressed as a loss of speech compresses them,
    and nothing is learned of what is added.

    References:
        Tan & Wang 2018, "A convolutional recurrent neural network for real-time speech enhancement", section 3;
        complex masks: Williamson, Wang & Wang 2016, "Complex ratio masking for monaural speech separation"; what is
        added: Schröter et al. 2022, "DeepFilterNet", arXiv 2110.05588, figure 2.

    Args:
        shape: (channels, samples) of a clip; any number of samples passes.
        width: Features of the innermost convolutions; half as many outside.
        memory: Numbers that are remembered of frame after frame.
        layers: Convolutions, each of which halves the frequencies.
        frame: Samples of a frame, a power of two.

    Raises:
        UsageError: A frame that is no power of two, or more layers than it can be halved.

    Example:
        >>> Enhancer((1, 4000), width=8, memory=16)(torch.zeros(2, 1, 4000)).shape
        torch.Size([2, 1, 4000])
    """

    modality = "audio"
    native_shape = (1, 16384)
    latent_shape: tuple[int, ...] = ()

    def __init__(
        self, shape: tuple[int, ...], *, width: int = 64, memory: int = 192, layers: int = 5, frame: int = 512
    ) -> None:
        super().__init__()
        check_positive(width, "convolutional-recurrent.width")
        check_positive(memory, "convolutional-recurrent.memory")
        if frame < 4 or frame & (frame - 1) or not 1 <= layers < frame.bit_length() - 1:
            raise UsageError(
                f"convolutional-recurrent has frame={frame} and layers={layers}, but a frame must be a power of two "
                "that so many layers can halve. Type frame=512,layers=5."
            )
        self.frame = frame
        half = max(1, width // 2)
        features = [3, *[half] * min(2, layers), *[width] * (layers - 2)]
        self.down = nn.ModuleList(CausalConv(*pair) for pair in pairwise(features))
        wide = features[-1] * (frame // 2 // _STRIDE**layers + 1)
        self.recurrent = nn.GRU(wide, memory, 2, batch_first=True)
        self.back = nn.Linear(memory, wide)
        outward = [2, *features[1:]]
        up = [CausalUpConv(features[number + 1], outward[number], not number) for number in reversed(range(layers))]
        with torch.no_grad():
            weight, bias = up[-1].layer.parameters()
            weight.mul_(0.1)  # the mask begins near 1
            bias.zero_()
        self.up = nn.ModuleList(up)

    def forward(self, sounds: Tensor, latents: Tensor | None = None) -> Tensor:
        """Clean sounds ``[N, C, T]`` of noisy ones, each channel by itself; ``latents`` are not needed."""
        flat = sounds.flatten(0, 1)
        heard = spectra(flat, self.frame)
        mask = self.mask(heard)
        return sounds_of(heard * mask, self.frame, flat.shape[1]).view(sounds.shape)

    @property
    def delay(self) -> int:
        """Samples that must be heard beyond one before it is made."""
        return self.frame

    def streamed(self, pieces: Iterable[Tensor]) -> Iterator[Tensor]:
        """Clean sounds of noisy ones that come in pieces ``[N, C, t]``: what the whole would give, as far as it is
        known after each piece, and at last the rest. What is remembered between them does not grow.

        Args:
            pieces: One after the other, of any lengths.
        """
        shape: list[int] = []
        memory: list[Tensor | None] = [None] * (len(self.down) + 1 + len(self.up))

        def flat() -> Iterator[Tensor]:
            for piece in pieces:
                shape[:] = piece.shape[:2]
                yield piece.flatten(0, 1)

        for made in streamed_spectra(flat(), self.frame, lambda heard: heard * self.mask(heard, memory)):
            yield made.view(*shape, made.shape[1])

    def mask(self, heard: Tensor, memory: list[Tensor | None] | None = None) -> Tensor:
        """The complex mask of spectra.  # [N, F, frames] twice

        Args:
            heard: The spectra.
            memory: What each layer remembers of the frames before, in place of which comes what it remembers of these.
        """
        memory = [None] * (len(self.down) + 1 + len(self.up)) if memory is None else memory
        magnitudes, parts = compressed(heard)
        x = torch.cat([magnitudes[:, None], parts], 1)
        skips = []
        for number, layer in enumerate(self.down):
            memory[number], x = x[..., -1:], layer(x, memory[number])
            skips.append(x)
        count, channels, tall, frames = x.shape
        told, memory[len(skips)] = self.recurrent(
            x.permute(0, 3, 1, 2).reshape(count, frames, channels * tall), memory[len(skips)]
        )
        x = self.back(told).view(count, frames, channels, tall).permute(0, 2, 3, 1)
        for number, (layer, skip) in enumerate(zip(self.up, reversed(skips), strict=True), len(skips) + 1):
            x = x + skip
            memory[number], x = x[..., -1:], layer(x, memory[number])
        x = x.to(heard.real.dtype)
        free = torch.complex(1 + x[:, 0], x[:, 1])
        size = free.abs().clamp_min(1e-6)
        return free * (2 * torch.tanh(atanh(0.5) * size) / size)
