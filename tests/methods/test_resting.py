"""The 3-D GAN's rule (Wu et al. 2016, arXiv 1610.07584, section 3.1): a discriminator that is too good rests."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.gan import Recipe
from belamy.modalities.fields import Field
from belamy.registry import Part
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer

NETWORK = Part(name="gan-3d", width=2)


@pytest.fixture
def solids() -> Dataset:
    """24 random volumes of 8 voxels a side."""
    full = torch.rand(24, 1, 8, 8, 8, generator=torch.Generator().manual_seed(1)) < 0.3
    return Dataset("solids", Memory(full), field=Field("volume", (1, 8, 8, 8), bits=1))


@pytest.fixture
def recipe() -> Recipe:
    """The paper's but for its size; every number is float64 in :func:`stage`."""
    return Recipe(
        generator=NETWORK, discriminator=NETWORK, latent=6, batch=6, rest_above=0.8, prior=Part(name="uniform"),
        generator_optimizer=Part(name="adam", lr=0.0025, beta1=0.5),
        discriminator_optimizer=Part(name="adam", lr=1e-5, beta1=0.5),
    )  # fmt: skip


def told_right(real: Tensor, fake: Tensor) -> float:
    """The accuracy of the paper, counted one by one."""
    right = sum(score > 0 for score in real.tolist()) + sum(score < 0 for score in fake.tolist())
    return right / (len(real) + len(fake))


def test_one_step(stage: Any, check: Any, solids: Dataset, recipe: Recipe) -> None:
    """Volumes are 0 and 1, losses cross-entropies of a sigmoid; the accuracy is that of the batch learned from."""
    made = stage(recipe, solids)
    real = (next(made.batches).main.double() + 1) / 2
    assert set(real.unique().tolist()) == {0, 1}
    z = made.numbers().uniform("latents", 6, 6) * 2 - 1
    method = made.method
    score, generator = copy.deepcopy(method.discriminator), method.generator
    turns = made.turns()
    of_real, of_fake = score(real), score(generator(z).detach())
    loss = -torch.sigmoid(of_real).log() - (1 - torch.sigmoid(of_fake)).log()
    check(next(turns), "discriminator", score, {"adversarial": loss})
    second = next(turns)  # by now the discriminator has learned
    fooled = -torch.sigmoid(method.discriminator(generator(z))).log()
    check(second, "generator", generator, {"adversarial": fooled})
    assert next(turns, None) is None
    assert float(method.told_right) == pytest.approx(told_right(of_real, of_fake))


@pytest.mark.parametrize(("last", "rests"), [(0.0, False), (0.8, False), (0.81, True), (1.0, True)])
def test_it_learns_unless_it_was_too_good(
    stage: Any, solids: Dataset, recipe: Recipe, last: float, rests: bool
) -> None:
    made = stage(recipe, solids)
    method = made.method
    method.told_right.fill_(last)
    before = [parameter.clone() for parameter in method.discriminator.parameters()]
    players = [turn.player for turn, _ in made.turns()]
    assert players == (["generator"] if rests else ["discriminator", "generator"])
    after = list(method.discriminator.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True)) == rests
    assert float(method.told_right) != last, "a batch that it rests on is judged too"


def test_whether_it_rests_survives_a_resume(solids: Dataset, recipe: Recipe) -> None:
    def engine() -> Any:
        return make_trainer(recipe, solids.spec, solids, Options(device="cpu", progress=False), World())

    first = engine()
    first.step()
    first.method.told_right.fill_(0.9)
    second = engine()
    second.load_state(copy.deepcopy(first.state()))
    assert float(second.method.told_right) == pytest.approx(0.9)
    for one in (first, second):
        one.step()
    ours, theirs = first.method.state_dict(), second.method.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_without_the_rule_nothing_is_kept(stage: Callable[..., Any], solids: Dataset, recipe: Recipe) -> None:
    assert "told_right" not in stage(recipe.changed(rest_above=1.0), solids).method.state_dict()


@pytest.mark.parametrize(
    "fields", [{"turns": "simultaneous"}, {"adversarial": Part(name="relativistic-average")}], ids=["turns", "compared"]
)
def test_where_it_means_nothing_it_is_refused(stage: Any, solids: Dataset, recipe: Recipe, fields: Any) -> None:
    with pytest.raises(UsageError, match="Leave --rest-above out"):
        stage(recipe.changed(**fields), solids)
