"""What every way for labels into a network promises, around networks of each kind."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.methods.construction import DISCRIMINATOR_CONDITIONS, DISCRIMINATORS, GENERATOR_CONDITIONS, GENERATORS
from belamy.networks.summary import summarize
from belamy.registry import Part

SHAPE, LATENT, CLASSES = (3, 32, 32), 5, 3
NETWORKS = {
    "dense": Part(name="dense-fashion"),
    "dcgan": Part(name="dcgan-cifar", features=2),
    "dcgan-without-norm": Part(name="dcgan-32"),
    "resnet": Part(name="resnet-cifar", features=4),
    "digits": Part(name="digits", width=2, hidden=16),
    "sngan": Part(name="sngan", features=4),
    "sagan": Part(name="sagan", features=2),
    "r3gan": Part(name="r3gan", width=4, growth=2, blocks=1),
    "fastgan": Part(name="fastgan", width=2, growth=2),
}
GENERATING = [(condition, network) for condition in GENERATOR_CONDITIONS.names() for network in NETWORKS]
JUDGING = [(condition, network) for condition in DISCRIMINATOR_CONDITIONS.names() for network in NETWORKS]


def conditioned_generator(condition: str, network: str) -> Any:
    def build(latent: int) -> nn.Module:
        return GENERATORS.build(NETWORKS[network], latent=latent, shape=SHAPE)

    return GENERATOR_CONDITIONS.build(Part.parse(condition), build=build, latent=LATENT, classes=CLASSES)


def conditioned_discriminator(condition: str, network: str) -> Any:
    def build(shape: tuple[int, int, int]) -> nn.Module:
        return DISCRIMINATORS.build(NETWORKS[network], shape=shape)

    return DISCRIMINATOR_CONDITIONS.build(Part.parse(condition), build=build, shape=SHAPE, classes=CLASSES)


def batch(count: int = 4) -> tuple[Tensor, Tensor]:
    return torch.randn(count, LATENT), torch.arange(count) % CLASSES


def pictures(count: int = 4) -> tuple[Tensor, Tensor]:
    return torch.rand(count, *SHAPE) * 2 - 1, torch.arange(count) % CLASSES


def awake(module: Any) -> Any:
    """The module with random numbers where it starts with constants, so that classes differ and nothing is blocked."""
    for parameter in module.parameters():
        with torch.no_grad():
            if parameter.numel() < 2 or not parameter.std() > 0:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return module


def own_parameters(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Those of the labels."""
    return [pair for pair in module.named_parameters() if pair[1].dim() == 2 and CLASSES in pair[1].shape]


