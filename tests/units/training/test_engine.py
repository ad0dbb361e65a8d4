"""The engine against the same step written out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from belamy.data import Batch, Batches
from belamy.data.dataset import Dataset
from belamy.errors import NotFinite, UsageError
from belamy.methods import gan
from belamy.methods.base import OPTIMIZERS, BaseMethod, BaseRecipe, DataSpec, Player, Turn
from belamy.registry import Part
from belamy.seeds import Draws
from belamy.training.finite import LAG, LateCheck
from belamy.training.trainer import Trainer, fresh

DOUBLE = torch.float64
VARIANTS: dict[str, dict[str, Any]] = {
    "alternating": {},
    "fresh latents": {"fresh_latents": True},
    "simultaneous": {"turns": "simultaneous"},
    "separate": {"turns": "separate"},
    "critic steps": {"critic_steps": 3},
    "penalty": {"penalties": ("gradient-penalty:weight=3",)},
    "relativistic": {"adversarial": "relativistic-pairing"},
    "fakes in evaluation mode": {"fakes": "eval"},
}


def recipe(optimizer: str = "sgd:lr=0.5", **fields: Any) -> gan.Recipe:
    dense = Part(name="dense-fashion")
    small = gan.Recipe(generator=dense, discriminator=dense, latent=8, batch=6)
    made = small.changed(generator_optimizer=optimizer, discriminator_optimizer=optimizer, **fields)
    assert isinstance(made, gan.Recipe)
    return made


def trainer(noise: Dataset, chosen: BaseRecipe) -> Trainer:
    def build() -> BaseMethod:
        return gan.Method(chosen, noise.spec)

    return Trainer(fresh(build, chosen.seed, torch.device("cpu"), DOUBLE), noise)


class ByHand:
    """Copies of the networks at the start, the first batch and the latents of a step."""

    def __init__(self, engine: Trainer) -> None:
        method = engine.method
        assert isinstance(method, gan.Method)
        self.generator, self.discriminator = deepcopy(method.generator), deepcopy(method.discriminator)
        chosen = method.recipe
        batches = Batches(engine.dataset, "train", chosen.batch, chosen.seed)
        self.real = (next(batches).images.to(DOUBLE) + 1) / 2  # dense-fashion makes and sees [0, 1]
        self.draw = Draws(chosen.seed, 0, dtype=DOUBLE)
        self.method = method

    def latents(self) -> Tensor:
        return self.draw.normal("latents", len(self.real), self.method.recipe.latent)

    def discriminator_loss(self, fake: Tensor) -> Tensor:
        return (softplus(-self.discriminator(self.real)) + softplus(self.discriminator(fake))).mean()

    def generator_loss(self, fake: Tensor) -> Tensor:
        return softplus(-self.discriminator(fake)).mean()

    def assert_same(self) -> None:
        for mine, its in [(self.generator, self.method.generator), (self.discriminator, self.method.discriminator)]:
            for one, other in zip(mine.parameters(), its.parameters(), strict=True):
                torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-12)


def descend(module: nn.Module, loss: Tensor, lr: float = 0.5) -> None:
    gradients = torch.autograd.grad(loss, list(module.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(module.parameters(), gradients, strict=True):
            parameter -= lr * gradient


def test_alternating_turns(noise: Dataset) -> None:
    engine = trainer(noise, recipe())
    hand = ByHand(engine)
    fake = hand.generator(hand.latents())
    descend(hand.discriminator, hand.discriminator_loss(fake.detach()))
    descend(hand.generator, hand.generator_loss(fake))
    engine.step()
    hand.assert_same()


def test_fresh_latents(noise: Dataset) -> None:
    engine = trainer(noise, recipe(fresh_latents=True))
    hand = ByHand(engine)
    descend(hand.discriminator, hand.discriminator_loss(hand.generator(hand.latents()).detach()))
    descend(hand.generator, hand.generator_loss(hand.generator(hand.latents())))
    engine.step()
    hand.assert_same()


def test_simultaneous_turns_are_two_gradients_before_any_step(noise: Dataset) -> None:
    """The textbook: loss_d.backward(retain_graph), loss_g.backward, then both steps."""
    engine = trainer(noise, recipe(turns="simultaneous"))
    hand = ByHand(engine)
    fake = hand.generator(hand.latents())
    losses = {hand.discriminator: hand.discriminator_loss(fake), hand.generator: hand.generator_loss(fake)}
    gradients = {
        module: torch.autograd.grad(loss, list(module.parameters()), retain_graph=True)
        for module, loss in losses.items()
    }
    with torch.no_grad():
        for module, found in gradients.items():
            for parameter, gradient in zip(module.parameters(), found, strict=True):
                parameter -= 0.5 * gradient
    engine.step()
    hand.assert_same()


def test_separate_turns_are_two_updates_of_the_discriminator(noise: Dataset) -> None:
    engine = trainer(noise, recipe("adam:lr=0.01,beta1=0.5", turns="separate"))
    hand = ByHand(engine)
    optimizers = [
        torch.optim.Adam(module.parameters(), lr=0.01, betas=(0.5, 0.999))
        for module in (hand.discriminator, hand.generator)
    ]
    fake = hand.generator(hand.latents())
    for loss in (lambda: softplus(-hand.discriminator(hand.real)), lambda: softplus(hand.discriminator(fake.detach()))):
        optimizers[0].zero_grad()
        loss().mean().backward()
        optimizers[0].step()
    optimizers[1].zero_grad()
    hand.generator_loss(fake).backward()
    optimizers[1].step()
    engine.step()
    hand.assert_same()


def test_critic_steps_take_a_batch_each(noise: Dataset) -> None:
    engine = trainer(noise, recipe(critic_steps=3))
    players = [turn.player for turns in engine.turns() for turn in turns]
    assert players == ["discriminator"] * 3 + ["generator"]
    assert engine.batches.position == 3


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_the_player_whose_turn_it_is_learns(noise: Dataset, variant: str) -> None:
    engine = trainer(noise, recipe(**VARIANTS[variant]))
    for turns in engine.turns():
        learners = {turn.player for turn in turns}
        before = {name: [p.detach().clone() for p in found] for name, found in engine.parameters.items()}
        for number, turn in enumerate(turns):
            engine.differentiate(turn, retain=number + 1 < len(turns))
        for name, found in engine.parameters.items():
            assert all((p.grad is None) == (name not in learners) for p in found), name
        steep = {
            name: [p.grad is not None and bool(p.grad.any()) for p in found]
            for name, found in engine.parameters.items()
        }
        for turn in turns:
            engine.apply(turn.player)
        for name, found in engine.parameters.items():
            moved = [not torch.equal(p, old) for p, old in zip(found, before[name], strict=True)]
            assert moved == steep[name]
            assert sum(moved) >= len(moved) - 1 if name in learners else not any(moved), name
        assert all(p.grad is None for found in engine.parameters.values() for p in found)


@pytest.mark.parametrize(("clip", "limit"), [("clip_value", 1e-3), ("clip_norm", 1e-2), ("clip_norm", 1e9)])
def test_clipping(noise: Dataset, clip: str, limit: float) -> None:
    engine = trainer(noise, recipe(**{clip: limit}))
    hand = ByHand(engine)
    fake = hand.generator(hand.latents())
    for module, loss in [
        (hand.discriminator, lambda: hand.discriminator_loss(fake.detach())),
        (hand.generator, lambda: hand.generator_loss(fake)),
    ]:
        gradients = torch.autograd.grad(loss(), list(module.parameters()))
        norm = float(torch.cat([gradient.flatten() for gradient in gradients]).norm())
        assert norm > 1e-2  # else the limits would clip nothing
        with torch.no_grad():
            for parameter, gradient in zip(module.parameters(), gradients, strict=True):
                clipped = gradient.clamp(-limit, limit) if clip == "clip_value" else gradient * min(1, limit / norm)
                parameter -= 0.5 * clipped
    engine.step()
    hand.assert_same()


def test_a_lazy_penalty_is_due_each_kth_step_and_scaled_by_k(noise: Dataset) -> None:
    lazy = trainer(noise, recipe(penalties=("r1:weight=2,every=4",)))
    eager = trainer(noise, recipe(penalties=("r1:weight=8",)))
    seen = []
    for step in range(9):
        lazy.clock.step = eager.clock.step = step
        (turn, other) = (next(engine.turns())[0] for engine in (lazy, eager))
        seen.append("r1" in turn.terms)
        if seen[-1]:
            assert turn.weights["r1"] == other.weights["r1"] == 8
            torch.testing.assert_close(turn.total(), other.total())
    assert seen == [step % 4 == 0 for step in range(9)]


def test_a_turns_total_is_the_weighted_sum_of_means() -> None:
    terms = {"a": torch.tensor([1.0, 3.0]), "b": torch.tensor(5.0), "c": torch.tensor([2.0])}
    assert float(Turn("anyone", terms, {"b": 0.5, "c": 10.0}).total()) == 2 + 2.5 + 20
    assert float(Turn("anyone", terms).total()) == 2 + 5 + 2


def test_what_is_logged(noise: Dataset) -> None:
    engine = trainer(noise, recipe(penalties=("r1:weight=2",)))
    engine.step()
    figures = engine.tally.read()
    wanted = {"discriminator.adversarial", "discriminator.r1", "discriminator.real", "discriminator.fake"}
    assert {name.removeprefix("losses/") for name in figures if name.startswith("losses/")} == {
        *wanted,
        "generator.adversarial",
    }
    assert {name for name in figures if name.startswith("gradient_norms/")} == {
        "gradient_norms/discriminator",
        "gradient_norms/generator",
    }


def test_what_was_counted_since_the_last_reading_goes_on_with_the_state(noise: Dataset) -> None:
    engine, other = (trainer(noise, recipe()) for _ in range(2))
    for _ in range(3):
        engine.step()
    other.load_state(engine.state())
    for each in (engine, other):
        each.step()
    assert engine.tally.read() == other.tally.read()


def test_the_clock_counts_samples(noise: Dataset) -> None:
    engine = trainer(noise, recipe())
    engine.step()
    engine.step()
    assert (engine.clock.samples, engine.clock.step, engine.batches.position) == (12, 2, 2)


def test_the_schedule_reaches_the_optimizers(noise: Dataset) -> None:
    engine = trainer(noise, recipe(schedule="inverse-time:decay=1"))
    hand = ByHand(engine)
    engine.clock.step = 3
    before = deepcopy(engine.method.discriminator)
    turns = engine.turns()
    engine.take(next(turns))
    hand.draw = Draws(0, 3, dtype=DOUBLE)
    hand.discriminator = before
    descend(before, hand.discriminator_loss(hand.generator(hand.latents()).detach()), lr=0.5 / 4)
    for one, other in zip(before.parameters(), engine.method.discriminator.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-12)


def test_weights_depend_on_the_seed_alone(noise: Dataset) -> None:
    torch.manual_seed(1)
    one = trainer(noise, recipe())
    torch.manual_seed(2)
    other, third = trainer(noise, recipe()), trainer(noise, recipe(seed=1))
    weights = [engine.parameters["generator"][0] for engine in (one, other, third)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


class ToyRecipe(BaseRecipe):
    optimizer: Part = Part(name="sgd")
    bad_step: int = 2


class Poison(nn.Module):
    """Passes its input on until it is told otherwise."""

    bad = False

    def forward(self, x: Tensor) -> Tensor:
        return x * float("nan") if self.bad else x


class Toy(BaseMethod):
    """A network of four layers whose second gives NaN from a certain step on."""

    def __init__(self, chosen: ToyRecipe) -> None:
        super().__init__(chosen, DataSpec.pictures((1, 8, 8)))
        self.network = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), Poison(), nn.Linear(4, 1))

    @property
    def players(self) -> dict[str, Player]:
        return {"network": Player(self.network, self.recipe.optimizer)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        self.network[2].bad = draw.step >= self.recipe.bad_step
        yield Turn("network", {"output": self.network(next(data).images)[:, 0].square()})


class TestNotFinite:
    def engine(self, noise: Dataset, **fields: Any) -> Trainer:
        chosen = ToyRecipe(batch=4, **fields)
        OPTIMIZERS.check(chosen.optimizer)
        return Trainer(fresh(lambda: Toy(chosen), 0, torch.device("cpu"), torch.float32), noise)

    def test_the_first_bad_layer_is_named(self, noise: Dataset) -> None:
        engine = self.engine(noise)
        engine.step()
        engine.step()
        with pytest.raises(NotFinite, match=r"loss 'network\.output' is nan.*first layer .* is network\.2 \(Poison\)"):
            engine.step()

    def test_nothing_was_learned_from_the_bad_step(self, noise: Dataset) -> None:
        engine = self.engine(noise, bad_step=0)
        before = deepcopy(engine.method.state_dict())
        with pytest.raises(NotFinite):
            engine.step()
        assert all(torch.equal(value, before[name]) for name, value in engine.method.state_dict().items())
        engine.check_finite()

    def test_a_bad_gradient_is_named_where_the_loss_is_fine(self, noise: Dataset) -> None:
        engine = self.engine(noise, bad_step=99)
        engine.method.network[3].weight.register_hook(lambda gradient: gradient * float("inf"))
        with pytest.raises(NotFinite, match=r"gradient of network\.3\.weight is not finite"):
            engine.step()

    def test_a_bad_weight_is_found_before_it_is_saved(self, noise: Dataset) -> None:
        engine = self.engine(noise, bad_step=99)
        with torch.no_grad():
            engine.method.network[1].bias[2] = float("inf")
        with pytest.raises(NotFinite, match=r"weight network\.1\.bias"):
            engine.check_finite()

    def late(self, noise: Dataset, **fields: Any) -> Trainer:
        """An engine that hears of its numbers as from a GPU."""
        engine = self.engine(noise, **fields)
        engine.late = LateCheck(engine.device)
        return engine

    def test_a_device_is_heard_a_few_steps_later(self, noise: Dataset) -> None:
        engine = self.late(noise, bad_step=2)
        for _ in range(2 + LAG):
            engine.step()
        with pytest.raises(NotFinite, match=r"^the loss 'network\.output' of step 2 is not finite$"):
            engine.step()

    def test_of_a_device_gradients_are_heard_too(self, noise: Dataset) -> None:
        engine = self.late(noise, bad_step=99)
        engine.method.network[3].weight.register_hook(lambda gradient: gradient * float("inf"))
        for _ in range(LAG):
            engine.step()
        with pytest.raises(NotFinite, match=r"^the gradient norm of the network of step 0 is not finite$"):
            engine.step()

    def test_nothing_is_saved_before_the_device_has_answered(self, noise: Dataset) -> None:
        engine = self.late(noise, bad_step=0)
        engine.step()
        with pytest.raises(NotFinite, match="of step 0 is not finite"):
            engine.check_finite()

    def test_no_step_waits_for_a_device(self, noise: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
        engine, read = self.late(noise, bad_step=99), []
        for name in ("__bool__", "__float__", "item", "tolist", "is_nonzero"):
            known = getattr(Tensor, name)

            def reading(self: Tensor, known: Any = known) -> Any:
                read.append(engine.clock.step)
                return known(self)

            monkeypatch.setattr(Tensor, name, reading)
        for _ in range(LAG):
            engine.step()
        assert not read
        engine.step()
        assert read == [LAG]

    def test_the_player_and_its_loss_are_named(self, noise: Dataset) -> None:
        engine = trainer(noise, recipe())
        with torch.no_grad():
            engine.method.discriminator.network.network.trunk[3].weight.fill_(float("nan"))
        with pytest.raises(NotFinite, match=r"discriminator\.adversarial' is nan.*network\.trunk\.3 \(Linear"):
            engine.step()


def test_the_clock_counts_every_batch(noise: Dataset) -> None:
    engine = trainer(noise, recipe(critic_steps=3))
    engine.step()
    assert (engine.clock.step, engine.clock.samples, engine.batches.position) == (1, 18, 3)


def test_simultaneous_turns_have_one_pass_of_the_generator(noise: Dataset) -> None:
    with pytest.raises(UsageError, match="--turns alternating"):
        trainer(noise, recipe(turns="simultaneous", fresh_latents=True))


def test_a_penalty_is_named_once(noise: Dataset) -> None:
    with pytest.raises(UsageError, match="named twice"):
        trainer(noise, recipe(penalties=("r1:weight=1", "r1:weight=2")))
