"""What every penalty in the registry promises; a new file there is tested without being named here."""

from __future__ import annotations

import inspect
from copy import deepcopy
from functools import partial
from typing import Any, Literal, get_origin

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

from belamy.losses.penalties import BasePenalty
from belamy.losses.penalty_context import PenaltyContext
from belamy.networks.priors.coded import Prior
from belamy.networks.reconstruction import Reconstruction
from belamy.registry import Part, Registry
from belamy.seeds import Draws

PENALTIES = Registry("belamy.losses.penalties", "penalty", "Penalty")
LATENT, CATEGORIES = 14, 10
"""Two numbers of noise, a one-hot category of ten and two continuous codes, as the law ``coded`` has them."""

pytestmark = pytest.mark.parametrize("name", PENALTIES.names())


class Critic(nn.Module):
    """A smooth discriminator of images ``[N, 1, 3, 3]`` with three features."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.score = nn.Conv2d(1, 2, 2), nn.Linear(8, 3), nn.Linear(3, 1)

    def map(self, images: Tensor) -> Tensor:
        return torch.tanh(self.first(images))

    def features(self, images: Tensor) -> Tensor:
        return torch.tanh(self.second(self.map(images).flatten(1)))

    def forward(self, images: Tensor) -> Tensor:
        return self.score(self.features(images)).squeeze(1)


def given_parts() -> dict[str, Any]:
    """What a method gives a penalty."""
    reconstruction = partial(Reconstruction, [(2, 2, 2)], (1, 3, 3))
    return {"features": 3, "prior": Prior(LATENT), "classes": 0, "reconstruction": reconstruction}


class Stage(nn.Module):
    """Generator, discriminator and a penalty, whose output is the penalty's term in a player's turn."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.critic, self.generator = Critic(), nn.Linear(LATENT, 9)
        given = given_parts()
        self.penalty: BasePenalty = PENALTIES.build(Part(name=name, **options), **given)
        self.penalty.prepare(self.critic)
        self.double()

    def forward(self, player: str, real: Tensor, latents: Tensor, step: int = 0) -> Tensor | None:
        fake = self.painted(latents, real)
        fake = fake.detach() if player == "discriminator" else fake
        return self.penalty(
            PenaltyContext(
                critic=self.critic, critic_of_fakes=self.critic, features=self.critic.features, real=real, fake=fake,
                real_scores=self.critic(real), fake_scores=self.critic(fake),
                real_features=self.critic.features(real), fake_features=self.critic.features(fake),
                latents=latents, styles=lambda z: z[:, None],
                synthesize=lambda styles: self.painted(styles[:, 0], real),
                draw=Draws(0, step, dtype=real.dtype), progress=0.5, real_maps=(self.critic.map(real),),
            )
        )  # fmt: skip

    def painted(self, latents: Tensor, real: Tensor) -> Tensor:
        """Images that are no linear function of their latents, so that all derivatives have something to say."""
        return torch.tanh(self.generator(latents)).view(real.shape)

    def learners(self, player: str) -> dict[str, Tensor]:
        """What learns in a player's turn, by name."""
        names = ("critic.", "penalty.") if player == "discriminator" else ("generator.",)
        return {name: value for name, value in self.named_parameters() if name.startswith(names)}


