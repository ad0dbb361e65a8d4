"""MuseGAN's generators and critics against the paper, in double precision."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.bar_vae import Decoder, Encoder
from belamy.networks.musegan import BarGenerator, Discriminator, Generator, TemporalGenerator, bars_of
from belamy.seeds import generator

SHAPE = (3, 24, 15)
BAR, LATENT = 8, 2


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator(0, *map(str, shape)), dtype=torch.float64)


def made(model: Any) -> Generator:
    """A generator of three bars of eight steps, its normalisations no longer at their beginning."""
    pieces = {"composer": 2, "jamming": 6, "hybrid": 8}[model]
    network = Generator(pieces * LATENT, SHAPE, model=model, width=2, bar=BAR).double()
    network(normal(16, pieces * LATENT))
    return network.eval()


def normalised(layer: Any, values: Tensor) -> Tensor:
    """By the moving statistics, then the gain and the offset, along the second axis."""
    shape = (1, -1) + (1,) * (values.dim() - 2)
    mean, deviation = layer.running_mean.view(shape), (layer.running_var + 1e-5).sqrt().view(shape)
    return layer.weight.view(shape) * (values - mean) / deviation + layer.bias.view(shape)


def stretched(layer: Any, maps: Tensor, axis: int) -> Tensor:
    """Each place becomes as many as the kernel has.  # [N, C, T, P]"""
    taps = layer.weight.squeeze(5 - axis)  # [in, out, k]
    parts = torch.einsum("nitp,iok->notpk", maps, taps) + layer.bias[:, None, None, None]
    return parts.movedim(4, axis + 1).flatten(axis, axis + 1)


def temporal(module: TemporalGenerator, latent: Tensor) -> Tensor:
    """Two steps from one, then three from two by a kernel of two.  # [N, d] to [N, d, 3]"""
    first, norm, _, second, norm_2, _ = module.layers
    two = torch.einsum("ni,iok->nok", latent, first.weight) + first.bias[:, None]
    two = normalised(norm, two).clamp_min(0)
    taps = torch.einsum("nit,iok->notk", two, second.weight)
    three = torch.stack([taps[..., 0, 0], taps[..., 0, 1] + taps[..., 1, 0], taps[..., 1, 1]], 2)
    return normalised(norm_2, three + second.bias[:, None]).clamp_min(0)


def bar(module: BarGenerator, latent: Tensor) -> Tensor:
    """Time by 2, 2 and 2, pitches by 2 and 12, of which 15 are kept.  # [N, d] to [N, V, 8, 15]"""
    maps, layers = latent[:, :, None, None], list(module.layers)[1:]
    for place, axis in zip(range(0, 15, 3), (2, 2, 2, 3, 3), strict=True):
        maps = stretched(layers[place], maps, axis)
        maps = normalised(layers[place + 1], maps).clamp_min(0) if place < 12 else maps.tanh()
    return maps[..., :15]