@pytest.mark.parametrize(("condition", "network"), GENERATING)
class TestGeneratorCondition:
    def test_makes_images_in_the_range_of_the_network(self, condition: str, network: str) -> None:
        generator = conditioned_generator(condition, network)
        images = generator(*batch())
        low, high = generator.value_range
        assert images.shape == (4, *SHAPE)
        assert low <= images.min() < images.max() <= high

    def test_the_label_decides_unless_unconditional(self, condition: str, network: str) -> None:
        generator = awake(conditioned_generator(condition, network)).eval()
        latents, labels = batch()
        same = torch.equal(generator(latents, labels), generator(latents, (labels + 1) % CLASSES))
        assert same == (condition == "unconditional")

    def test_what_labels_mean_is_learned(self, condition: str, network: str) -> None:
        generator = awake(conditioned_generator(condition, network))
        generator(*batch()).square().sum().backward()
        found = own_parameters(generator)
        assert bool(found) == (condition not in ("unconditional", "one-hot"))
        assert all(parameter.grad is not None and parameter.grad.any() for _, parameter in found)

    def test_rows_do_not_meet_in_evaluation(self, condition: str, network: str) -> None:
        generator = awake(conditioned_generator(condition, network))
        generator(*batch())
        latents, labels = batch(6)
        order = torch.tensor([4, 0, 5, 2, 1, 3])
        whole = generator.eval()(latents, labels)
        torch.testing.assert_close(generator(latents[order], labels[order]), whole[order], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(generator(latents[:1], labels[:1]), whole[:1], rtol=1e-4, atol=1e-5)

    def test_a_copy_is_independent_and_a_stored_state_comes_back(self, condition: str, network: str) -> None:
        generator = awake(conditioned_generator(condition, network)).eval()
        expected = generator(*(given := batch()))
        other, stored = copy.deepcopy(generator), {k: v.clone() for k, v in generator.state_dict().items()}
        with torch.no_grad():
            for parameter in generator.parameters():
                parameter.zero_()
        assert torch.equal(other(*given), expected)
        fresh = conditioned_generator(condition, network).eval()
        fresh.load_state_dict(stored)
        assert torch.equal(fresh(*given), expected)

    def test_is_traced_without_values(self, condition: str, network: str) -> None:
        generator = conditioned_generator(condition, network)
        table = summarize(generator, (LATENT,), torch.zeros(2, dtype=torch.long))
        assert table.trainable == sum(parameter.numel() for parameter in generator.parameters())
        assert all(row.output for row in table.rows)

    def test_nothing_stays_from_call_to_call(self, condition: str, network: str) -> None:
        generator = conditioned_generator(condition, network)
        generator(*batch(4))
        generator(*batch(3))
        with pytest.raises(Exception, match=r"shape|size|mat1"):
            generator(torch.randn(2, LATENT + 1), torch.zeros(2, dtype=torch.long))
        assert generator(*batch(2)).shape == (2, *SHAPE)

    def test_is_differentiable_twice(self, condition: str, network: str) -> None:
        """Both derivatives reach the labels' parameters; the labels are gone when the second one is taken."""
        generator = awake(conditioned_generator(condition, network))
        latents, labels = batch()
        images = generator(latents.requires_grad_(), labels)
        (slope,) = torch.autograd.grad(images.square().sum(), latents, create_graph=True)
        slope.square().sum().backward()
        found = own_parameters(generator)
        assert all(torch.isfinite(p.grad).all() and p.grad.any() for _, p in found if p.grad is not None)
        assert sum(p.grad is not None for _, p in found) >= min(1, len(found))

    def test_missing_labels_are_named(self, condition: str, network: str) -> None:
        generator = conditioned_generator(condition, network)
        if condition == "unconditional":
            assert generator(torch.randn(2, LATENT)).shape == (2, *SHAPE)
            return
        with pytest.raises(UsageError, match=rf"'{condition}' needs a label for each image.*--label 3"):
            generator(torch.randn(2, LATENT))


@pytest.mark.parametrize(("condition", "network"), JUDGING)
class TestDiscriminatorCondition:
    def test_scores_and_features(self, condition: str, network: str) -> None:
        discriminator = conditioned_discriminator(condition, network)
        scores, features = discriminator.eval().scores_and_features(*pictures())
        assert scores.shape == (4,) and features.dim() == 2 and len(features) == 4
        assert torch.equal(discriminator(*pictures()).isfinite(), torch.ones(4, dtype=torch.bool))

    def test_the_label_decides_unless_unconditional(self, condition: str, network: str) -> None:
        discriminator = awake(conditioned_discriminator(condition, network)).eval()
        images, labels = pictures()
        same = torch.equal(discriminator(images, labels), discriminator(images, (labels + 1) % CLASSES))
        assert same == (condition == "unconditional")

    def test_what_labels_mean_is_learned_also_through_a_gradient_penalty(self, condition: str, network: str) -> None:
        discriminator = awake(conditioned_discriminator(condition, network))
        images, labels = pictures()
        scores, _ = discriminator.scores_and_features(images.requires_grad_(), labels)
        (slope,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
        (scores.square().sum() + slope.square().sum()).backward()
        found = own_parameters(discriminator)
        assert bool(found) == (condition not in ("unconditional", "one-hot"))
        assert all(parameter.grad is not None and parameter.grad.any() for _, parameter in found)

    def test_rows_do_not_meet_in_evaluation(self, condition: str, network: str) -> None:
        discriminator = conditioned_discriminator(condition, network).eval()
        images, labels = pictures(6)
        order = torch.tensor([4, 0, 5, 2, 1, 3])
        scores = discriminator(images, labels)
        torch.testing.assert_close(discriminator(images[order], labels[order]), scores[order], rtol=1e-4, atol=1e-5)

    def test_a_copy_is_independent_and_it_is_traced_without_values(self, condition: str, network: str) -> None:
        discriminator = conditioned_discriminator(condition, network).eval()
        expected = discriminator(*(given := pictures()))
        other = copy.deepcopy(discriminator)
        with torch.no_grad():
            for parameter in discriminator.parameters():
                parameter.zero_()
        assert torch.equal(other(*given), expected)
        table = summarize(other, SHAPE, torch.zeros(2, dtype=torch.long))
        assert table.trainable == sum(parameter.numel() for parameter in other.parameters())

    def test_missing_labels_are_named(self, condition: str, network: str) -> None:
        discriminator = conditioned_discriminator(condition, network)
        if condition == "unconditional":
            assert discriminator.scores_and_features(pictures()[0])[0].shape == (4,)
            return
        with pytest.raises(UsageError, match=rf"'{condition}' needs a label for each image"):
            discriminator.scores_and_features(pictures()[0])


def test_both_shelves_are_as_the_contract_says() -> None:
    assert {"unconditional", "embedding", "one-hot", "batch-norm", "gated"} <= set(GENERATOR_CONDITIONS.names())
    assert {"unconditional", "embedding", "one-hot", "projection"} <= set(DISCRIMINATOR_CONDITIONS.names())


@pytest.mark.parametrize("role", ["generator", "discriminator"])
def test_data_without_classes_are_refused(role: str) -> None:
    registry = GENERATOR_CONDITIONS if role == "generator" else DISCRIMINATOR_CONDITIONS
    network = NETWORKS["dense"]

    def build(given: Any) -> nn.Module:
        if role == "generator":
            return GENERATORS.build(network, latent=given, shape=SHAPE)
        return DISCRIMINATORS.build(network, shape=given)

    for name in registry.names():
        if name != "unconditional":
            with pytest.raises(UsageError, match=f"'{name}' needs labels, but the data have none"):
                registry.build(Part(name=name), build=build, latent=LATENT, shape=SHAPE, classes=0)
