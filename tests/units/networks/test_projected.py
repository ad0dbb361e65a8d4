"""The projected discriminator: frozen features, random mixtures that never learn, heads that do."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load, save
from torch.nn import functional as F

from belamy.networks.conditions.unconditional import DiscriminatorCondition
from belamy.networks.critic import Critic
from belamy.networks.efficientnet_lite import EfficientNetLite
from belamy.networks.frozen import CHANNELS, STAGES, FrozenFeatures
from belamy.networks.projected import Discriminator
from belamy.networks.weights.spectral import Weights

SHAPE = (3, 64, 64)


def made(shape: tuple[int, int, int] = SHAPE) -> Discriminator:
    torch.manual_seed(1)
    return Discriminator(shape, width=4, hidden=8)


class TestFrozenFeatures:
    def test_they_are_those_of_the_embedded_network(self) -> None:
        images = torch.rand(2, *SHAPE) * 2 - 1
        network = EfficientNetLite.pretrained()
        wanted = network.outputs(network.prepare((images + 1) / 2), STAGES)
        found = FrozenFeatures(3)(images)
        assert [each.shape[1] for each in found] == list(CHANNELS)
        assert all(torch.equal(each, wanted[name]) for each, name in zip(found, STAGES, strict=True))

    def test_nothing_of_them_learns_or_is_saved_but_gradients_pass(self) -> None:
        features = FrozenFeatures(3, 2)
        assert not list(features.parameters()) and not features.state_dict()
        images = torch.rand(1, 3, 32, 32, requires_grad=True)
        sum(found.sum() for found in features(images)).backward()
        assert images.grad is not None and images.grad.abs().min() >= 0 and images.grad.any()

    def test_grey_pictures_are_colours_that_are_alike(self) -> None:
        grey = torch.rand(1, 1, 32, 32)
        alike = FrozenFeatures(3)(grey.expand(-1, 3, -1, -1))
        assert all(torch.equal(*pair) for pair in zip(FrozenFeatures(1)(grey), alike, strict=True))

    def test_other_channels_are_mixed_by_numbers_that_are_saved(self) -> None:
        features = FrozenFeatures(4, 1)
        assert features.state_dict().keys() == {"mixture"}
        images = torch.rand(2, 4, 32, 32)
        mixed = torch.stack([sum(features.mixture[o, c] * images[:, c] for c in range(4)) for o in range(3)], 1)
        torch.testing.assert_close(features(images)[0], FrozenFeatures(3, 1)(mixed)[0], rtol=1e-4, atol=1e-4)


class TestProjections:
    def test_mixtures_by_their_plain_form(self) -> None:
        """Across channels, then from the smallest scale on, each added to the enlarged one below (section 3.2)."""
        network = made().double()
        images = torch.rand(2, *SHAPE, dtype=torch.float64)
        state = dict(network.named_buffers())
        features = network.features(images)
        deeper = None
        wanted = []
        for scale in (3, 2, 1, 0):
            x = torch.einsum("oc,nchw->nohw", state[f"across_channels_{scale}"][:, :, 0, 0], features[scale])
            if deeper is not None:
                x = x + F.interpolate(deeper, scale_factor=2, mode="bilinear")
            deeper = F.conv2d(x, state[f"across_scales_{scale}"], padding=1)
            wanted.insert(0, deeper)
        for one, other in zip(network.mixed(images), wanted, strict=True):
            torch.testing.assert_close(one, other)

    def test_they_are_he_normal_and_drawn_from_the_weights_seed(self) -> None:
        network = Discriminator(SHAPE, width=64)
        for name, weight in network.named_buffers():
            if name.startswith("across"):
                assert weight.std().item() == pytest.approx((2 / weight[0].numel()) ** 0.5, rel=0.1)

    def test_they_are_saved_and_never_learn(self) -> None:
        network = made()
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        assert sum("across" in name for name in before) == 8
        other = Discriminator(SHAPE, width=4, hidden=8)
        other.load_state_dict(load(save(network.state_dict())))
        images = torch.rand(2, *SHAPE)
        assert torch.equal(network.eval()(images), other.eval()(images))
        network.train()
        optimizer = torch.optim.Adam(network.parameters(), 0.1)
        network(images).square().sum().backward()
        optimizer.step()
        after = network.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before if "across" in name)
        assert all(not torch.equal(before[name], after[name]) for name in before if "score.weight" in name)

    def test_spectral_weights_are_those_of_the_heads_alone(self) -> None:
        network = made()
        convolutions = sum(1 for name, _ in network.named_parameters() if name.endswith("weight") and "heads" in name)
        Weights().apply(network)
        found = [name for name, _ in network.named_parameters() if "parametrizations" in name]
        assert all(name.startswith("heads.") for name in found)
        assert 0 < len(found) < convolutions  # batch normalisation has weights too


class TestHeads:
    def test_about_four_by_four_scores_at_each_scale(self) -> None:
        verdict = Critic(DiscriminatorCondition(lambda _: made(), SHAPE, 0), SHAPE).judge(torch.rand(2, *SHAPE))
        assert verdict.patches is not None and verdict.patches.shape == (2, 4 * 16)
        torch.testing.assert_close(verdict.scores, verdict.patches.mean(1))

    @pytest.mark.parametrize("shape", [(3, 96, 64), (1, 30, 31), (4, 48, 48), (3, 16, 16)])
    def test_other_shapes(self, shape: tuple[int, int, int]) -> None:
        assert made(shape)(torch.rand(2, *shape)).shape == (2,)

    def test_enlarged_pictures_are_seen_at_more_places(self) -> None:
        network = Discriminator(SHAPE, width=4, hidden=8, enlarge=2)
        assert network.mixed(torch.rand(1, *SHAPE))[0].shape[2:] == (64, 64)