class TestGenerator:
    @pytest.mark.parametrize("model", ["composer", "jamming", "hybrid"])
    def test_every_bar_is_the_papers(self, model: str) -> None:
        """Dong et al. 2018, arXiv 1709.06298, section 3.4, voice by voice and bar by bar."""
        network = made(model)
        latents = normal(4, network.pieces * LATENT)
        pieces = list(latents.chunk(network.pieces, 1))
        moving = list(network.temporal)
        shared = [pieces[0], temporal(moving.pop(0), pieces[1])] if model != "jamming" else []
        own = pieces[2:] if model == "hybrid" else pieces
        rolls = network(latents)
        assert rolls.shape == (4, *SHAPE) and rolls.abs().max() <= 1
        for number in range(3):
            span = slice(number * BAR, (number + 1) * BAR)
            heard = [shared[0], shared[1][..., number]] if shared else []
            if model == "composer":
                torch.testing.assert_close(rolls[:, :, span], bar(network.players[0], torch.cat(heard, 1)))
                continue
            for voice in range(3):
                of_bars = temporal(moving[voice], own[3 + voice])[..., number]
                expected = bar(network.players[voice], torch.cat([*heard, own[voice], of_bars], 1))
                torch.testing.assert_close(rolls[:, voice : voice + 1, span], expected)

    def test_who_hears_what(self) -> None:
        """Of the jamming model no voice hears another's latents; of the hybrid all hear the first two."""
        for model, all_hear in (("jamming", []), ("hybrid", [0, 1])):
            network = made(model)
            latents = normal(1, network.pieces * LATENT).requires_grad_()
            for voice in range(3):
                (slope,) = torch.autograd.grad(network(latents)[:, voice].sum(), latents)
                moved = [place for place, piece in enumerate(slope.chunk(network.pieces, 1)) if piece.any()]
                own = len(all_hear) + voice
                assert moved and set(moved) <= {*all_hear, own, own + 3} and own in moved

    def test_sizes_of_the_paper(self) -> None:
        """Bars of 48 steps and 84 pitches, four bars from latents of 32 numbers."""
        network = Generator(64, (5, 192, 84), model="composer", bar=48)
        kernels = [tuple(layer.weight.shape) for layer in network.players[0].layers if hasattr(layer, "stride")]
        assert [shape[1] for shape in kernels] == [1024, 512, 256, 256, 128, 64, 5]
        assert [shape[2:] for shape in kernels] == [*[(2, 1)] * 4, (3, 1), (1, 7), (1, 12)]
        assert [layer.weight.shape for layer in network.temporal[0].layers if hasattr(layer, "stride")] == [
            (32, 1024, 2), (1024, 32, 3)
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("latent", "shape", "options", "said"),
        [
            (101, (4, 64, 48), {}, "to 10 equal latents of its 4 voices. Type --latent 100"),
            (3, (4, 64, 48), {"model": "composer"}, "to 2 equal latents"),
            (100, (4, 40, 48), {}, "pieces have 40 steps. Type --length 32"),
            (100, (4, 16, 48), {}, "Type --length 32"),
            (100, (4, 64, 48), {"bar": 0}, "musegan.bar"),
            (100, (64, 48), {}, "this is 64x48"),
        ],
    )
    def test_what_does_not_fit(self, latent: int, shape: Any, options: dict[str, Any], said: str) -> None:
        with pytest.raises(UsageError) as error:
            Generator(latent, shape, width=1, **options)
        assert said in str(error.value)


class TestDiscriminator:
    def test_critics_apart_are_a_sum(self) -> None:
        rolls, other = normal(2, *SHAPE), normal(2, *SHAPE) + 1
        for tracks, same in (("apart", True), ("together", False)):
            network = Discriminator(SHAPE, tracks=tracks, width=3, bar=BAR).double()
            mixed = other.clone()
            mixed[:, 0] = rolls[:, 0]
            swapped = rolls.clone()
            swapped[:, 0] = other[:, 0]
            apart = network(rolls) + network(other) - network(mixed) - network(swapped)
            assert (apart.abs().max() < 1e-10) == same

    def test_it_sees_every_place(self) -> None:
        for shape, bar_steps in ((SHAPE, BAR), ((4, 36, 48), 12), ((1, 6, 7), 3)):
            network = Discriminator(shape, width=3, bar=bar_steps).double()
            rolls = normal(2, *shape).requires_grad_()
            (slope,) = torch.autograd.grad(network(rolls).sum(), rolls)
            assert (slope != 0).double().mean() > 0.8
            assert network.scores_and_features(rolls)[1].shape == (2, 24)


def test_bars() -> None:
    assert bars_of((4, 36, 48), 12) == 3


def test_codes_of_bars() -> None:
    """Each bar is the bar generator's of its own part of the first layer."""
    encoder, decoder = Encoder(SHAPE, 5, width=2, bar=BAR).double(), Decoder(5, SHAPE, width=2, bar=BAR).double()
    mean, log_variance = encoder(normal(4, *SHAPE).sigmoid())
    assert mean.shape == log_variance.shape == (4, 5)
    rolls = decoder.eval()(mean)
    assert rolls.shape == (4, *SHAPE) and rolls.min() >= 0 and rolls.max() <= 1
    of_bars = (mean @ decoder.of_bars[0].weight.T + decoder.of_bars[0].bias).clamp_min(0)
    for number, part in enumerate(of_bars.chunk(3, 1)):
        expected = (bar(decoder.player, part) + 1) / 2
        torch.testing.assert_close(rolls[:, :, number * BAR : (number + 1) * BAR], expected)
