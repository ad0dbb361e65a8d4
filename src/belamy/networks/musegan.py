"""MuseGAN: music of several voices, bar by bar, from latents that voices and bars share or have for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm, Reshape, ScoringNetwork, dense, glorot_uniform
from belamy.networks.sizes import check_positive

OCTAVE = 12
_SLOPE = 0.2
_WIDTHS = (16, 8, 4, 4, 2)
"""Features of the layers that lengthen a bar, as multiples of the width; all further layers have the last."""
Model = Literal["jamming", "composer", "hybrid"]


def bars_of(shape: tuple[int, ...], bar: int) -> int:
    """How many bars samples have.

    Args:
        shape: (voices, steps, columns).
        bar: Steps of a bar.

    Raises:
        UsageError: They are no music, or have fewer than two whole bars.

    Example:
        >>> bars_of((4, 64, 48), 16)
        4
    """
    text = "x".join(map(str, shape))
    if len(shape) != 3:
        raise UsageError(f"musegan needs music, [voices, steps, columns], but this is {text}.")
    check_positive(bar, "musegan.bar")
    if shape[1] % bar or shape[1] < 2 * bar:
        near = max(2, round(shape[1] / bar)) * bar
        raise UsageError(
            f"musegan needs two bars or more of {bar} steps, but these pieces have {shape[1]} steps. Type --length "
            f"{near}, or say how long a bar is: musegan:bar=…"
        )
    return shape[1] // bar


def factors(number: int) -> list[int]:
    """The prime factors of a number, the smallest first.

    Example:
        >>> factors(16), factors(48), factors(7)
        ([2, 2, 2, 2], [2, 2, 2, 2, 3], [7])
    """
    found, prime = [], 2
    while number > 1:
        while number % prime == 0:
            found.append(prime)
            number //= prime
        prime += 1
    return found


class TemporalGenerator(nn.Module):
    """One latent becomes one for each bar, by two transposed convolutions over time.

    Args:
        latent: Size of a latent.
        bars: How many, at least 2.
        width: Features between the layers.
    """

    def __init__(self, latent: int, bars: int, width: int) -> None:
        super().__init__()
        first, second = nn.ConvTranspose1d(latent, width, 2, 2), nn.ConvTranspose1d(width, latent, bars - 1)
        self.layers = nn.Sequential(
            _drawn(first), _norm(width), nn.ReLU(), _drawn(second), _norm(latent), nn.ReLU()
        )  # fmt: skip

    def forward(self, latents: Tensor) -> Tensor:
        """``[N, latent, bars]`` from ``[N, latent]``."""
        return self.layers(latents[:, :, None])


class BarGenerator(nn.Module):
    """A bar from its latents: longer by transposed convolutions over time, then higher by two over pitches, an octave
    last.

    Args:
        latent: Size of the latents of a bar.
        voices: How many it plays.
        steps: Of a bar.
        columns: Of a roll.
        width: Features of the last layer but one.
    """

    def __init__(self, latent: int, voices: int, steps: int, columns: int, width: int) -> None:
        super().__init__()
        self.columns = columns
        lengths = factors(steps)
        features = [latent, *(width * (_WIDTHS + _WIDTHS[-1:] * len(lengths))[n] for n in range(len(lengths)))]
        layers: list[nn.Module] = [Reshape(latent, 1, 1)]
        for length, (incoming, outgoing) in zip(lengths, pairwise(features), strict=True):
            grow = nn.ConvTranspose2d(incoming, outgoing, (length, 1), (length, 1))
            layers += [_drawn(grow), _norm(outgoing), nn.ReLU()]
        octaves = -(-columns // OCTAVE)
        layers += [_drawn(nn.ConvTranspose2d(features[-1], width, (1, octaves), (1, octaves))), _norm(width), nn.ReLU()]
        layers += [_drawn(nn.ConvTranspose2d(width, voices, (1, OCTAVE), (1, OCTAVE))), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        """Rolls ``[N, voices, steps, columns]`` in [-1, 1] of latents ``[N, latent]``."""
        return self.layers(latents)[..., : self.columns]


class BarEncoder(nn.Module):
    """A latent of a bar of one voice: over pitches by octaves, then shorter by convolutions over time.

    Args:
        latent: Its size.
        steps: Of a bar.
        columns: Of a roll.
        width: Features of the first layers; the last has sixteen times as many, as the bar generator's first.
    """

    def __init__(self, latent: int, steps: int, columns: int, width: int) -> None:
        super().__init__()
        octaves, lengths = -(-columns // OCTAVE), factors(steps)[::-1]
        widths = (_WIDTHS + _WIDTHS[-1:] * len(lengths))[: len(lengths)]
        features = [width, *(width * wide for wide in widths[::-1])]
        layers: list[nn.Module] = [nn.ConstantPad2d((0, octaves * OCTAVE - columns, 0, 0), -1.0)]
        layers += [_drawn(nn.Conv2d(1, width, (1, OCTAVE), (1, OCTAVE))), nn.LeakyReLU(_SLOPE)]
        layers += [_drawn(nn.Conv2d(width, width, (1, octaves))), nn.LeakyReLU(_SLOPE)]
        for length, (incoming, outgoing) in zip(lengths, pairwise(features), strict=True):
            layers += [_drawn(nn.Conv2d(incoming, outgoing, (length, 1), (length, 1))), nn.LeakyReLU(_SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), dense(features[-1], latent))

    def forward(self, bars: Tensor) -> Tensor:
        """``[n, latent]`` of bars ``[n, 1, steps, columns]``."""
        latents: Tensor = self.layers(bars)
        return latents


class Band(nn.Module):
    """Players who make bars of the latents that they share or have for themselves; see :class:`Generator`.

    Args:
        latent: Size of the latents.
        shape: (voices, steps, columns) of the rolls.
        model: Who plays from which latents.
        width: Features of the last layer but one.
        bar: Steps of a bar.
        told: Whether each player also hears, bar by bar, as many numbers as a latent has.

    Raises:
        UsageError: Steps that are no whole bars, or latents that cannot be shared out.
    """

    modality = "music"
    native_shape = (4, 64, 48)
    native_latent = 320
    value_range = (-1.0, 1.0)

    def __init__(self, latent: int, shape: tuple[int, ...], model: Model, width: int, bar: int, told: bool) -> None:
        super().__init__()
        check_positive(latent, "The latent size")
        check_positive(width, "musegan.width")
        bars, (voices, _, columns) = bars_of(shape, bar), shape
        self.shared, self.own = model != "jamming", voices if model != "composer" else 0
        pieces = 2 * self.shared + 2 * self.own
        if latent % pieces:
            raise UsageError(
                f"The latent size is {latent}, but musegan as {model} shares it out to {pieces} equal latents of its "
                f"{voices} voices. Type --latent {max(1, round(latent / pieces)) * pieces}."
            )
        self.pieces, self.bars, self.each = pieces, bars, latent // pieces
        self.temporal = nn.ModuleList([TemporalGenerator(self.each, bars, 16 * width) for _ in range(pieces // 2)])
        heard = self.each * (2 * self.shared + 2 * (self.own > 0) + told)
        players = self.own or 1
        self.players = nn.ModuleList(
            [BarGenerator(heard, voices // players, bar, columns, width) for _ in range(players)]
        )

    def play(self, latents: Tensor, told: Tensor | None = None) -> Tensor:
        """Rolls ``[N, voices, steps, columns]`` in [-1, 1].

        Args:
            latents: ``[N, latent]``.
            told: What each player hears beside, ``[N, latent of a piece, bars]``.
        """
        voices = [
            player(of_bars.transpose(1, 2).flatten(0, 1)).unflatten(0, (len(latents), self.bars))
            for player, of_bars in zip(self.players, self.heard(latents, told), strict=True)
        ]  # each [N, bars, its voices, steps of a bar, columns]
        return torch.cat(voices, 2).transpose(1, 2).flatten(2, 3)

    def heard(self, latents: Tensor, told: Tensor | None) -> Iterator[Tensor]:
        """What each bar generator hears.  # [N, latent] to [N, its latents, bars] each"""
        pieces = list(latents.chunk(self.pieces, 1))
        of_bars = iter(self.temporal)
        shared = [] if told is None else [told]
        if self.shared:
            shared += [self._still(pieces.pop(0)), next(of_bars)(pieces.pop(0))]
        if not self.own:
            yield torch.cat(shared, 1)
        for still, moving, temporal in zip(pieces[: self.own], pieces[self.own :], of_bars, strict=True):
            yield torch.cat([*shared, self._still(still), temporal(moving)], 1)

    def _still(self, latents: Tensor) -> Tensor:
        """The same latents for each bar."""
        return latents[:, :, None].expand(-1, -1, self.bars)


