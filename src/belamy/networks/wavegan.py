"""WaveGAN: waveforms by one-dimensional convolutions of 25 taps and stride 4."""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.layers import Reshape, ScoringNetwork, dense, glorot_uniform
from belamy.networks.sizes import check_positive

TAPS, STRIDE = 25, 4
FEWEST = 8
"""Steps of the shortest feature maps, at least."""
_SLOPE = 0.2


def layers_of(shape: tuple[int, ...], network: str = "wavegan") -> int:
    """How many layers of stride 4 lie between a clip and feature maps of at least 8 steps.

    Args:
        shape: (channels, samples).
        network: Name for the message.

    Raises:
        UsageError: A number of samples that the strides do not divide; the message names the nearest lengths.

    Example:
        >>> layers_of((1, 16384)), layers_of((1, 8192)), layers_of((1, 4096))
        (5, 5, 4)
    """
    samples = shape[-1]
    layers = 0
    while samples >= FEWEST * STRIDE ** (layers + 1):
        layers += 1
    unit = STRIDE ** max(layers, 2)
    if layers < 2 or samples % unit:
        floor = FEWEST * STRIDE**2
        near = sorted({max(floor, samples // unit * unit), max(floor, -(-samples // unit) * unit)})
        raise UsageError(
            f"{network} needs clips whose number of samples is a multiple of {unit:,} (at least {floor}), but these "
            f"have {samples:,}. Type {' or '.join(f'--length {length}' for length in near)}."
        )
    return layers


class PhaseShuffle(nn.Module):
    r"""Shifts feature maps by a whole number of steps, uniform on -n..n; what is missing is filled by reflection.

    So a discriminator cannot learn the phase of the artefacts that transposed convolutions leave. Only in training.

    *Departs from the paper's figure*, as its published code does: one shift for all maps of a batch.

    References:
        Donahue et al. 2019, arXiv 1802.04208, section 3.3.

    Args:
        radius: The largest shift n; 0 for none.
    """

    def __init__(self, radius: int) -> None:
        super().__init__()
        self.radius = radius

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x`` ``[N, C, steps]``."""
        if not self.training or not self.radius:
            return x
        shift = int(torch.randint(-self.radius, self.radius + 1, ()))
        padded = F.pad(x, (max(shift, 0), max(-shift, 0)), mode="reflect") if shift else x
        return padded.narrow(2, max(-shift, 0), x.shape[2])

    def extra_repr(self) -> str:
        """The largest shift, as ``print`` shows it."""
        return str(self.radius)


class StridedConv1d(nn.Module):
    r"""Convolution of stride 4, padded as TensorFlow pads: a quarter of the steps, rounded up.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        taps: Of a kernel, an odd number.
        init: Sets the weights ``[outgoing, incoming, taps]``.
    """

    def __init__(
        self, incoming: int, outgoing: int, taps: int = TAPS, init: Callable[[Tensor], object] = glorot_uniform
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = incoming, outgoing
        self.weight = nn.Parameter(torch.empty(outgoing, incoming, taps))
        self.bias = nn.Parameter(torch.zeros(outgoing))
        self.before = (taps - STRIDE) // 2  # the odd step of padding is at the end
        with torch.no_grad():
            init(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outgoing, steps / 4]`` from ``[N, incoming, steps]``."""
        after = self.weight.shape[2] - STRIDE - self.before
        return F.conv1d(F.pad(x, (self.before, after)), self.weight, self.bias, STRIDE)

    def extra_repr(self) -> str:
        """Sizes, as ``print`` shows them."""
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, {self.weight.shape[2]}, {STRIDE}"


class UpsamplingConv1d(nn.Module):
    r"""Four times as many steps: a transposed convolution, or a convolution of each step four times.

    Args:
        incoming: Channels of the input.
        outgoing: Channels of the output.
        upsampling: ``transposed``, or ``nearest``, which leaves no comb in the spectrum.
        taps: Of a kernel, an odd number.
    """

    def __init__(self, incoming: int, outgoing: int, upsampling: str = "transposed", taps: int = TAPS) -> None:
        super().__init__()
        self.transposed = upsampling == "transposed"
        sides = (incoming, outgoing) if self.transposed else (outgoing, incoming)
        self.weight = nn.Parameter(torch.empty(*sides, taps))
        self.bias = nn.Parameter(torch.zeros(outgoing))
        glorot_uniform(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outgoing, 4 steps]`` from ``[N, incoming, steps]``."""
        taps = self.weight.shape[2]
        if self.transposed:
            whole = F.conv_transpose1d(x, self.weight, self.bias, STRIDE, (taps - STRIDE) // 2)
            return whole[..., : STRIDE * x.shape[2]]
        return F.conv1d(x.repeat_interleave(STRIDE, 2), self.weight, self.bias, padding=taps // 2)

    def extra_repr(self) -> str:
        """Sizes, as ``print`` shows them."""
        kind = "transposed" if self.transposed else "nearest"
        return f"{', '.join(map(str, self.weight.shape))}, {STRIDE}, {kind}"


class Generator(nn.Module):
    """Latents 100 → 16 × 1024 → 512 → 256 → 128 → 64 → 16,384 samples; 19,065,345 parameters (16,384 samples, mono).

    Clips of 8,192 samples begin with 8 steps in place of 16; each factor of four in length is a layer more or less.

    References:
        Donahue et al. 2019, arXiv 1802.04208, table 3; nearest upsampling: section 3.2.

    Args:
        latent: Size of the latents.
        shape: (channels, samples) of a clip.
        width: Features of the last layer but one, 64 in the paper; they double towards the latents.
        upsampling: How a layer makes four steps of one.

    Raises:
        UsageError: A number of samples that the strides do not divide.

    Example:
        >>> Generator(100, (1, 8192), width=4)(torch.randn(2, 100)).shape
        torch.Size([2, 1, 8192])
    """

    modality = "audio"
    native_shape = (1, 16384)
    native_latent = 100
    value_range = (-1.0, 1.0)

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        *,
        width: int = 64,
        upsampling: Literal["transposed", "nearest"] = "transposed",
    ) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(width, "wavegan.width")
        count = layers_of(shape)
        features = [width * 2**number for number in reversed(range(count))]
        start = shape[1] // STRIDE**count
        steps: list[nn.Module] = [dense(latent, start * features[0]), Reshape(features[0], start), nn.ReLU()]
        for incoming, outgoing in pairwise(features):
            steps += [UpsamplingConv1d(incoming, outgoing, upsampling), nn.ReLU()]
        self.layers = nn.Sequential(*steps, UpsamplingConv1d(width, shape[0], upsampling), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        """Waveforms ``[N, channels, samples]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.layers(latents)


class Discriminator(ScoringNetwork):
    """16,384 samples → 64 → 128 → 256 → 512 → 1024 × 16 → score, phases shuffled; 17,427,969 parameters.

    References:
        Donahue et al. 2019, arXiv 1802.04208, table 4.

    Args:
        shape: (channels, samples) of a clip.
        width: Features of the first layer, 64 in the paper; they double from layer to layer.
        shuffle: The largest shift of the phase shuffle behind each layer but the last, in steps; 0 for none.

    Raises:
        UsageError: A number of samples that the strides do not divide, or a shift out of range.
    """

    modality = "audio"
    native_shape = (1, 16384)

    def __init__(self, shape: tuple[int, ...], *, width: int = 64, shuffle: int = 2) -> None:
        super().__init__()
        check_positive(width, "wavegan.width")
        if not 0 <= shuffle <= FEWEST:
            raise UsageError(f"wavegan.shuffle is {shuffle}, but a shift must be in 0..{FEWEST} steps.")
        count = layers_of(shape)
        features = [shape[0], *(width * 2**number for number in range(count))]
        steps: list[nn.Module] = []
        for number, (incoming, outgoing) in enumerate(pairwise(features)):
            steps += [StridedConv1d(incoming, outgoing), nn.LeakyReLU(_SLOPE)]
            if number < count - 1:
                steps.append(PhaseShuffle(shuffle))
        self.trunk = nn.Sequential(*steps, nn.Flatten())
        self.head = dense(features[-1] * (shape[1] // STRIDE**count), 1)
