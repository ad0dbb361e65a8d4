"""The networks of pix2pixHD: counts of Hands-On GANs with Keras, the enhancer's inputs, means over objects, looks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.instance_encoder import InstanceEncoder, instance_means
from belamy.networks.layers import BatchNorm, same_average_pool
from belamy.networks.look_bank import KEPT, LookBank, clustered
from belamy.networks.pix2pix_hd import Translator
from belamy.networks.summary import summarize
from belamy.seeds import Draws


def weights(network: nn.Module) -> tuple[int, int]:
    """In all, with moving statistics, and trainable."""
    learned = sum(parameter.numel() for parameter in network.parameters())
    return learned + sum(buffer.numel() for buffer in network.buffers() if buffer.is_floating_point()), learned


class TestCounts:
    def test_the_global_generator(self) -> None:
        """Of labels and edges as the book feeds them, and with the three features of its code."""
        network = Translator((2, 64, 64), 3)
        assert weights(network) == (45_632_707, 45_611_459)
        counts = [
            4 * part.num_features if isinstance(part, BatchNorm) else sum(p.numel() for p in part.parameters())
            for part in network.modules()
            if isinstance(part, BatchNorm) or hasattr(part, "kernel")
        ]
        assert counts == [
            6_336, 256, 73_856, 512, 295_168, 1_024, 1_180_160, 2_048, *18 * [2_359_808, 2_048],
            1_179_904, 1_024, 295_040, 512, 73_792, 256, 9_411,
        ]  # fmt: skip
        network.whole.first = Translator((5, 64, 64), 3, blocks=1).whole.first
        assert weights(network) == (45_642_115, 45_620_867)

    @pytest.mark.parametrize(("channels", "total", "trainable"), [(3, 270_019, 268_995), (2, 268_451, 267_427)])
    def test_the_local_enhancer(self, channels: int, total: int, trainable: int) -> None:
        network = Translator((channels, 32, 32), 3, blocks=1, enhancer=True)
        assert network.details is not None
        assert weights(network.details) == (total, trainable)

    def test_the_encoder(self) -> None:
        assert weights(InstanceEncoder((4, 32, 32))) == (3_151_779, 3_148_835)

    def test_the_table_of_the_encoder(self) -> None:
        table = summarize(InstanceEncoder((4, 32, 32)), (4, 32, 32), torch.zeros(2, 32, 32, dtype=torch.long))
        assert (table.total, table.trainable) == (3_151_779, 3_148_835)


class TestEnhancer:
    def network(self, **options: Any) -> Any:
        return Translator((2, 32, 48), 3, width=4, halvings=2, blocks=1, enhancer=True, **options).eval()

    def test_maps_of_the_halved_input_are_added_before_the_blocks(self) -> None:
        network, given = self.network(), torch.randn(2, 2, 32, 48)
        residual = network.whole.maps(same_average_pool(given))
        assert residual.shape == (2, 4, 16, 24)
        x = network.details.down[0](network.details.first(given)) + residual
        for layer in (*network.details.blocks, *network.details.up):
            x = layer(x)
        wanted = torch.tanh(network.details.head(nn.functional.pad(x, (3, 3, 3, 3), mode="reflect")))
        torch.testing.assert_close(network(given), wanted)

    def test_at_level_1_the_global_generator_works_alone(self) -> None:
        network, given = self.network(), torch.randn(2, 2, 32, 48)
        network.grow(1)
        small = network.coarse(same_average_pool(given))
        assert small.shape == (2, 3, 16, 24)
        torch.testing.assert_close(network(given), nn.functional.interpolate(small, scale_factor=2, mode="bilinear"))

    def test_what_rests_gets_no_gradient(self) -> None:
        network, given = self.network(), torch.randn(2, 2, 32, 48)
        network.trains_whole = False
        network(given).sum().backward()
        assert all(parameter.grad is None for parameter in network.whole.parameters())
        assert all(parameter.grad is not None for parameter in network.details.parameters())

    def test_sizes_are_multiples_of_one_halving_more(self) -> None:
        with pytest.raises(UsageError, match=r"multiples of 8 of at least 16, but these are 36 wide and 32 high"):
            Translator((2, 32, 36), 3, width=4, halvings=2, enhancer=True)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"width": 1}, "width is 0"),
            ({"blocks": 0}, "blocks is 0"),
            ({"enhancer_blocks": 0}, "enhancer-blocks is 0"),
        ],
    )
    def test_options_out_of_range_are_refused(self, options: dict[str, int], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            Translator((2, 64, 64), 3, **{"width": 4, **options}, enhancer=True)


class TestMeansOverObjects:
    def test_an_example(self) -> None:
        """Two pictures with objects of the same numbers; each has its own mean."""
        maps = torch.arange(16.0).view(2, 1, 2, 4)
        instances = torch.tensor([[[26_001, 26_001, 5, 5], [26_001, 5, 5, 5]], [[5, 5, 5, 5], [7, 7, 7, 26_001]]])
        wanted = torch.tensor([[[5 / 3, 5 / 3, 4.6, 4.6], [5 / 3, 4.6, 4.6, 4.6]], [[9.5] * 4, [13, 13, 13, 15]]])
        torch.testing.assert_close(instance_means(maps, instances), wanted.unsqueeze(1))

    def test_against_one_object_at_a_time(self) -> None:
        maps, instances = torch.randn(3, 5, 6, 7, dtype=torch.float64), torch.randint(0, 4, (3, 6, 7))
        wanted = torch.empty_like(maps)
        for n in range(3):
            for number in range(4):
                there = instances[n] == number
                wanted[n][:, there] = maps[n][:, there].mean(1, keepdim=True)
        torch.testing.assert_close(instance_means(maps, instances), wanted)

    def test_gradients_pass(self) -> None:
        maps, instances = (
            torch.randn(2, 2, 3, 3, dtype=torch.float64, requires_grad=True),
            torch.randint(0, 3, (2, 3, 3)),
        )
        assert torch.autograd.gradcheck(lambda x: instance_means(x, instances), maps)


class TestLooks:
    def test_clusters_are_found_in_the_order_of_their_sums(self) -> None:
        points = torch.cat(
            [torch.randn(20, 2) * 0.01 + torch.tensor(centre) for centre in ([1.0, 1.0], [-1.0, 0.0], [0.0, 0.5])]
        )
        found = clustered(points, 3)
        torch.testing.assert_close(found, torch.tensor([[-1.0, 0.0], [0.0, 0.5], [1.0, 1.0]]), rtol=0, atol=0.02)

    def test_no_more_clusters_than_points_that_differ(self) -> None:
        assert clustered(torch.tensor([[1.0], [1.0], [2.0]]), 10).tolist() == [[1.0], [2.0]]
        assert clustered(torch.zeros(0, 3), 10).shape == (0, 3)

    def test_the_oldest_make_room(self) -> None:
        bank = LookBank(2, 1)
        values = torch.linspace(-1, 1, KEPT + 3)
        for value in values:
            bank.remember(value.view(1, 1, 1).expand(1, 2, 1), torch.tensor([[True, False]]))
        assert int(bank.count) == KEPT + 3
        torch.testing.assert_close(bank.remembered(0)[:, 0].sort().values, values[3:], rtol=0, atol=1e-8)
        assert bank.remembered(1).shape == (0, 1)

    def test_a_look_of_each_class_that_is_there_is_remembered(self) -> None:
        encoder = InstanceEncoder((3, 16, 16), 2, width=2, halvings=1, classes=4)
        classes = torch.zeros(2, 16, 16, dtype=torch.long)
        classes[0, :8], classes[1, :, 5] = 1, 3
        looks: Tensor = torch.stack([classes / 10, -classes / 10], 1)
        encoder.remember(looks, classes, Draws(0, 0))
        for number, times in ((0, 2), (1, 1), (2, 0), (3, 1)):
            wanted = torch.tensor([number / 10, -number / 10]).expand(times, 2)
            torch.testing.assert_close(encoder.bank.remembered(number), wanted)

    def test_looks_go_together(self) -> None:
        """Two days and two nights: what a night lacks is taken from the other night, not from a day."""
        bank = LookBank(3, 1)
        looks = torch.tensor([[0.9, 0.8, 0.0], [-0.9, -0.8, 0.0], [-0.8, -0.7, -0.6], [0.8, 0.7, 0.6]]).unsqueeze(2)
        bank.remember(looks, torch.tensor([[True, True, False], [True, True, False], [True] * 3, [True] * 3]))
        for chosen, wanted in ((0.0, [0.9, 0.8, 0.6]), (0.3, [-0.9, -0.8, -0.6])):
            found = bank.together(chosen, 1)
            torch.testing.assert_close(torch.cat(found).flatten(), torch.tensor(wanted))
        torch.testing.assert_close(bank.together(0.3, 2)[0].flatten(), torch.tensor([-0.9, -0.8]))
        assert [len(each) for each in LookBank(2, 1).together(0.5, 4)] == [0, 0]

    def test_a_look_is_one_colour_within_an_object(self) -> None:
        encoder = InstanceEncoder((4, 16, 16), width=2, halvings=2).eval()
        instances = torch.randint(0, 3, (2, 16, 16))
        looks = encoder(torch.randn(2, 4, 16, 16), instances)
        for n in range(2):
            for number in range(3):
                assert looks[n][:, instances[n] == number].unique(dim=1).shape[1] == 1