class Generator(Band):
    r"""Music of several voices by one of three models, bar by bar.

    Each bar is made of the latents

    .. math:: \bar z_{i,t} = [z,\; G_\mathrm{temp}(z_t)_t,\; z_i,\; G_{\mathrm{temp},i}(z_{i,t})_t]

    - ``composer``: all voices by one bar generator, of the two latents without *i*;
    - ``jamming``: each voice by one of its own, of the two with *i*;
    - ``hybrid``: each voice by one of its own, of all four.

    The latents are cut into equal pieces: *z* and *z_t* where there are such, then *z_i* of each voice, then *z_{i,t}*.

    *Departs from the paper*: rolls have columns for the rest and for onsets beside the pitches; a bar is lengthened by
    the prime factors of its steps (16 = 2·2·2·2, in the paper 96), pitches beyond whole octaves are cut off; each model
    has temporal generators, which the paper joins with the hybrid.

    References:
        Dong et al. 2018, "MuseGAN", arXiv 1709.06298, sections 3.2 to 3.4 and figures 2 to 4.

    Args:
        latent: Size of the latents, a multiple of 2 for the composer, of 2V for jamming and 2 + 2V for the hybrid.
        shape: (voices, steps, columns) of the rolls.
        model: Who plays from which latents.
        width: Features of the last layer but one, 64 in the paper; the first has sixteen times as many.
        bar: Steps of a bar.

    Raises:
        UsageError: Steps that are no whole bars, or latents that cannot be shared out.

    Example:
        >>> Generator(20, (4, 32, 48), width=2)(torch.randn(3, 20)).shape
        torch.Size([3, 4, 32, 48])
    """

    def __init__(
        self, latent: int, shape: tuple[int, ...], *, model: Model = "hybrid", width: int = 64, bar: int = 16
    ) -> None:
        super().__init__(latent, shape, model, width, bar, told=False)

    def forward(self, latents: Tensor) -> Tensor:
        """Rolls ``[N, voices, steps, columns]`` in [-1, 1] from latents ``[N, latent]``."""
        return self.play(latents)