def inputs(count: int = 4, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Real images and latents with codes."""
    latents = torch.randn(count, LATENT, dtype=dtype)
    latents[:, -CATEGORIES - 2 : -2] = torch.eye(CATEGORIES, dtype=dtype)[torch.arange(count) * 3 % CATEGORIES]
    return torch.randn(count, 1, 3, 3, dtype=dtype), latents


def weights_before() -> dict[str, Tensor]:
    """The critic's weights on any stage, before the penalty sees them."""
    torch.manual_seed(3)
    return Critic().state_dict()


def has_term(name: str) -> bool:
    stage = Stage(name)
    return stage(stage.penalty.players[0], *inputs()) is not None


class TestTerm:
    @pytest.mark.parametrize("count", [1, 5])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_one_value_per_sample_of_the_scores_type_or_none(self, name: str, count: int, dtype: torch.dtype) -> None:
        stage = Stage(name).to(dtype)
        for player in stage.penalty.players:
            term = stage(player, *inputs(count, dtype))
            assert term is None or (term.shape == (count,) and term.dtype == dtype)

    def test_first_and_second_derivatives_by_all_that_learns(self, name: str) -> None:
        stage, given = Stage(name), inputs()
        for player in stage.penalty.players if has_term(name) else ():
            learners = stage.learners(player)

            def value(*tensors: Tensor, player: str = player, names: tuple[str, ...] = tuple(learners)) -> Tensor:
                state = {key: buffer.clone() for key, buffer in stage.named_buffers()}
                state |= dict(zip(names, tensors, strict=True))
                return functional_call(stage, state, (player, *given))

            assert gradcheck(value, tuple(learners.values()), fast_mode=True)
            assert gradgradcheck(value, tuple(learners.values()), fast_mode=True)

    def test_a_gradient_reaches_each_of_its_players(self, name: str) -> None:
        stage = Stage(name)
        for player in stage.penalty.players if has_term(name) else ():
            learners = list(stage.learners(player).values())
            gradients = torch.autograd.grad(stage(player, *inputs()).sum(), learners, allow_unused=True)
            assert any(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)

    @pytest.mark.parametrize("score", [0.0, 100.0, -100.0])
    @pytest.mark.parametrize("steep", [False, True])
    def test_value_and_gradients_are_finite_for_flat_and_steep_critics(
        self, name: str, score: float, steep: bool
    ) -> None:
        stage, (real, latents) = Stage(name), inputs()
        with torch.no_grad():
            for parameter in stage.parameters():
                parameter.mul_(100.0 if steep else 0.0)
            stage.critic.score.bias.fill_(score)
        for player in stage.penalty.players if has_term(name) else ():
            for images in (real, torch.zeros_like(real)):
                term = stage(player, images, latents)
                gradients = torch.autograd.grad(
                    term.sum(), list(stage.learners(player).values()), allow_unused=True, materialize_grads=True
                )
                assert torch.isfinite(term).all()
                assert all(torch.isfinite(gradient).all() for gradient in gradients)

    def test_it_works_in_mixed_precision(self, name: str) -> None:
        """The generator's images are then of another type than the data's."""
        stage = Stage(name).float()
        for player in stage.penalty.players if has_term(name) else ():
            with torch.autocast("cpu", torch.bfloat16):
                term = stage(player, *inputs(dtype=torch.float32))
            learners = list(stage.learners(player).values())
            gradients = torch.autograd.grad(term.mean(), learners, allow_unused=True, materialize_grads=True)
            assert torch.isfinite(term).all() and all(torch.isfinite(gradient).all() for gradient in gradients)

    def test_it_leaves_nothing_on_images_and_weights(self, name: str) -> None:
        stage, (real, latents) = Stage(name), inputs()
        before = [parameter.detach().clone() for parameter in stage.parameters()]
        for player in stage.penalty.players:
            stage(player, real, latents)
        assert not real.requires_grad and not latents.requires_grad
        assert all(parameter.grad is None for parameter in stage.parameters())
        assert all(torch.equal(one, other) for one, other in zip(before, stage.parameters(), strict=True))


class TestState:
    def test_a_copy_of_the_state_goes_on_alike(self, name: str) -> None:
        """Whatever a penalty remembers, its own or what it installed, survives a file."""
        stage, player = Stage(name), PENALTIES.load(name).players[0]
        for step in range(3):
            stage(player, *inputs(), step)
        other = Stage(name)
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.zero_()
        other.load_state_dict(safetensors.torch.load(safetensors.torch.save(stage.state_dict())))
        given = inputs()
        for step in range(3, 6):
            one, same = stage(player, *given, step), other(player, *given, step)
            assert torch.equal(stage.critic(given[0]), other.critic(given[0]))
            assert (one is None and same is None) or torch.equal(one, same)

    def test_it_keeps_no_weight_of_the_discriminators(self, name: str) -> None:
        stage = Stage(name)
        judged = {id(value) for value in (*stage.critic.parameters(), *stage.critic.buffers())}
        assert not judged & {id(value) for value in (*stage.penalty.parameters(), *stage.penalty.buffers())}

    def test_it_does_something(self, name: str) -> None:
        """A penalty without a term changes the discriminator, when it is built or after its updates."""
        stage, plain = Stage(name), Critic()
        plain.load_state_dict(weights_before())
        stage.penalty.constrain(stage.critic)
        images = inputs()[0]
        assert has_term(name) != (not torch.allclose(stage.critic(images), plain.double()(images)))

    def test_a_penaltys_own_network_is_not_judged(self, name: str) -> None:
        """Penalties are saved within the discriminator; what one installs or constrains must spare the others."""
        critic = Critic()
        critic.add_module("penalty", Stage("mutual-information").penalty)
        before = deepcopy(critic.penalty.state_dict())
        given = given_parts()
        penalty = PENALTIES.build(Part(name=name), **given)
        penalty.prepare(critic)
        penalty.constrain(critic)
        after = critic.penalty.state_dict()
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)


class TestOptions:
    def test_those_with_a_term_have_weight_and_interval(self, name: str) -> None:
        options = PENALTIES.options(name).keys()
        assert ({"weight", "every"} <= options) if has_term(name) else not {"weight", "every"} & options
        if has_term(name):
            penalty = Stage(name, weight=2.5, every=3).penalty
            assert (penalty.weight, penalty.every) == (2.5, 3)

    def test_every_option_has_a_type_and_a_default_and_is_explained(self, name: str) -> None:
        text = inspect.getdoc(PENALTIES.load(name)) or ""
        for option in PENALTIES.options(name).values():
            assert option.default is not inspect.Parameter.empty, option
            assert option.annotation in (bool, int, float, str) or get_origin(option.annotation) is Literal, option
            assert f"    {option.name}: " in text, option

    def test_it_joins_turns_that_are_played(self, name: str) -> None:
        players = PENALTIES.load(name).players
        assert players and set(players) <= {"discriminator", "generator"}

    def test_it_names_its_source(self, name: str) -> None:
        assert "arXiv" in (inspect.getdoc(PENALTIES.load(name)) or "")
