"""The networks of SPADE: equation 1 by hand, widths of the blocks, latents and their streams, other sizes, counts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from belamy.errors import UsageError
from belamy.networks.spade import SpatiallyAdaptiveNorm, StyleEncoder, Translator
from belamy.seeds import generator


def learned(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


class TestNorm:
    @pytest.mark.parametrize("norm", ["batch", "instance"])
    def test_equation_1(self, norm: str) -> None:
        layer = SpatiallyAdaptiveNorm(3, 4, 5, norm).double()
        x = torch.randn(2, 3, 6, 5, dtype=torch.float64)
        maps = F.one_hot(torch.randint(0, 4, (2, 6, 5)), 4).movedim(3, 1).double()
        axes = (0, 2, 3) if norm == "batch" else (2, 3)
        mean = x.mean(axes, keepdim=True)
        deviation = (x.var(axes, keepdim=True, correction=0) + (1e-3 if norm == "batch" else 1e-5)).sqrt()
        hidden = F.relu(F.conv2d(maps, layer.shared.weight, layer.shared.bias, padding=1))
        gain = F.conv2d(hidden, layer.gain.weight, layer.gain.bias, padding=1)
        offset = F.conv2d(hidden, layer.offset.weight, layer.offset.bias, padding=1)
        torch.testing.assert_close(layer(x, maps), gain * (x - mean) / deviation + offset)

    def test_gains_begin_about_1_and_nothing_else_is_learned(self) -> None:
        layer = SpatiallyAdaptiveNorm(3, 4, 5, "batch")
        assert layer.gain.bias is not None and layer.gain.bias.tolist() == [1.0, 1.0, 1.0]
        assert learned(layer) == (4 * 9 + 1) * 5 + 2 * (5 * 9 + 1) * 3


class TestGenerator:
    def network(self, **options: Any) -> Translator:
        return Translator((3, 32, 48), 2, **{"width": 2, "hidden": 4, "latent": 5, **options}).eval()

    def test_the_blocks_of_the_paper(self) -> None:
        network = Translator((36, 256, 256), 3, width=4, hidden=2)
        assert network.first == (64, 4, 4)
        assert [block.second.convolution.out_channels for block in network.blocks] == [64, 64, 64, 32, 16, 8, 4]
        assert [block.around is not None for block in network.blocks] == 3 * [False] + 4 * [True]

    def test_a_block_by_hand(self) -> None:
        network = self.network()
        block = network.blocks[1]
        x, maps = torch.randn(2, 16, 8, 12), torch.rand(2, 3, 8, 12)

        def step(part: Any, features: torch.Tensor) -> torch.Tensor:
            seen = F.relu(part.norm(features, maps))
            return F.conv2d(seen, part.convolution.weight, part.convolution.bias, padding=1)

        wanted = step(block.around, x) + step(block.second, step(block.first, x))
        torch.testing.assert_close(block(x, maps), wanted)
        assert block.first.convolution.out_channels == min(16, 8)

    def test_latents_come_from_streams_or_are_0_or_are_drawn_in_training(self) -> None:
        network, maps = self.network(), torch.rand(3, 3, 32, 48)
        streams = [generator(0, "style", number) for number in (4, 5, 6)]
        made = network(maps, streams)
        alone = network(maps[1:2], [generator(0, "style", 5)])
        torch.testing.assert_close(made[1:2], alone)
        assert torch.equal(network(maps), network.paint(maps, torch.zeros(3, 5)))
        network.train()
        assert not torch.equal(network(maps), network(maps))

    def test_pictures_of_other_sizes_enlarge_the_first_map(self) -> None:
        network = self.network()
        assert network.first[1:] == (4, 6)
        assert network.paint(torch.rand(1, 3, 64, 40), torch.randn(1, 5)).shape == (1, 2, 64, 40)
        with pytest.raises(UsageError, match="multiples of 8, but these are 44 wide and 64 high"):
            network.paint(torch.rand(1, 3, 64, 44), torch.randn(1, 5))

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"norm": "layer"}, "norm is 'layer'"),
            ({"latent": 0}, "latent is 0"),
            ({"hidden": 0}, "hidden is 0"),
            ({"width": 0}, "width is 0"),
            ({"doublings": -2}, "doublings is -2"),
            ({"doublings": 5}, "multiples of 32"),
        ],
    )
    def test_options_out_of_range_are_refused(self, options: dict[str, Any], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            self.network(**options)


class TestEncoder:
    def test_six_halvings_lead_to_4_pixels(self) -> None:
        encoder = StyleEncoder((3, 256, 256), 256, width=4)
        widths = [part.out_channels for part in encoder.modules() if hasattr(part, "kernel")]
        assert widths == [4, 8, 16, 32, 32, 32]
        assert encoder.mean.in_features == 32 * 16

    def test_of_other_sizes_the_style_is_told_too(self) -> None:
        encoder = StyleEncoder((3, 32, 48), 6, width=2).eval()
        for sides in ((32, 48), (96, 96), (20, 31)):
            mean, log_variance = encoder(torch.rand(2, 3, *sides))
            assert mean.shape == log_variance.shape == (2, 6)
