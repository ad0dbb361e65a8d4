"""The networks of pix2pix: counts of Hands-On GANs with Keras, sizes of maps, receptive fields, seeded dropout."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.layers import BatchNorm
from belamy.networks.patch_gan import PatchDiscriminator
from belamy.networks.u_net import SeededDropout, Translator
from belamy.seeds import generator


def learned(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def counts(network: nn.Module) -> list[int]:
    """Parameters of each convolution and of each normalisation with its moving statistics, in order."""
    found = []
    for part in network.modules():
        if isinstance(part, BatchNorm):
            found.append(4 * part.num_features)
        elif hasattr(part, "kernel"):
            found.append(learned(part))
    return found


class TestUNet:
    @pytest.mark.parametrize("upsampling", ["nearest", "transposed"])
    def test_the_counts_of_the_book(self, upsampling: str) -> None:
        network = Translator((3, 256, 256), 3, upsampling=upsampling)
        moving = sum(buffer.numel() for buffer in network.buffers())
        assert (learned(network) + moving, learned(network), moving) == (41_843_331, 41_834_499, 8_832)
        assert counts(network) == [
            3_136, 131_200, 512, 524_544, 1_024, 2_097_664, 2_048, 4_194_816, 2_048, 4_194_816, 2_048, 4_194_816, 2_048,
            4_194_816, 2_048, 8_389_120, 2_048, 8_389_120, 2_048, 4_194_560, 1_024, 1_048_704, 512, 262_208, 256, 6_147,
        ]  # fmt: skip

    def test_the_encoders_maps_halve_to_two_pixels(self) -> None:
        network = Translator((3, 256, 256), 3, width=1)
        sides: list[int] = []
        for halving in network.encoder:
            halving.register_forward_hook(lambda _part, _given, made: sides.append(made.shape[2]))
        network(torch.zeros(2, 3, 256, 256))
        assert sides == [128, 64, 32, 16, 8, 4, 2]

    @pytest.mark.parametrize(
        ("sides", "depth"), [((64, 64), 5), ((64, 96), 5), ((48, 32), 4), ((20, 20), 2), ((512, 512), 7), ((8, 8), 2)]
    )
    def test_small_pictures_are_halved_as_often_as_leaves_two_pixels(self, sides: tuple[int, int], depth: int) -> None:
        network = Translator((2, *sides), 5, width=2)
        assert len(network.encoder) == depth
        assert network(torch.zeros(2, 2, *sides)).shape == (2, 5, *sides)

    @pytest.mark.parametrize("sides", [(30, 32), (4, 64), (63, 64)])
    def test_sizes_that_cannot_be_halved_are_refused_with_those_that_can(self, sides: tuple[int, int]) -> None:
        with pytest.raises(UsageError, match="u-net needs images whose height and width are multiples of 4") as error:
            Translator((3, *sides), 3)
        for size in map(int, re.findall(r"--size (\d+)", str(error.value))):
            Translator((3, size, size), 3, width=1)

    def test_a_depth_of_the_users_needs_its_multiple(self) -> None:
        with pytest.raises(UsageError, match=r"multiples of 64, but .* 96 .*\. Type --size 64 or --size 128"):
            Translator((3, 96, 96), 3, width=1, depth=6)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"width": 0}, "width is 0"),
            ({"depth": -1}, "depth is -1"),
            ({"dropout": 1.0}, "dropout is 1.0"),
            ({"upsampling": "cubic"}, "upsampling is 'cubic'"),
        ],
    )
    def test_options_out_of_range_are_refused(self, options: dict[str, object], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            Translator((3, 64, 64), 3, **options)

    def test_nearest_up_and_convolution_is_keras_same(self) -> None:
        """Each pixel twice, then 4x4 with one row before and two after."""
        block = Translator((1, 8, 8), 1, width=1).head
        with torch.no_grad():
            block.convolution.weight.copy_(torch.arange(32.0).view(1, 2, 4, 4))
        x = torch.randn(1, 2, 3, 5)
        twice = nn.functional.pad(x.repeat_interleave(2, 2).repeat_interleave(2, 3), (1, 2, 1, 2))
        wanted = nn.functional.conv2d(twice, block.convolution.weight)
        torch.testing.assert_close(block(x), wanted)


class TestDropout:
    def network(self, **options: object) -> Translator:
        made = Translator((1, 16, 16), 3, width=4, **options)
        with torch.no_grad():
            made(torch.randn(8, 1, 16, 16))
        return made.eval()

    def streams(self, seed: int, numbers: list[int]) -> list[torch.Generator]:
        return [generator(seed, "dropout", number) for number in numbers]

    def test_it_stays_on_where_there_are_streams(self) -> None:
        network, given = self.network(), torch.randn(3, 1, 16, 16)
        one = network(given, self.streams(0, [0, 1, 2]))
        assert torch.equal(one, network(given, self.streams(0, [0, 1, 2])))
        assert not torch.equal(one, network(given, self.streams(1, [0, 1, 2])))
        assert not torch.equal(one, network(given))
        assert torch.equal(network(given), network(given))

    def test_a_sample_does_not_depend_on_its_batch(self) -> None:
        network, given = self.network(), torch.randn(3, 1, 16, 16)
        whole = network(given, self.streams(0, [4, 5, 6]))
        alone = network(given[1:2], self.streams(0, [5]))
        torch.testing.assert_close(whole[1:2], alone, rtol=1e-4, atol=1e-5)

    def test_only_the_first_blocks_drop_where_it_says_so(self) -> None:
        rates = [block.dropout.training_dropout.rate for block in self.network(dropped=1, depth=3).decoder]
        assert rates == [0.5, 0.0]

    def test_masks_drop_the_share_and_keep_the_mean(self) -> None:
        layer = SeededDropout(0.25).eval()
        dropped = layer(torch.ones(2, 50, 50), self.streams(3, [0, 1]))
        assert {round(value, 4) for value in dropped.unique().tolist()} == {0.0, round(1 / 0.75, 4)}
        assert abs(float((dropped == 0).float().mean()) - 0.25) < 0.02


class TestPatchGAN:
    def test_the_counts_of_the_book(self) -> None:
        network = PatchDiscriminator((6, 256, 256))
        assert (learned(network), sum(buffer.numel() for buffer in network.buffers())) == (2_769_601, 1_792)
        assert counts(network) == [6_208, 131_200, 512, 524_544, 1_024, 2_097_664, 2_048, 8_193]

    @pytest.mark.parametrize(
        ("receptive_field", "side", "parameters"),
        [(1, 256, 9_153), (16, 126, 139_713), (70, 30, 2_769_601), (94, 16, 2_769_601), (286, 6, 11_161_281)],
    )
    def test_the_scores_of_256_pixels(self, receptive_field: int, side: int, parameters: int) -> None:
        network = PatchDiscriminator((6, 256, 256), width=2, receptive_field=receptive_field)
        assert network(torch.zeros(2, 6, 256, 256)).shape == (2, 1, side, side)
        assert learned(PatchDiscriminator((6, 256, 256), receptive_field=receptive_field)) == parameters

    @pytest.mark.parametrize("receptive_field", [1, 16, 70, 94, 286])
    def test_a_score_depends_on_a_patch_of_that_side(self, receptive_field: int) -> None:
        network = PatchDiscriminator((1, 256, 256), width=2, receptive_field=receptive_field).double().eval()
        for parameter in network.parameters():
            nn.init.constant_(parameter, 0.1) if parameter.dim() > 1 else None
        images = torch.zeros(1, 1, 384, 384, dtype=torch.float64, requires_grad=True)
        scores: Tensor = network(images)
        middle = scores.shape[2] // 2
        (slopes,) = torch.autograd.grad(scores[0, 0, middle, middle], images)
        rows, columns = slopes[0, 0].nonzero().unbind(1)
        assert int(rows.max() - rows.min()) + 1 == receptive_field
        assert int(columns.max() - columns.min()) + 1 == receptive_field

    @pytest.mark.parametrize(("receptive_field", "least"), [(1, 1), (16, 6), (70, 24), (94, 16), (286, 96)])
    def test_pictures_that_are_too_small_are_refused(self, receptive_field: int, least: int) -> None:
        if least > 1:
            with pytest.raises(UsageError, match=f"patch-gan needs images of at least {least}x{least}"):
                PatchDiscriminator((6, least - 1, 128), receptive_field=receptive_field)
        made = PatchDiscriminator((6, least, least), width=2, receptive_field=receptive_field)
        assert made(torch.zeros(2, 6, least, least)).numel() == 2

    def test_another_receptive_field_is_refused(self) -> None:
        with pytest.raises(UsageError, match="receptive-field is 80, but it must be 1, 16, 70, 94 or 286"):
            PatchDiscriminator((6, 64, 64), receptive_field=80)
