"""One step of a method, turn by turn in float64, held against terms and weights written from its paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.data import Batches
from belamy.data.dataset import Dataset, Memory
from belamy.methods.base import BaseRecipe, Turn
from belamy.seeds import Draws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer, with_sides
from belamy.training.trainer import Trainer

DOUBLE = torch.float64
EXACT = {"rtol": 1e-9, "atol": 1e-12}


class Stage:
    """A trainer in float64 before its first step, and what that step's numbers are.

    Args:
        recipe: What is trained.
        data: On what.
    """

    def __init__(self, recipe: BaseRecipe, data: Dataset) -> None:
        data = with_sides(recipe, data)
        spec = data.spec
        options = Options(device="cpu", precision="float64", progress=False)
        self.engine: Trainer = make_trainer(recipe, spec, data, options, World())
        self.method: Any = self.engine.method
        self.recipe: Any = recipe
        self.batches = Batches(data, "train", recipe.batch, recipe.seed)
        self.data = data

    def numbers(self, step: int = 0, progress: float = 0.0) -> Draws:
        """The random numbers of a step, from their beginning."""
        return Draws(self.recipe.seed, step, dtype=DOUBLE, progress=progress)

    def batch(self) -> tuple[Tensor, Tensor]:
        """The next batch: images on [-1, 1] and labels."""
        batch = next(self.batches)
        pixels = self.data.images(batch.indices).double()
        torch.testing.assert_close(batch.images.double(), pixels / 127.5 - 1, rtol=0, atol=1e-6)
        assert batch.labels is not None
        return batch.images.double(), batch.labels

    def turns(self) -> Iterator[tuple[Turn, list[Tensor | None]]]:
        """Each turn of a step with its gradients; its player has learned once the next one is asked for."""
        for together in self.engine.turns():
            for number, turn in enumerate(together, start=1):
                self.engine.differentiate(turn, retain=number < len(together))
                yield turn, [parameter.grad for parameter in self.engine.parameters[turn.player]]
            for turn in together:
                self.engine.apply(turn.player)
        self.engine.clock.step += 1
        self.engine.clock.samples += self.recipe.batch


def hold(
    played: tuple[Turn, list[Tensor | None]],
    player: str,
    module: nn.Module,
    terms: Mapping[str, Tensor],
    weights: Mapping[str, float] | None = None,
) -> None:
    """A turn is this player's, with these terms, this weighted total and its gradients.

    Args:
        played: What :meth:`Stage.turns` gives.
        player: Whose turn it should be.
        module: What learns in it.
        terms: By name, one value per sample, as the paper has them.
        weights: Factors of the terms; 1 where there is none.
    """
    turn, gradients = played
    assert turn.player == player
    assert turn.terms.keys() == terms.keys()
    for name, term in terms.items():
        torch.testing.assert_close(turn.terms[name].detach(), term.detach(), **EXACT)
    total = torch.stack([(weights or {}).get(name, 1.0) * term.mean() for name, term in terms.items()]).sum()
    torch.testing.assert_close(turn.total().detach(), total.detach(), **EXACT)
    wanted = torch.autograd.grad(total, list(module.parameters()), allow_unused=True, retain_graph=True)
    assert len(gradients) == len(wanted) and any(each is not None for each in wanted)
    for found, each in zip(gradients, wanted, strict=True):
        if each is None:
            assert found is None or not found.any()
        else:
            torch.testing.assert_close(found, each, rtol=1e-6, atol=1e-10)


@pytest.fixture
def check() -> Callable[..., None]:
    """See :func:`hold`."""
    return hold


def resumed_equal(whole: Trainer, resumed: Trainer, stop: int, steps: int) -> None:
    """Assert that a trainer which takes up another's state ends as that one does, in every tensor bit for bit.

    Args:
        whole: Takes all steps.
        resumed: Takes up its state.
        stop: After so many.
        steps: In all.
    """
    for _ in range(stop):
        whole.step()
    state = whole.state()
    copied = type(state)(
        state.samples, state.step, state.position, 0.0, {key: value.clone() for key, value in state.tensors.items()}
    )
    resumed.load_state(copied)
    for engine in (whole, resumed):
        for _ in range(steps - stop):
            engine.step()
    mine, its = whole.state().tensors, resumed.state().tensors
    assert mine.keys() == its.keys()
    assert [key for key in mine if not torch.equal(mine[key], its[key])] == []


@pytest.fixture
def goes_on() -> Callable[..., None]:
    """See :func:`resumed_equal`."""
    return resumed_equal


@pytest.fixture
def stage(noise: Dataset) -> Callable[..., Stage]:
    """Makes a :class:`Stage` of a recipe on 8x8 noise of three classes, or on other data."""
    return lambda recipe, data=noise: Stage(recipe, data)


@pytest.fixture
def pictures() -> Dataset:
    """24 random 28x28 grey images of four classes."""
    pixels = torch.randint(0, 256, (24, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return Dataset("pictures", Memory(pixels), labels=torch.arange(24) % 4, classes=[*"abcd"])
