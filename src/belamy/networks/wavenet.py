r"""WaveNet: sound sample by sample, by causal convolutions whose gaps grow.

.. math:: z = \tanh(W_f * x + V_f\,y) \odot \sigma(W_g * x + V_g\,y)

where y is what is told: the class of the whole sound or a vector, such as a speaker's, and the frame of a spectrogram
above each sample.

References:
    Van den Oord et al. 2016, "WaveNet: a generative model for raw audio", arXiv:1609.03499, sections 2.1 to 2.5; what
    is kept while sounds are drawn: Le Paine et al. 2016, "Fast Wavenet generation algorithm", arXiv:1611.09482.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from belamy.errors import UsageError
from belamy.networks.sizes import check_positive, check_sound
from belamy.networks.windows import gated

MOST_LAYERS = 16
"""Layers of a cycle; their gaps reach 32,768 samples."""


class PixelModel(nn.Module):
    """Features of each sample that are a function of the samples before it.

    Each layer's gap is twice that of the one below, from 1 on in every cycle; what it makes is added to what it reads,
    and what it tells is added up over all layers.

    *Departs from the paper:* a sample is seen as its place on the µ-law's scale; a spectrogram is repeated to the
    sound's rate, its second way (section 2.5), after a convolution over frames. The paper tells neither channels nor
    cycles: 64, 256 and five are ours, which look back 5,117 samples, the 300 ms of section 3.1.

    Args:
        shape: (channels, samples) of the sounds.
        classes: How many a conditional model is told; 0 for none.
        bands: Of the spectrogram that is told; 0 for none.
        hop: Samples that have a frame of it in common.
        vector: Length of a vector that is told in place of a class; 0 for none.
        width: Channels between layers.
        skip: Channels of what the layers tell together.
        layers: Of a cycle.
        cycles: How many there are.
        kernel: Samples that a layer reads.

    Raises:
        UsageError: A number is out of range.

    Example:
        >>> PixelModel((1, 8), width=4, skip=6, layers=2, cycles=1)(torch.zeros(3, 1, 8)).shape
        torch.Size([3, 6, 8])
    """

    modality = "audio"
    native_shape = (1, 16384)

    def __init__(
        self,
        shape: tuple[int, int],
        classes: int = 0,
        bands: int = 0,
        hop: int = 0,
        vector: int = 0,
        *,
        width: int = 64,
        skip: int = 256,
        layers: int = 10,
        cycles: int = 5,
        kernel: int = 2,
    ) -> None:
        super().__init__()
        for name, value in {"width": width, "skip": skip, "layers": layers, "cycles": cycles}.items():
            check_positive(value, f"wavenet:{name}")
        if kernel < 2 or layers > MOST_LAYERS:
            raise UsageError(
                f"wavenet has kernel={kernel} and layers={layers}, but a layer must read 2 samples or more, and a "
                f"cycle must have at most {MOST_LAYERS} layers. Type wavenet:kernel=2,layers=10."
            )
        check_sound(shape, "wavenet")
        self.features, self.kernel, self.hop = skip, kernel, hop
        self.enter: Any = nn.Conv1d(shape[0], width, kernel)
        self.context = nn.Conv1d(bands, width, 3, padding=1) if bands else None
        gaps = [2**number for _ in range(cycles) for number in range(layers)]
        self.layers: Any = nn.ModuleList(
            GatedConvolution(width, skip, kernel, gap, classes, bands > 0, number == len(gaps), vector=vector)
            for number, gap in enumerate(gaps, 1)
        )
        self.out: Any = nn.Conv1d(skip, skip, 1)

    @property
    def reach(self) -> int:
        """Samples before one that its features depend on."""
        return self.kernel + sum((self.kernel - 1) * layer.gap for layer in self.layers)

    def forward(self, values: Tensor, labels: Tensor | None = None, spectrogram: Tensor | None = None) -> Tensor:
        """Features of all samples of sounds in [-1, 1].  # [N, C, T], [N], [N, bands, frames] to [N, features, T]"""
        maps, frames = self.enter(pad(values, (self.kernel, -1))), self.framed(spectrogram)
        features: Tensor = self.out(torch.relu(all_told(self.layers, maps, self.features, labels, frames, self.hop)))
        return features

    def framed(self, spectrogram: Tensor | None) -> Tensor | None:
        """What the layers are told of a spectrogram.  # [N, bands, frames] to [N, width, frames]"""
        return None if self.context is None else self.context(spectrogram)

    def start(self, count: int, labels: Tensor | None = None, spectrogram: Tensor | None = None) -> Rings:
        """The state before the first sample of so many sounds; before it is silence."""
        like, width, layers = self.out.weight, self.enter.out_channels, list(self.layers)
        halved = torch.cat([like.new_ones(width), like.new_full((width,), 0.5)])
        taps = torch.tensor(
            [[tap * layer.gap for tap in range(self.kernel - 1)] for layer in layers], device=like.device
        )
        past = torch.tensor([[layer.past] for layer in layers], device=like.device)
        skips = [layer.out.weight[-self.features :, :, 0] for layer in layers]
        return Rings(
            like.new_zeros(count, self.enter.in_channels, self.kernel),
            like.new_zeros(int(past.sum()), count, width),
            taps,
            past,
            past.cumsum(0) - past,
            halved,
            torch.stack([layer.read.weight[..., :-1].permute(2, 1, 0).flatten(0, 1) * halved for layer in layers]),
            [(layer.read.weight[..., -1].T * halved).contiguous() for layer in layers],
            [(layer.out.weight[:width, :, 0].T / 2).contiguous() for layer in layers[:-1]],
            torch.cat(skips, 1).T / 2,
            torch.stack([layer.out.bias[-self.features :] for layer in layers]).sum(0),
            [self.told(labels, None) * halved],
            labels,
            self.framed(spectrogram),
        )

    def told(self, labels: Tensor | None, frame: Tensor | None) -> Tensor:
        """What each layer is told at one sample.  # [N], [N, width] to [layers, N or 1, 2 width]"""
        return torch.stack([torch.atleast_2d(layer.told(labels, frame)) for layer in self.layers])

    def step(self, state: Rings, place: int, before: Tensor | None = None) -> Tensor:
        """Features of the sample at a place, from 0; ``before`` is the sample before it.  # [N, features]

        What all layers make of past samples takes one product, for it does not wait for the layers below.
        """
        if before is not None:
            state.latest.copy_(torch.cat([state.latest[..., 1:], before[..., None]], -1))
        if state.frames is not None and place % self.hop == 0:
            state.told[0] = self.told(state.labels, state.frames[..., place // self.hop]) * state.halved
        count, width = len(state.latest), self.enter.out_channels
        slots = (place + state.taps) % state.past + state.starts
        seen = state.rings[slots].transpose(1, 2).reshape(len(slots), count, -1)
        begun = torch.baddbmm(state.told[0], seen, state.past_matrices).unbind(0)
        values = [torch.addmm(self.enter.bias, state.latest.flatten(1), self.enter.weight.flatten(1).T)]
        made = []
        for number, layer in enumerate(self.layers):
            both = torch.addmm(begun[number], values[-1], state.now_matrices[number]).tanh_()
            first, second = both.chunk(2, 1)
            made.append(torch.addcmul(first, first, second))
            if not layer.last:
                values.append(
                    torch.addmm(values[-1] + layer.out.bias[:width], made[-1], state.residual_matrices[number])
                )
        state.rings[slots[:, 0]] = torch.stack(values)
        total = torch.addmm(state.skip_bias, torch.cat(made, 1), state.skip_matrix)
        return torch.addmm(self.out.bias, total.relu_(), self.out.weight[..., 0].T)


class Rings(NamedTuple):
    r"""What has been computed of sounds that are being drawn, and the weights as a step takes them.

    ``step`` changes it. By :math:`\sigma(x) = (1 + \tanh(x / 2)) / 2` one tanh does for both halves: weights of the
    second are halved, and so are those that read the product.

    Args:
        latest: The samples that the first layer reads.  # [N, C, kernel]
        rings: What each layer read, as far back as it must, the oldest overwritten.  # [past of all layers, N, width]
        taps: How many places after the oldest sample of a layer's ring those are that it reads.  # [layers, kernel - 1]
        past: Places of each layer's ring.  # [layers, 1]
        starts: Where it begins.  # [layers, 1]
        halved: 1 for the first half of what is gated, 1/2 for the second.  # [2 width]
        past_matrices: From past samples, the oldest first.  # [layers, (kernel - 1) width, 2 width]
        now_matrices: From the present one.  # [width, 2 width] each
        residual_matrices: To what is added, of all layers but the last.  # [width, width] each
        skip_matrix: To what all layers tell together.  # [layers width, skip]
        skip_bias: The offset of that.  # [skip]
        told: One tensor, what each layer is told of the class and of the present frame.  # [layers, N or 1, 2 width]
        labels: The classes or vectors that are told.  # [N] or [N, vector]
        frames: What is told of spectrograms.  # [N, width, frames]
    """

    latest: Tensor
    rings: Tensor
    taps: Tensor
    past: Tensor
    starts: Tensor
    halved: Tensor
    past_matrices: Tensor
    now_matrices: list[Tensor]
    residual_matrices: list[Tensor]
    skip_matrix: Tensor
    skip_bias: Tensor
    told: list[Tensor]
    labels: Tensor | None
    frames: Tensor | None


def all_told(
    layers: nn.ModuleList, maps: Tensor, skip: int, labels: Tensor | None, frames: Tensor | None, hop: int
) -> Tensor:
    """What layers tell together.  # [N, width, T], [N], [N, width, frames] to [N, skip, T]"""
    total = maps.new_zeros(1)
    for layer in layers:
        made = layer(maps, labels, frames, hop)
        total = total + made[:, -skip:]
        if not layer.last:
            maps = maps + made[:, :-skip]
    return total


class GatedConvolution(nn.Module):
    """A gated convolution; what it makes is first added to what it reads, unless it is the last, and then told.

    Args:
        width: Channels read.
        skip: Channels told.
        kernel: Samples read.
        gap: From one of them to the next.
        classes: How many are told; 0 for none.
        framed: Whether a spectrogram is told.
        last: Whether nothing reads what it makes.
        causal: Whether it reads the samples before one, not those around it.
        vector: Length of a vector that is told in place of a class; 0 for none.
    """

    def __init__(
        self, width: int, skip: int, kernel: int, gap: int, classes: int, framed: bool, last: bool,
        causal: bool = True, vector: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.gap, self.past, self.last = gap, (kernel - 1) * gap, last
        self.edges = (self.past, 0) if causal else (self.past // 2, self.past - self.past // 2)
        self.read = nn.Conv1d(width, 2 * width, kernel, dilation=gap)
        told = nn.Linear(vector, 2 * width, bias=False) if vector else None
        self.classes: nn.Module | None = nn.Embedding(classes, 2 * width) if classes else told
        self.frames = nn.Conv1d(width, 2 * width, 1, bias=False) if framed else None
        self.out = nn.Conv1d(width, skip if last else width + skip, 1)

    def forward(self, maps: Tensor, labels: Tensor | None, frames: Tensor | None, hop: int) -> Tensor:
        """Both together.  # [N, width, T], [N], [N, width, frames] to [N, width + skip, T]"""
        found = self.read(pad(maps, self.edges))
        if self.classes is not None and labels is not None:
            found = found + self.classes(labels)[..., None]
        if self.frames is not None:
            found = found + self.frames(frames).repeat_interleave(hop, 2)[..., : maps.shape[2]]
        made: Tensor = self.out(gated(found))
        return made

    def told(self, labels: Tensor | None, frame: Tensor | None) -> Tensor:
        """What is added to what a sample reads, at a frame of a spectrogram.  # [N], [N, width] to [2 width] or more"""
        assert self.read.bias is not None
        found: Tensor = self.read.bias
        if self.classes is not None and labels is not None:
            found = found + self.classes(labels)
        if self.frames is not None and frame is not None:
            found = found + frame @ self.frames.weight[..., 0].T
        return found
