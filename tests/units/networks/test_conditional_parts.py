"""Conditions, normalisations, forms of weights and dropout at sampling against closed forms and references."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from belamy.errors import UsageError
from belamy.networks import dcgan_cifar, dense_fashion, digits, r3gan
from belamy.networks.conditions import batch_norm, embedding, gated, one_hot, projection
from belamy.networks.layers import BatchNorm, KerasConv2d, KerasConvTranspose2d
from belamy.networks.normalisations import instance, layer, pixel, virtual
from belamy.networks.sampling_dropout import SamplingDropout, add_dropout
from belamy.networks.surgery import Handed, exchange, hidden_activations, weighted_layers, widths
from belamy.networks.tracing import placeholder
from belamy.networks.weights import equalised, spectral, weight_norm

SHAPE, LATENT, CLASSES = (3, 16, 16), 5, 3


def dcgan(latent: int) -> nn.Module:
    return dcgan_cifar.Generator(latent, SHAPE, features=2)


def dense(latent: int) -> nn.Module:
    return dense_fashion.Generator(latent, SHAPE)


class Seen(nn.Module):
    """A network that keeps what it is given."""

    value_range = (-1.0, 1.0)

    def __init__(self, *size: int) -> None:
        super().__init__()
        self.size, self.given = size, torch.empty(0)
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        self.given = x
        return x

    def scores_and_features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self.given = images
        features = torch.stack([images.sum((1, 2, 3)), images[:, 0, 0, 0]], 1) * self.weight
        return features.sum(1), features


class TestConditions:
    def test_one_hot_vectors_follow_latents_and_images(self) -> None:
        generator = one_hot.GeneratorCondition(lambda size: Seen(size), 2, 3)
        assert generator.network.size == (5,)
        latents = torch.tensor([[1.0, 2], [3, 4]])
        generator(latents, torch.tensor([2, 0]))
        assert torch.equal(generator.network.given, torch.tensor([[1.0, 2, 0, 0, 1], [3, 4, 1, 0, 0]]))
        discriminator = one_hot.DiscriminatorCondition(lambda shape: Seen(*shape), (1, 2, 3), 3)
        assert discriminator.network.size == (4, 2, 3)
        images = torch.randn(2, 1, 2, 3)
        discriminator.scores_and_features(images, torch.tensor([2, 0]))
        assert torch.equal(discriminator.network.given[:, :1], images)
        assert torch.equal(discriminator.network.given[0, 1:], torch.tensor([0.0, 0, 1])[:, None, None].expand(3, 2, 3))

    def test_embeddings_are_beside_the_latent_or_its_factors(self) -> None:
        latents, labels = torch.randn(4, 2), torch.tensor([2, 0, 0, 1])
        beside = embedding.GeneratorCondition(lambda size: Seen(size), 2, 3, size=7)
        assert beside.network.size == (9,)
        beside(latents, labels)
        assert torch.equal(beside.network.given, torch.cat([latents, beside.classes.weight[labels]], 1))
        factors = embedding.GeneratorCondition(lambda size: Seen(size), 2, 3, size=7, mode="multiply")
        assert factors.network.size == (2,)
        factors(latents, labels)
        assert torch.equal(factors.network.given, latents * factors.classes.weight[labels])
        with pytest.raises(UsageError, match=r"embedding\.mode is 'multipl'.*'multiply'"):
            embedding.GeneratorCondition(lambda size: Seen(size), 2, 3, mode="multipl")
        with pytest.raises(UsageError, match=r"embedding\.size is 0"):
            embedding.GeneratorCondition(lambda size: Seen(size), 2, 3, size=0)

    def test_an_embedded_label_is_one_more_channel(self) -> None:
        discriminator = embedding.DiscriminatorCondition(lambda shape: Seen(*shape), (3, 2, 4), 5, size=6)
        assert discriminator.network.size == (4, 2, 4)
        images, labels = torch.randn(2, 3, 2, 4), torch.tensor([4, 1])
        discriminator.scores_and_features(images, labels)
        code = discriminator.classes.weight[labels]
        plane = code @ discriminator.plane.weight.T + discriminator.plane.bias
        torch.testing.assert_close(discriminator.network.given[:, 3], plane.view(2, 2, 4))
        assert torch.equal(discriminator.network.given[:, :3], images)

    def test_projection_adds_an_inner_product(self) -> None:
        """Equation 3 of Miyato & Koyama."""
        discriminator = projection.DiscriminatorCondition(lambda shape: Seen(*shape), (3, 2, 4), 5)
        images, labels = torch.randn(4, 3, 2, 4), torch.tensor([4, 1, 1, 0])
        score, features = discriminator.network.scores_and_features(images)
        vectors = discriminator.classes.weight.T[labels]
        expected = torch.stack([s + v @ f for s, v, f in zip(score, vectors, features, strict=True)])
        torch.testing.assert_close(discriminator.scores_and_features(images, labels)[0], expected)
        assert discriminator.classes.weight.shape == (2, 5)

    def test_projection_starts_with_vectors_of_length_one(self) -> None:
        network = projection.DiscriminatorCondition(
            lambda shape: dcgan_cifar.Discriminator(shape, features=64), SHAPE, 200
        )
        assert network.classes.weight.norm(dim=0).mean().item() == pytest.approx(1, rel=0.01)

    @pytest.mark.parametrize("training", [True, False])
    def test_conditional_batch_norm_with_one_row_for_all_is_batch_norm(self, training: bool) -> None:
        torch.manual_seed(1)
        plain = dcgan(LATENT)
        torch.manual_seed(1)
        conditioned = batch_norm.GeneratorCondition(dcgan, LATENT, CLASSES)
        norms = [part for part in plain.modules() if isinstance(part, BatchNorm)]
        theirs = [part for part in conditioned.modules() if isinstance(part, batch_norm.ConditionalBatchNorm)]
        assert len(norms) == len(theirs) == 4
        with torch.no_grad():
            for norm, other in zip(norms, theirs, strict=True):
                other.gain.weight.copy_(norm.weight.uniform_(0.5, 2).expand(CLASSES, -1))
                other.bias.weight.copy_(norm.bias.normal_().expand(CLASSES, -1))
        latents, labels = torch.randn(6, LATENT), torch.arange(6) % CLASSES
        plain(latents), conditioned(latents, labels)
        plain.train(training), conditioned.train(training)
        torch.testing.assert_close(conditioned(latents, labels), plain(latents))
        for norm, other in zip(norms, theirs, strict=True):
            torch.testing.assert_close(other.norm.running_mean, norm.running_mean)
            torch.testing.assert_close(other.norm.running_var, norm.running_var)

    def test_conditional_batch_norm_starts_as_the_generator_without_labels(self) -> None:
        torch.manual_seed(1)
        plain = dcgan(LATENT)
        torch.manual_seed(1)
        conditioned = batch_norm.GeneratorCondition(dcgan, LATENT, CLASSES)
        latents = torch.randn(6, LATENT)
        torch.testing.assert_close(conditioned(latents, torch.arange(6) % CLASSES), plain(latents))
        learned = sum(parameter.numel() for parameter in conditioned.parameters())
        channels = 16 + 8 + 4 + 2
        assert learned == sum(parameter.numel() for parameter in plain.parameters()) + 2 * (CLASSES - 1) * channels

    def test_conditional_batch_norm_by_its_formula(self) -> None:
        labels = Handed[Tensor]()
        norm = batch_norm.ConditionalBatchNorm(BatchNorm(2).double(), CLASSES, labels).double()
        nn.init.normal_(norm.gain.weight)
        nn.init.normal_(norm.bias.weight)
        x, given = torch.randn(4, 2, 3, 3, dtype=torch.float64), torch.tensor([2, 0, 1, 2])
        with labels.during(given):
            y = norm(x)
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        for n, label in enumerate(given):
            for c in range(2):
                flat = (x[n, c] - mean[c]) / (variance[c] + 1e-3).sqrt()
                torch.testing.assert_close(y[n, c], norm.gain.weight[label, c] * flat + norm.bias.weight[label, c])

    def test_a_generator_without_batch_norm_gets_one_before_each_activation(self) -> None:
        conditioned = batch_norm.GeneratorCondition(dense, LATENT, CLASSES)
        kinds = [type(part).__name__ for part in conditioned.network.layers]
        assert kinds == ["Linear", "Sequential", "Linear", "Sequential", "Linear", "Sigmoid", "Reshape"]
        norms = [part for part in conditioned.modules() if isinstance(part, batch_norm.ConditionalBatchNorm)]
        assert [norm.gain.weight.shape[1] for norm in norms] == [100, 150]

    def test_gates_by_their_formula(self) -> None:
        """Equation 4 of van den Oord et al."""
        labels = Handed[Tensor]()
        gate = gated.Gate(2, CLASSES, labels)
        x, given = torch.randn(4, 2, 3, 3), torch.tensor([2, 0, 1, 2])
        with labels.during(given):
            y = gate(x)
        for n, label in enumerate(given):
            for c in range(2):
                expected = (x[n, c] + gate.value.weight[label, c]).tanh() * (
                    x[n, c] + gate.gate.weight[label, c]
                ).sigmoid()
                torch.testing.assert_close(y[n, c], expected)

    def test_gates_replace_all_activations_but_the_last(self) -> None:
        conditioned = gated.GeneratorCondition(dcgan, LATENT, CLASSES)
        kinds = [type(part).__name__ for part in conditioned.network.layers]
        assert kinds.count("Gate") == 4 and "LeakyReLU" not in kinds and kinds[-1] == "Tanh"

    @pytest.mark.parametrize("condition", [gated, batch_norm])
    def test_a_generator_that_hides_its_activations_is_refused(self, condition: Any) -> None:
        with pytest.raises(UsageError, match="--generator-condition embedding"):
            condition.GeneratorCondition(lambda size: Seen(size), LATENT, CLASSES)

    @pytest.mark.parametrize("make", [gated.Gate, lambda n, k, y: batch_norm.ConditionalBatchNorm(BatchNorm(n), k, y)])
    def test_conditional_layers_have_both_derivatives(self, make: Callable[..., nn.Module]) -> None:
        labels = Handed[Tensor]()
        part = make(2, CLASSES, labels).double()
        names = [name for name, _ in part.named_parameters()]
        values = [torch.randn_like(value).requires_grad_() for value in part.parameters()]
        x = torch.randn(4, 2, 2, 2, dtype=torch.float64, requires_grad=True)

        def output(x: Tensor, *values: Tensor) -> Tensor:
            with labels.during(torch.tensor([2, 0, 1, 2])):
                return torch.func.functional_call(part, dict(zip(names, values, strict=True)), (x,))

        assert gradcheck(output, (x, *values))
        assert gradgradcheck(output, (x, *values), atol=1e-4)

    def test_labels_are_gone_after_a_call_even_one_that_fails(self) -> None:
        conditioned = gated.GeneratorCondition(dcgan, LATENT, CLASSES)
        with pytest.raises(RuntimeError):
            conditioned(torch.randn(2, LATENT + 1), torch.tensor([0, 1]))
        assert conditioned.labels.thing is None
        other = copy.deepcopy(conditioned)
        assert other.labels is not conditioned.labels
        gates = [part for part in other.modules() if isinstance(part, gated.Gate)]
        assert all(gate.labels is other.labels for gate in gates)


class TestNormalisations:
    @pytest.mark.parametrize(("room", "axes"), [(instance, (2, 3)), (layer, (1, 2, 3))])
    def test_images_by_the_formula(self, room: Any, axes: tuple[int, ...]) -> None:
        norm = room.Normalisation(eps=1e-4).replace(BatchNorm(3)).double()
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
        x = 2 * torch.randn(4, 3, 5, 2, dtype=torch.float64) + 1
        variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        expected = (x - mean) / (variance + 1e-4).sqrt() * norm.weight[:, None, None] + norm.bias[:, None, None]
        torch.testing.assert_close(norm(x), expected)

    @pytest.mark.parametrize("room", [instance, layer])
    def test_vectors_are_normalised_over_their_features(self, room: Any) -> None:
        x = torch.randn(4, 50, dtype=torch.float64)
        y = room.Normalisation(eps=1e-12).replace(BatchNorm(50)).double()(x)
        torch.testing.assert_close(y, (x - x.mean(1, keepdim=True)) / x.std(1, correction=0, keepdim=True))

    def test_pixels_have_unit_mean_square(self) -> None:
        norm = pixel.Normalisation().replace(BatchNorm(7))
        assert not list(norm.parameters())
        x = 5 * torch.randn(3, 7, 2, 2)
        torch.testing.assert_close(norm(x).square().mean(1), torch.ones(3, 2, 2))
        torch.testing.assert_close(norm(x)[0, :, 1, 0] * x[0, :, 1, 0].square().mean().sqrt(), x[0, :, 1, 0])
        assert torch.isfinite(norm(torch.zeros(2, 7))).all()

    def test_virtual_mixes_the_reference_with_the_sample(self) -> None:
        """The statistics of the reference batch and one sample together, computed from all their values."""
        norm = virtual.Normalisation(eps=0.0).replace(BatchNorm(2)).double()
        reference, x = torch.randn(7, 2, 3, 3).double(), 3 * torch.randn(4, 2, 3, 3).double() + 1
        norm(reference)
        norm(x)
        y = norm(x)
        for n in range(4):
            together = torch.cat([reference, x[n : n + 1]])
            mean, deviation = together.mean((0, 2, 3)), together.var((0, 2, 3), correction=0).sqrt()
            torch.testing.assert_close(y[n], (x[n] - mean[:, None, None]) / deviation[:, None, None])

    def test_virtual_keeps_its_reference_in_the_state(self) -> None:
        norm = virtual.Normalisation().replace(BatchNorm(3))
        norm.eval()(torch.randn(5, 3))
        assert not norm.reference_count
        norm.train()(reference := torch.randn(9, 3))
        assert norm.reference_count == 9
        torch.testing.assert_close(norm.reference_mean, reference.mean(0))
        fresh = virtual.Normalisation().replace(BatchNorm(3))
        fresh.load_state_dict(norm.state_dict())
        x = torch.randn(4, 3)
        assert torch.equal(fresh(x), norm(x))
        assert torch.equal(fresh.reference_mean, norm.reference_mean)

    def test_virtual_refuses_a_reference_of_one_value(self) -> None:
        with pytest.raises(UsageError, match=r"reference batch.*--batch 2"):
            virtual.Normalisation().replace(BatchNorm(3))(torch.randn(1, 3))


LAYERS = {
    "dense": lambda: nn.Linear(40, 30),
    "convolution": lambda: KerasConv2d(8, 30, 3),
    "transposed": lambda: KerasConvTranspose2d(30, 8, 4, 2),
    "grouped": lambda: nn.Conv2d(16, 32, 3, groups=4),
    "torch-transposed": lambda: nn.ConvTranspose2d(30, 8, 4, 2),
}
FAN_IN = {"dense": 40, "convolution": 72, "transposed": 120, "grouped": 36, "torch-transposed": 120}


def matrix(weight: Tensor, transposed: bool) -> Tensor:
    """One row per output."""
    return (weight.transpose(0, 1) if transposed else weight).flatten(1)


@pytest.mark.parametrize("name", LAYERS)
class TestWeights:
    def test_spectral_norm_is_one(self, name: str) -> None:
        part = LAYERS[name]()
        spectral.Weights().apply(part)
        for _ in range(200):
            weight = part.weight
        singular = torch.linalg.matrix_norm(matrix(weight, "transposed" in name), 2)
        assert singular.item() == pytest.approx(1, rel=1e-3)
        part.eval()
        torch.testing.assert_close(part.weight, weight, rtol=1e-3, atol=1e-4)

    def test_spectral_estimate_is_good_at_once(self, name: str) -> None:
        part = LAYERS[name]()
        spectral.Weights().apply(part)
        singular = torch.linalg.matrix_norm(matrix(part.weight, "transposed" in name), 2)
        assert 0.999 < singular.item() < 1.15  # the estimate comes from below

    def test_weight_norm_by_the_formula(self, name: str) -> None:
        part = LAYERS[name]()
        before = part.weight.detach().clone()
        weight_norm.Weights().apply(part)
        torch.testing.assert_close(part.weight, before)
        lengths, directions = part.parametrizations.weight.original0, part.parametrizations.weight.original1
        with torch.no_grad():
            lengths.fill_(2.5)
            directions.mul_(7)
        rows = matrix(part.weight, "transposed" in name)
        torch.testing.assert_close(rows.norm(dim=1), torch.full((len(rows),), 2.5))

    def test_equalised_weights_are_standard_normal_and_scaled(self, name: str) -> None:
        part = LAYERS[name]()
        equalised.Weights().apply(part)
        learned = part.parametrizations.weight.original
        count = learned.numel()
        assert learned.std().item() == pytest.approx(1, abs=4 / (2 * count) ** 0.5)
        assert learned.mean().item() == pytest.approx(0, abs=4 / count**0.5)
        torch.testing.assert_close(part.weight, learned * (2 / FAN_IN[name]) ** 0.5)


def test_equalised_layers_keep_the_variance_of_their_input() -> None:
    """What the constant is for: with gain 1, outputs of unit variance from inputs of unit variance."""
    for part, x in [
        (nn.Linear(400, 300), torch.randn(400, 400)),
        (KerasConv2d(64, 64, 3), torch.randn(8, 64, 16, 16)),
        (KerasConvTranspose2d(64, 64, 4, 2), torch.randn(8, 64, 16, 16)),
    ]:
        nn.init.zeros_(part.bias)
        equalised.Weights(gain=1.0).apply(part)
        y = part(x)
        inner = y if y.dim() == 2 else y[..., 2:-2, 2:-2]
        assert inner.var().item() == pytest.approx(1, rel=0.1)
    with pytest.raises(UsageError, match=r"equalised\.gain is 0"):
        equalised.Weights(gain=0.0)


def test_averaged_spectral_weights_have_norm_one() -> None:
    """The mean of two states is normalised by its own singular value, not by a mean of theirs."""
    part = nn.Linear(30, 20)
    spectral.Weights().apply(part)
    other = copy.deepcopy(part)
    with torch.no_grad():
        other.parametrizations.weight.original.normal_()
        for _ in range(100):
            _ = part.weight, other.weight
        for mean, now in zip(part.state_dict().values(), other.state_dict().values(), strict=True):
            mean.lerp_(now, 0.7)
    assert torch.linalg.matrix_norm(part.eval().weight, 2).item() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("form", [spectral, weight_norm])
def test_a_weight_of_zero_gets_a_direction(form: Any) -> None:
    """Fix-up starts with zeros; what has no direction cannot be normalised."""
    network = r3gan.Generator(4, (3, 8, 8), blocks=1)
    before = network(x := torch.randn(2, 4))
    form.Weights().apply(network)
    images = network(x)
    assert torch.isfinite(images).all()
    if form is weight_norm:
        torch.testing.assert_close(images, before)


class TestSamplingDropout:
    def test_stays_on_and_belongs_to_the_sample(self) -> None:
        network = add_dropout(dcgan(LATENT), 0.5)
        network(torch.randn(8, LATENT))
        network.eval()
        plain = exchange(copy.deepcopy(network).network, {})
        latents = torch.randn(5, LATENT)
        images = network(latents)
        assert torch.equal(network(latents), images)
        order = torch.tensor([3, 1, 4, 0, 2])
        torch.testing.assert_close(network(latents[order]), images[order])
        torch.testing.assert_close(network(latents[2:3]), images[2:3])
        for part in plain.modules():
            if isinstance(part, nn.Sequential) and isinstance(part[-1], SamplingDropout):
                part[-1] = nn.Identity()
        assert not torch.allclose(plain(latents), images)
        assert network.value_range == (-1.0, 1.0)

    def test_drops_its_share_and_keeps_the_mean(self) -> None:
        streams = Handed[list[torch.Generator]]()
        dropout = SamplingDropout(0.3, streams).eval()
        with streams.during([torch.Generator().manual_seed(n) for n in range(4)]):
            y = dropout(torch.ones(4, 50_000))
        assert set(y.unique().tolist()) == {0.0, y.max().item()}
        assert y.max().item() == pytest.approx(1 / 0.7)
        assert y.mean(1).tolist() == pytest.approx([1] * 4, abs=0.012)
        assert torch.corrcoef((y != 0).double()).triu(1).abs().max() < 0.02

    def test_masks_depend_on_the_latent_not_on_precision(self) -> None:
        network = add_dropout(dense(LATENT), 0.5).eval()
        latents = torch.randn(3, LATENT)
        images = network(latents)
        torch.testing.assert_close(network.double()(latents.double()).float(), images, rtol=1e-4, atol=1e-5)

    def test_training_draws_from_torch(self) -> None:
        network, latents = add_dropout(dense(LATENT), 0.5), torch.randn(3, LATENT)
        assert not torch.equal(network(latents), network(latents))
        torch.manual_seed(4)
        first = network(latents)
        torch.manual_seed(4)
        assert torch.equal(network(latents), first)

    @pytest.mark.parametrize("condition", [gated, batch_norm, one_hot, embedding])
    def test_works_within_conditions(self, condition: Any) -> None:
        latents, labels = torch.randn(4, LATENT), torch.arange(4) % CLASSES
        network = condition.GeneratorCondition(lambda size: add_dropout(dcgan(size), 0.5), LATENT, CLASSES)
        assert len([part for part in network.modules() if isinstance(part, SamplingDropout)]) == 4
        network(latents, labels)
        images = network.eval()(latents, labels)
        torch.testing.assert_close(network(latents[1:2], labels[1:2]), images[1:2], rtol=1e-4, atol=1e-5)

    def test_rates(self) -> None:
        network = dense(LATENT)
        assert add_dropout(network, 0) is network
        with pytest.raises(UsageError, match=r"dropout is 1\.0"):
            add_dropout(network, 1.0)
        with pytest.raises(UsageError, match="--generator-dropout 0"):
            add_dropout(Seen(3), 0.5)


class TestSurgery:
    def test_hidden_activations_end_before_the_last_layer(self) -> None:
        for network, expected in [(dcgan(4), 4), (dense(4), 2), (digits.Generator(4, (1, 8, 8)), 3)]:
            found = hidden_activations(network)
            assert len(found) == expected, network
            assert not any(isinstance(part, nn.Tanh | nn.Sigmoid) for part in found)

    def test_a_part_used_twice_is_exchanged_in_both_places(self) -> None:
        relu = nn.ReLU()
        network = nn.Sequential(nn.Linear(2, 2), relu, nn.Sequential(nn.Linear(2, 2), relu), nn.Linear(2, 2))
        found = widths(network, hidden_activations(network), placeholder((2,)))
        assert found == {relu: 2}
        exchange(network, {relu: nn.Sequential(relu, nn.Tanh())})
        assert len([part for part in network.modules() if isinstance(part, nn.Tanh)]) == 1
        assert isinstance(network[1], nn.Sequential) and network[1] is network[2][1]
        assert exchange(relu, {relu: network}) is network

    def test_weighted_layers_are_found_in_any_form(self) -> None:
        network = dcgan(4)
        before = weighted_layers(network)
        weight_norm.Weights().apply(network)
        assert [type(part).__name__ for part in weighted_layers(network)] == [
            f"Parametrized{type(part).__name__.removeprefix('Parametrized')}" for part in before
        ]