class Accompanist(Band):
    r"""Music of several voices of which one is given: the others are played to it, bar by bar.

    An encoder makes a latent of each given bar, which all players hear beside those of :class:`Generator`:

    .. math:: \bar z_{i,t} = [E(y_t),\; z,\; G_\mathrm{temp}(z_t)_t,\; z_i,\; G_{\mathrm{temp},i}(z_{i,t})_t]

    *Departs from the paper* as :class:`Generator` does; and the temporal generators stay, so that two accompaniments of
    the same voice move otherwise, where the paper has what the given bars say in their place.

    References:
        Dong et al. 2018, "MuseGAN", arXiv 1709.06298, section 3.3.2 and figure 3b (track-conditional generation).

    Args:
        latent: Size of the latents, a multiple of 2 for the composer, of 2(V - 1) for jamming and 2V for the hybrid.
        shape: (voices, steps, columns) of whole pieces.
        model: Who plays from which latents.
        width: Features of the last layer but one; the encoder's first has as many.
        bar: Steps of a bar.

    Raises:
        UsageError: One voice alone, steps that are no whole bars, or latents that cannot be shared out.

    Example:
        >>> given = torch.randn(3, 1, 32, 48)
        >>> Accompanist(16, (4, 32, 48), width=2)(torch.randn(3, 16), given).shape
        torch.Size([3, 3, 32, 48])
    """

    def __init__(
        self, latent: int, shape: tuple[int, ...], *, model: Model = "hybrid", width: int = 64, bar: int = 16
    ) -> None:
        if len(shape) == 3 and shape[0] < 2:
            raise UsageError("There is only one voice, so nothing is left to be played to it. Leave music.voices out.")
        super().__init__(latent, (shape[0] - 1, *shape[1:]), model, width, bar, told=True)
        self.encoder = BarEncoder(self.each, bar, shape[-1], width)

    def forward(self, latents: Tensor, given: Tensor) -> Tensor:
        """The other voices' rolls ``[N, voices - 1, steps, columns]`` in [-1, 1], from latents ``[N, latent]`` and the
        given voice's ``[N, 1, steps, columns]``."""
        of_bars = given.unflatten(2, (self.bars, -1)).transpose(1, 2).flatten(0, 1)  # [N * bars, 1, steps, columns]
        return self.play(latents, self.encoder(of_bars).unflatten(0, (len(given), self.bars)).transpose(1, 2))


