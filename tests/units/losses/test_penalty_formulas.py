"""Values that the papers, the documents or a line of algebra give for the penalties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import log, pi
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn.utils import parametrizations

from belamy.data.dataset import Dataset
from belamy.errors import UsageError
from belamy.losses.penalties import BasePenalty
from belamy.losses.penalties.layers import matrix_layers
from belamy.losses.penalties.orthogonal import overlap
from belamy.losses.penalty_context import PenaltyContext
from belamy.methods.gan import DISCRIMINATORS, PENALTIES, Recipe
from belamy.networks.layers import BatchNorm, KerasConv2d, KerasConvTranspose2d
from belamy.networks.priors.coded import Prior
from belamy.networks.surgery import weighted_layers
from belamy.registry import Part
from belamy.seeds import Draws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer

OWN_SAMPLE_ONLY = (
    "gradient-penalty", "r1", "r2", "dragan", "drift", "consistency", "lecam", "mutual-information"
)  # fmt: skip


def penalty(part: str, **given: Any) -> Any:
    return PENALTIES.build(Part.parse(part), **{"features": 3, "prior": Prior(14), "classes": 0, **given})


def context(
    critic: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor | None = None,
    features: Callable[[Tensor], Tensor] | None = None,
    latents: Tensor | None = None,
    step: int = 0,
) -> PenaltyContext:
    """What a penalty sees of images in float64; features are the pixels unless a function is given."""
    fake = real.flip(0) if fake is None else fake
    told = features or (lambda images: images.flatten(1))
    return PenaltyContext(
        critic=critic, critic_of_fakes=critic, features=told, real=real, fake=fake,
        real_scores=critic(real), fake_scores=critic(fake),
        real_features=told(real), fake_features=told(fake),
        latents=torch.zeros(len(real), 14, dtype=real.dtype) if latents is None else latents,
        styles=lambda latents: latents[:, None], synthesize=lambda styles: styles.sum(1)[:, :, None, None],
        draw=Draws(7, step, dtype=real.dtype), progress=0.0,
    )  # fmt: skip


def images(count: int = 5, *shape: int) -> Tensor:
    return torch.randn(count, *(shape or (3, 4, 4)), dtype=torch.float64)


def linear_critic(norm: float, size: int = 48) -> Callable[[Tensor], Tensor]:
    weight = torch.randn(size, dtype=torch.float64)
    weight = weight * (norm / weight.norm())
    return lambda x: x.flatten(1) @ weight


@pytest.mark.parametrize("norm", [0.0, 0.25, 1.0, 3.0])
@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("gradient-penalty", lambda norm: (norm - 1) ** 2),
        ("gradient-penalty:target=2", lambda norm: (norm - 2) ** 2),
        ("gradient-penalty:target=2,relative=true", lambda norm: (norm - 2) ** 2 / 4),
        ("gradient-penalty:target=0", lambda norm: norm**2),
        ("gradient-penalty:sided=one", lambda norm: max(0.0, norm - 1) ** 2),
        ("dragan", lambda norm: (norm - 1) ** 2),
        ("dragan:target=0.5", lambda norm: (norm - 0.5) ** 2),
        ("r1", lambda norm: norm**2 / 2),
        ("r2", lambda norm: norm**2 / 2),
    ],
)
def test_linear_critics(part: str, wanted: Callable[[float], float], norm: float) -> None:
    found = penalty(part)(context(linear_critic(norm), images()))
    torch.testing.assert_close(found, torch.full((5,), wanted(norm), dtype=torch.float64), atol=5e-6, rtol=1e-9)


@pytest.mark.parametrize(
    ("part", "norm", "wanted"),
    [
        ("gradient-penalty", 3, 40.0),
        ("gradient-penalty:target=750,relative=true", 0, 10.0),
        ("gradient-penalty:target=750,relative=true", 750, 0.0),
        ("gradient-penalty:target=750,relative=true", 1500, 10.0),
    ],
)
def test_the_documents_figures_of_gradient_penalties(part: str, norm: float, wanted: float) -> None:
    made = penalty(part)
    assert float(made.weight * made(context(linear_critic(norm), images())).mean()) == pytest.approx(wanted, abs=1e-6)


def test_the_documents_figure_of_the_drift() -> None:
    made = penalty("drift")
    found = made(context(lambda x: torch.full((len(x),), 10.0, dtype=x.dtype), images()))
    assert float(made.weight * found.mean()) == pytest.approx(0.1)


def test_each_gradient_penalty_looks_where_it_says() -> None:
    """The critic ½‖x‖² has the gradient x."""
    real, fake = images(4), images(4)
    u = Draws(7, 0, dtype=torch.float64).uniform("gradient-penalty", 4, 1, 1, 1)
    noise = Draws(7, 0, dtype=torch.float64).normal("dragan", *real.shape)
    spread = ((real - real.mean((1, 2, 3), keepdim=True)) ** 2).mean((1, 2, 3), keepdim=True).sqrt()

    def norm(x: Tensor) -> Tensor:
        return x.flatten(1).norm(dim=1)

    shown = context(lambda x: x.square().flatten(1).sum(1) / 2, real, fake)
    for name, wanted in {
        "r1": norm(real) ** 2 / 2,
        "r2": norm(fake) ** 2 / 2,
        "gradient-penalty": (norm(real + u * (fake - real)) - 1) ** 2,
        "dragan": (norm(real + 0.5 * spread * noise) - 1) ** 2,
    }.items():
        torch.testing.assert_close(penalty(name)(shown), wanted)


@pytest.mark.parametrize("name", ["r1", "r2", "gradient-penalty", "dragan"])
def test_gradients_within_a_conditional_critic_are_those_of_each_samples_own_label(name: str) -> None:
    weight, labels = torch.randn(3, 48, dtype=torch.float64), torch.tensor([2, 0, 1, 1])
    real, fake = images(4), images(4)
    whole = penalty(name)(context(lambda x: (x.flatten(1) * weight[labels]).sum(1), real, fake))
    squares = weight[labels].square().sum(1)
    wanted = squares / 2 if name in ("r1", "r2") else (squares.sqrt() - 1).square()
    torch.testing.assert_close(whole, wanted)


def test_r2_regards_generated_images_under_their_own_labels() -> None:
    shown = replace(context(linear_critic(1.0), images()), critic_of_fakes=linear_critic(3.0))
    torch.testing.assert_close(penalty("r1")(shown), torch.full((5,), 0.5, dtype=torch.float64))
    torch.testing.assert_close(penalty("r2")(shown), torch.full((5,), 4.5, dtype=torch.float64))


@pytest.mark.parametrize("name", OWN_SAMPLE_ONLY)
def test_a_value_depends_on_its_own_sample_alone(name: str) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 3), nn.Tanh()).double()
    made = penalty(name).double()

    def value(real: Tensor, fake: Tensor, latents: Tensor) -> Tensor:
        torch.manual_seed(5)
        fresh = penalty(name).double()
        fresh.load_state_dict(made.state_dict())
        return fresh(context(lambda x: network(x).sum(1), real, fake, network, latents))

    real, fake, latents = images(4), images(4), torch.rand(4, 14, dtype=torch.float64)
    before = value(real, fake, latents)
    for tensor in (real, fake, latents):
        tensor[2] += 1
    after = value(real, fake, latents)
    others = [0, 1, 3]
    torch.testing.assert_close(after[others], before[others], rtol=1e-12, atol=1e-12)
    assert (after[2] - before[2]).abs() > 1e-6


class TestConsistency:
    def test_nothing_to_pay_where_the_score_does_not_change(self) -> None:
        made = penalty("consistency")
        constant = made(context(lambda x: x.flatten(1).sum(1) * 0 + 3, images()))
        assert torch.equal(constant, torch.zeros(5, dtype=torch.float64))
        mirrored = penalty("consistency:pixels=0")
        assert float(mirrored(context(lambda x: x.flatten(1).sum(1), images())).max()) < 1e-20

    def test_it_is_the_squared_difference_of_the_scores(self) -> None:
        made, critic, real = penalty("consistency:pixels=1"), linear_critic(1.0), images()
        moved = made.moved(real, Draws(7, 0, dtype=torch.float64))
        torch.testing.assert_close(made(context(critic, real)), (critic(real) - critic(moved)).square())

    def test_every_shift_and_mirror_image_occurs_and_nothing_else(self) -> None:
        """Against padding by the edge and cropping."""
        made, picture = penalty("consistency:pixels=2"), torch.randn(1, 2, 4, 5, dtype=torch.float64)
        moved = made.moved(picture.expand(2000, -1, -1, -1), Draws(1, 0, dtype=torch.float64))
        padded = nn.functional.pad(picture, (2, 2, 2, 2), mode="replicate")[0]
        known = [padded[:, y : y + 4, x : x + 5] for y in range(5) for x in range(5)]
        known += [shifted.flip(2) for shifted in known]
        found = torch.stack([(moved == wanted).flatten(1).all(1) for wanted in known])  # [50, 2000]
        assert (found.sum(0) == 1).all()
        assert (found.sum(1) > 10).all()

    def test_without_mirror_images(self) -> None:
        picture = torch.arange(12.0).view(1, 1, 3, 4).expand(50, -1, -1, -1)
        moved = penalty("consistency:pixels=1,flip=false").moved(picture, Draws(1, 0))
        assert (moved.diff(dim=3) >= 0).all()

    def test_other_steps_move_otherwise(self) -> None:
        made, real = penalty("consistency"), images(8)
        first, again, other = (made.moved(real, Draws(1, step)) for step in (0, 0, 1))
        assert torch.equal(first, again) and not torch.equal(first, other)


class TestLeCam:
    def test_against_a_calculation_by_hand(self) -> None:
        """Averages of the batches before: none, 2 and -1, their mean with (4, 1), then 0.6 of that beside (0, 0)."""
        made = penalty("lecam:decay=0.6")
        batches = [((1.0, 3.0), (-1.0, -1.0)), ((4.0, 4.0), (0.0, 2.0)), ((0.0, 0.0), (1.0, -1.0)), ((1.0,), (2.0,))]
        before = [(0.0, 0.0), (2.0, -1.0), (3.0, 0.0), (1.8, 0.0)]
        for (real, fake), (mean_real, mean_fake) in zip(batches, before, strict=True):
            shown = replace(
                context(linear_critic(1.0), images()), real_scores=torch.tensor(real), fake_scores=torch.tensor(fake)
            )
            wanted = [(r - mean_fake) ** 2 + (f - mean_real) ** 2 for r, f in zip(real, fake, strict=True)]
            torch.testing.assert_close(made(shown), torch.tensor(wanted))

    def test_the_averages_are_in_the_state(self) -> None:
        made = penalty("lecam")
        made(context(linear_critic(1.0), images()))
        assert set(made.state_dict()) == {"averages", "batches"}
        assert int(made.batches) == 1 and made.averages.abs().min() > 0


def network() -> nn.Module:
    """A bit of everything that has weights."""
    torch.manual_seed(2)
    return nn.Sequential(
        KerasConv2d(3, 4, 3), BatchNorm(4), nn.LeakyReLU(0.2), KerasConvTranspose2d(4, 2, 3, 2), nn.BatchNorm2d(2),
        nn.Conv2d(2, 2, 2, 2), nn.ConvTranspose2d(2, 3, 2), nn.Flatten(), nn.LayerNorm(75), nn.Linear(75, 1),
    )  # fmt: skip


class TestWeightClipping:
    def test_trainable_weights_alone_are_clipped(self) -> None:
        discriminator = network()
        discriminator[0].weight.requires_grad_(False)
        for value in (*discriminator.parameters(), *discriminator.buffers()):
            value.data.add_(1) if value.is_floating_point() else None
        before = {key: value.clone() for key, value in discriminator.state_dict().items()}
        penalty("weight-clipping:limit=0.02").constrain(discriminator)
        weights = {name for name, weight in discriminator.named_parameters() if weight.requires_grad}
        for name, value in discriminator.state_dict().items():
            wanted = before[name].clamp(-0.02, 0.02) if name in weights else before[name]
            assert torch.equal(value, wanted), name
        assert torch.equal(discriminator[1].running_var, before["1.running_var"])

    def test_gains_and_offsets_of_normalisation_can_be_spared(self) -> None:
        discriminator = network()
        penalty("weight-clipping:normalisation=false").constrain(discriminator)
        for index in (1, 4, 8):
            assert (discriminator[index].weight == 1).all()
        assert discriminator[9].weight.abs().max() <= 0.01 and discriminator[6].bias.abs().max() <= 0.01

    def test_the_weights_stay_within_the_limit_in_a_run(self, noise: Dataset) -> None:
        engine = trainer(noise, penalties=("weight-clipping:limit=0.03",))
        for _ in range(3):
            engine.step()
        largest = max(float(p.detach().abs().max()) for p in engine.method.discriminator.parameters())
        assert largest == pytest.approx(0.03)


class TestSpectralNormalisation:
    def test_every_layer_has_spectral_norm_one(self) -> None:
        discriminator = network()
        penalty("spectral-normalisation").prepare(discriminator)
        for _ in range(200):
            for index in (0, 3, 5, 6, 9):
                _ = discriminator[index].weight
        for index in (0, 3, 5, 6, 9):
            axis = int(index in (3, 6))
            matrix = discriminator[index].weight.detach().transpose(0, axis).flatten(1)
            assert float(torch.linalg.svdvals(matrix)[0]) == pytest.approx(1, abs=1e-3), index

    def test_a_few_steps_of_training_suffice(self, noise: Dataset) -> None:
        engine = trainer(noise, penalties=("spectral-normalisation",))
        for _ in range(10):
            engine.step()
        discriminator = engine.method.discriminator.eval()
        layers = matrix_layers(discriminator, "it")
        assert len(layers) >= 3
        for layer, axis in layers.items():
            largest = torch.linalg.svdvals(layer.weight.detach().transpose(0, axis).flatten(1))[0]
            assert float(largest) == pytest.approx(1, abs=0.05)

    def test_a_resumed_run_is_bit_equal(self, noise: Dataset) -> None:
        one, other = (trainer(noise, penalties=("spectral-normalisation", "r1:every=2")) for _ in range(2))
        for _ in range(3):
            one.step()
        state = one.state()
        other.load_state(replace(state, tensors={key: value.clone() for key, value in state.tensors.items()}))
        for _ in range(3):
            one.step()
            other.step()
        mine, its = one.state().tensors, other.state().tensors
        assert any(key.endswith("_u") for key in mine)
        assert mine.keys() == its.keys() and all(torch.equal(mine[key], its[key]) for key in mine)

    def test_a_weight_that_begins_at_zero_is_drawn_anew(self) -> None:
        layer = nn.Linear(4, 3)
        nn.init.zeros_(layer.weight)
        penalty("spectral-normalisation").prepare(nn.Sequential(layer))
        assert torch.isfinite(layer(torch.randn(2, 4))).all()

    def test_a_parametrised_weight_is_left_alone(self) -> None:
        layer = parametrizations.weight_norm(nn.Linear(4, 3))
        before = set(layer.state_dict())
        penalty("spectral-normalisation").prepare(nn.Sequential(layer))
        assert set(layer.state_dict()) == before


@pytest.mark.parametrize("name", DISCRIMINATORS.names())
def test_no_layer_of_a_published_discriminator_is_missed(name: str) -> None:
    shape = getattr(DISCRIMINATORS.load(name), "native_shape", (3, 32, 32))
    discriminator = DISCRIMINATORS.build(Part(name=name), shape=shape)
    assert list(matrix_layers(discriminator, "it")) == weighted_layers(discriminator)


class TestOrthogonal:
    def test_orthogonal_filters_of_any_length_cost_nothing(self) -> None:
        basis = torch.linalg.qr(torch.randn(12, 12, dtype=torch.float64))[0]
        scaled = torch.rand(5, 1, dtype=torch.float64) * basis[:5]
        assert float(overlap(scaled.view(5, 3, 2, 2))) < 1e-28
        assert float(overlap(torch.eye(6, dtype=torch.float64))) == 0

    @pytest.mark.parametrize("axis", [0, 1])
    def test_against_the_formula(self, axis: int) -> None:
        weight = torch.randn(4, 6, 3, 3, dtype=torch.float64)
        columns = weight.transpose(0, axis).reshape(weight.shape[axis], -1).T  # filters as columns
        masked = (columns.T @ columns) * (1 - torch.eye(columns.shape[1]))
        torch.testing.assert_close(overlap(weight, axis), torch.linalg.matrix_norm(masked, "fro").square())

    def test_it_sums_over_the_layers(self) -> None:
        discriminator, made = network(), penalty("orthogonal")
        made.prepare(discriminator)
        wanted = sum(overlap(discriminator[i].weight, int(i in (3, 6))) for i in (0, 3, 5, 6, 9))
        found = made(context(linear_critic(1.0), images()))
        torch.testing.assert_close(found, wanted.expand(5))


def test_features_match_where_the_batches_are_equal() -> None:
    real, made = images(), penalty("feature-matching")
    assert torch.equal(made(context(linear_critic(1.0), real, real)), torch.zeros(5, dtype=torch.float64))
    fake = images()
    wanted = (real.flatten(1).mean(0) - fake.flatten(1).mean(0)).norm() ** 2
    torch.testing.assert_close(made(context(linear_critic(1.0), real, fake)), wanted.expand(5))


class TestRepelling:
    def test_against_the_formula(self) -> None:
        fake = images(4)
        total = 0.0
        for i in range(4):
            for j in range(4):
                a, b = fake[i].flatten(), fake[j].flatten()
                total += float((a @ b / (a.norm() * b.norm())) ** 2) if i != j else 0.0
        found = penalty("repelling")(context(linear_critic(1.0), images(4), fake))
        assert float(found.mean()) == pytest.approx(total / (4 * 3))

    def test_equal_directions_cost_one_and_orthogonal_ones_nothing(self) -> None:
        alike = images(1).expand(4, -1, -1, -1) * torch.arange(1, 5.0).view(4, 1, 1, 1)
        apart = torch.eye(4, 48, dtype=torch.float64).view(4, 3, 4, 4)
        made = penalty("repelling")
        torch.testing.assert_close(made(context(linear_critic(1.0), images(4), alike)), torch.ones(4).double())
        torch.testing.assert_close(made(context(linear_critic(1.0), images(4), apart)), torch.zeros(4).double())

    def test_a_sample_alone_has_nothing_to_repel(self) -> None:
        assert float(penalty("repelling")(context(linear_critic(1.0), images(1)))) == 0


class TestMutualInformation:
    def shown(self, extra: int = 0) -> tuple[PenaltyContext, Tensor, Tensor]:
        """A scene with four categories and three continuous codes after two numbers of noise."""
        category = torch.tensor([3, 0, 1, 2, 3])
        codes = torch.rand(5, 3, dtype=torch.float64) * 2 - 1
        one_hot = torch.eye(4, dtype=torch.float64)[category]
        latents = torch.cat([torch.randn(5, 2).double(), one_hot, codes, torch.randn(5, extra).double()], 1)
        shown = context(linear_critic(1.0), images(), latents=latents, features=lambda x: x.flatten(1)[:, :3] * 3)
        return shown, category, codes

    def made(self) -> BasePenalty:
        return penalty("mutual-information:hidden=6", prior=Prior(9, categories=4, continuous=3)).double()

    @pytest.mark.parametrize("extra", [0, 1])
    def test_against_independent_distributions(self, extra: int) -> None:
        """One number more in the latents chooses among several generators."""
        shown, category, codes = self.shown(extra)
        made = self.made()
        logits, means, raw = made.q(shown.fake_features).split([4, 3, 3], 1)
        deviation = (8 * torch.tanh(raw / 8)).exp().sqrt()
        wanted = -torch.distributions.Categorical(logits=logits).log_prob(category)
        wanted = wanted - torch.distributions.Normal(means, deviation).log_prob(codes).sum(1)
        torch.testing.assert_close(made(shown), wanted)

    def test_a_sure_and_right_guess_gains_all_there_is(self) -> None:
        """Q that knows nothing pays ln 4 for the category and ½ ln 2π for a code at its mean."""
        shown, _, codes = self.shown()
        made = self.made()
        for parameter in made.parameters():
            nn.init.zeros_(parameter)
        wanted = log(4) + 1.5 * log(2 * pi) + codes.square().sum(1) / 2
        torch.testing.assert_close(made(shown), wanted)

    def test_its_gradient_reaches_generator_and_q(self) -> None:
        shown, _, _ = self.shown()
        fake = shown.fake.requires_grad_()
        made = self.made()
        value = made(replace(shown, fake_features=shown.features(fake))).sum()
        gradients = torch.autograd.grad(value, [fake, *made.parameters()])
        assert all(gradient.abs().max() > 0 for gradient in gradients)
        assert (gradients[0].flatten(1).norm(dim=1) > 0).all()

    @pytest.mark.parametrize("codes", [{"categories": 0}, {"continuous": 0}])
    def test_either_kind_of_code_may_be_missing(self, codes: dict[str, int]) -> None:
        latents = torch.eye(14, dtype=torch.float64)[4:9]
        made = penalty("mutual-information", prior=Prior(14, **codes)).double()
        value = made(context(linear_critic(1.0), images(), latents=latents, features=lambda x: x.flatten(1)[:, :3]))
        assert value.shape == (5,) and torch.isfinite(value).all()

    def test_q_learns_with_the_discriminator(self, noise: Dataset) -> None:
        engine = trainer(noise, penalties=("mutual-information",), prior="coded:categories=3,continuous=1")
        q = engine.method.discriminator.penalties["mutual-information"].q
        assert {id(p) for p in q.parameters()} <= {id(p) for p in engine.parameters["discriminator"]}
        before = [p.detach().clone() for p in q.parameters()]
        engine.step()
        assert all(not torch.equal(old, new) for old, new in zip(before, q.parameters(), strict=True))


def trainer(data: Dataset, **fields: Any) -> Any:
    """The engine of a tiny unconditional recipe on 8-pixel images."""
    recipe = Recipe.tiny().changed(batch=8, auxiliary=0.0, **fields)
    spec = data.spec
    return make_trainer(recipe, spec, data, Options(device="cpu", progress=False), World())


class TestEveryKSteps:
    def total(self, data: Dataset, every: int, steps: int = 8) -> Tensor:
        """The mean weighted term over some steps in which nothing is learned."""
        engine = trainer(data, penalties=(f"orthogonal:weight=2,every={every}",))
        totals: list[Tensor] = []
        for _ in range(steps):
            turns = [turn for played in engine.turns() for turn in played if turn.player == "discriminator"]
            terms = [
                turn.weights["orthogonal"] * turn.terms["orthogonal"].mean()
                for turn in turns
                if "orthogonal" in turn.terms
            ]
            totals.append(torch.stack(terms).sum() if terms else torch.zeros(()))
            engine.clock.step += 1
        return torch.stack(totals).mean()

    @pytest.mark.parametrize("every", [2, 4, 8])
    def test_on_average_a_lazy_penalty_weighs_what_an_eager_one_does(self, noise: Dataset, every: int) -> None:
        eager = self.total(noise, 1)
        assert eager > 0
        torch.testing.assert_close(self.total(noise, every), eager)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("gradient-penalty:target=-1", r"gradient-penalty\.target is -1, but a norm must be at least 0"),
        ("gradient-penalty:target=0,relative=true", r"must be above 0 to be divided by"),
        ("gradient-penalty:sided=three", r"gradient-penalty\.sided is 'three', but it must be .*two"),
        ("dragan:noise=-0.5", r"dragan\.noise is -0\.5, but it must not be negative"),
        ("weight-clipping:limit=0", r"weight-clipping\.limit is 0, but it must be above 0"),
        ("weight-clipping:weight=2", r"'weight-clipping' has no option 'weight'"),
        ("spectral-normalisation:iterations=0", r"iterations is 0, but it must be at least 1"),
        ("consistency:pixels=-1", r"consistency\.pixels is -1, but it must be at least 0"),
        ("consistency:pixels=0,flip=false", r"must be at least 1 where no image is mirrored"),
        ("lecam:decay=1", r"lecam\.decay is 1, but it must be at least 0 and below 1"),
        ("mutual-information:hidden=0", r"mutual-information\.hidden is 0, but it must be at least 1"),
    ],
)
def test_a_wrong_option_is_one_clear_message(part: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        penalty(part)


def test_information_of_latents_without_codes_is_refused(noise: Dataset) -> None:
    with pytest.raises(UsageError, match="Type --prior coded"):
        trainer(noise, penalties=("mutual-information",))
    with pytest.raises(UsageError, match="Type --replay 0"):
        trainer(noise, penalties=("mutual-information",), prior="coded:categories=3,continuous=1", replay=8)


@pytest.mark.parametrize("name", ["orthogonal", "spectral-normalisation"])
def test_a_discriminator_without_layers_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"no convolution and no dense layer, so {name} has nothing to work on"):
        penalty(name).prepare(nn.Sequential(nn.Flatten(), nn.Embedding(3, 4)))


COUPLED = ("lecam", "feature-matching", "repelling")


def measure(real: Tensor, fake: Tensor, slope: Tensor) -> dict[str, Tensor]:
    """Mean terms of penalties that regard the whole batch, and their gradients by a parameter of the generator."""
    found = {}
    for name in COUPLED:
        made = penalty(name).double()
        for step in range(2):
            shown = context(linear_critic_of_ones, real + step, fake * slope)
            term = made(shown).mean()
        found[name] = term.detach()
        (found[f"gradient of {name}"],) = torch.autograd.grad(term, slope)
    return found


def linear_critic_of_ones(x: Tensor) -> Tensor:
    return x.flatten(1).sum(1)


def batch() -> tuple[Tensor, Tensor, Tensor]:
    source = torch.Generator().manual_seed(4)
    real, fake = (torch.randn(6, 3, 4, 4, generator=source, dtype=torch.float64) for _ in range(2))
    return real, fake, torch.linspace(0.5, 1.5, 4, dtype=torch.float64).requires_grad_()


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    real, fake, slope = batch()
    found = measure(real.chunk(2)[rank], fake.chunk(2)[rank], slope)
    for value in found.values():
        distributed.all_reduce(value)
        value /= 2
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_see_what_one_sees(tmp_path: Path) -> None:
    """Means over the processes of terms and gradients are those of the whole batch."""
    multiprocessing.spawn(work, args=(str(tmp_path),), nprocs=2)
    wanted = measure(*batch())
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for name, value in wanted.items():
            torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-12, msg=name)