class Discriminator(ScoringNetwork):
    """Bars together, then pitches by octaves, then time, to features and a score.

    *Departs from the paper*: layers over time halve what is left of a bar, so that bars of other lengths are taken;
    critics of voices ``apart`` are added up and share one gradient penalty.

    References:
        Dong et al. 2018, "MuseGAN", arXiv 1709.06298, section 3.2: one critic (composer, hybrid) or one for each voice
        (jamming).

    Args:
        shape: (voices, steps, columns) of the rolls.
        tracks: One critic of all voices ``together``, or of each ``apart``.
        width: Features of the first layers, 128 in the paper; the last has four times as many, the score's eight times.
        bar: Steps of a bar.

    Raises:
        UsageError: Steps that are no whole bars.
    """

    modality = "music"
    native_shape = (4, 64, 48)

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        tracks: Literal["together", "apart"] = "together",
        width: int = 128,
        bar: int = 16,
    ) -> None:
        super().__init__()
        check_positive(width, "musegan.width")
        bars, (voices, _, columns) = bars_of(shape, bar), shape
        groups = voices if tracks == "apart" else 1
        self.trunk = _Critics([critic_layers(voices // groups, bars, bar, columns, width) for _ in range(groups)], bars)
        self.head = dense(groups * 8 * width, 1)


class _Critics(nn.Module):
    """The features of voices together, or of each group of them by a critic of its own."""

    def __init__(self, critics: list[nn.Module], bars: int) -> None:
        super().__init__()
        self.critics, self.bars = nn.ModuleList(critics), bars

    def forward(self, rolls: Tensor) -> Tensor:
        """``[N, features]`` of ``[N, voices, steps, columns]``."""
        parts = rolls.unflatten(2, (self.bars, -1)).chunk(len(self.critics), 1)
        return torch.cat([critic(part) for critic, part in zip(self.critics, parts, strict=True)], 1)


def critic_layers(voices: int, bars: int, steps: int, columns: int, width: int) -> nn.Sequential:
    """A critic's layers up to its ``8 * width`` features, of ``[N, voices, bars, steps, columns]``."""
    octaves = -(-columns // OCTAVE)
    kernels: list[tuple[int, dict[str, Any]]] = [
        (width, {"kernel_size": (2, 1, 1)}),
        (width, {"kernel_size": (bars - 1, 1, 1)}),
        (width, {"kernel_size": (1, 1, OCTAVE), "stride": (1, 1, OCTAVE)}),
        (width, {"kernel_size": (1, 1, octaves)}),
    ]
    left = steps
    for outgoing in (width, width, 2 * width, 4 * width):
        kernels.append((outgoing, {"kernel_size": (1, 3, 1), "stride": (1, 2, 1), "padding": (0, 1, 0)}))
        left = -(-left // 2)
    layers: list[nn.Module] = [nn.ConstantPad3d((0, octaves * OCTAVE - columns, 0, 0, 0, 0), -1.0)]
    incoming = voices
    for outgoing, kernel in kernels:
        layers += [_drawn(nn.Conv3d(incoming, outgoing, **kernel)), nn.LeakyReLU(_SLOPE)]
        incoming = outgoing
    return nn.Sequential(*layers, nn.Flatten(), dense(left * incoming, 8 * width), nn.LeakyReLU(_SLOPE))


def _norm(features: int) -> BatchNorm:
    return BatchNorm(features, eps=1e-5, momentum=0.1)


def _drawn(layer: Any) -> nn.Module:
    """The layer with initial weights."""
    with torch.no_grad():
        glorot_uniform(layer.weight)
        layer.bias.zero_()
    made: nn.Module = layer
    return made
