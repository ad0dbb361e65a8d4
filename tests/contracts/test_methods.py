"""What every method in the registry promises; a new file there is tested without being named here."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import belamy
from belamy.data import Batch, Batches
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.base import (
    METHODS,
    BaseMethod,
    BaseRecipe,
    Classifies,
    Encodes,
    Evaluates,
    Ratio,
    Reconstructs,
    Samples,
    Stylizes,
)
from belamy.methods.requirements import check_fields
from belamy.registry import Part
from belamy.runs.run import RECIPE_TYPES, Run
from belamy.sampling.draw import draw, generated
from belamy.seeds import Draws, SampleDraws
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer, open_recipe_data, with_sides
from belamy.training.trainer import Trainer
from belamy.training.transfer import transfer

EVERY = pytest.mark.parametrize("name", METHODS.names())
STEPS = 6
"""Of a whole run."""


@cache
def digits() -> Dataset:
    """Made-up 28-pixel images of four classes: every tiny recipe of pictures takes them."""
    pixels = torch.randint(0, 256, (80, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return Dataset("noise", Memory(pixels), labels=torch.arange(80) % 4, classes=[*"abcd"])


@cache
@torch.random.fork_rng(devices=[])  # the test that comes first has the numbers that it has later
def data_for(name: str) -> Dataset:
    """Made-up images, or what the tiny recipe names where the method needs other fields, or colours."""
    recipe, made = tiny(name), digits()
    if isinstance(recipe.size, int) and recipe.size < 16:  # what draws pixel by pixel
        few = made.images(torch.arange(80))[..., : recipe.size, : recipe.size]
        made = Dataset("noise", Memory(few), labels=torch.arange(80) % 4, classes=[*"abcd"])
    images = with_sides(recipe, made)
    try:
        check_fields(METHODS.load(name), name, recipe, images.spec)
        METHODS.build(Part(name=name), recipe=recipe, spec=images.spec)
    except UsageError:
        return open_recipe_data(recipe, offline=True)
    return images


@pytest.fixture
def data(name: str) -> Dataset:
    return data_for(name)


def tiny(name: str, **fields: Any) -> BaseRecipe:
    return RECIPE_TYPES.load(name).tiny().changed(batch=8, **fields)


def trainer(name: str, data: Dataset, **fields: Any) -> Trainer:
    options = Options(device="cpu", progress=False)
    recipe = tiny(name, **fields)
    return make_trainer(recipe, data.spec, data, options, World())


@cache
@torch.random.fork_rng(devices=[])
def trained(name: str) -> BaseMethod:
    """After five steps; whoever takes it changes nothing of it."""
    with torch.enable_grad():
        engine = trainer(name, data_for(name))
        for _ in range(5):
            engine.step()
    return engine.method.eval()


@EVERY
class TestRecipe:
    def test_it_survives_json(self, name: str) -> None:
        recipe = RECIPE_TYPES.load(name).tiny()
        assert type(recipe).parse(json.loads(recipe.model_dump_json())) == recipe
        assert type(recipe).parse(json.loads(json.dumps(recipe.model_dump(mode="json")))) == recipe

    def test_every_field_has_a_default_and_says_what_it_is(self, name: str) -> None:
        for key, field in RECIPE_TYPES.load(name).model_fields.items():
            assert not field.is_required(), key
            assert field.description and field.description.endswith("."), key

    def test_it_is_frozen_and_knows_its_fields(self, name: str) -> None:
        recipe = RECIPE_TYPES.load(name).tiny()
        with pytest.raises(ValueError, match="frozen"):
            recipe.batch = 3
        with pytest.raises(UsageError, match=r"no field 'batchs'\. Did you mean 'batch'"):
            recipe.changed(batchs=3)

    @pytest.mark.parametrize(
        "wrong", [{"batch": 0}, {"batch": -1}, {"samples": "many"}, {"seed": -1}, {"fit": "squeeze"}, {"size": 10**9}]
    )
    def test_a_wrong_value_is_one_clear_message(self, name: str, wrong: dict[str, Any]) -> None:
        (key, value) = next(iter(wrong.items()))
        with pytest.raises(UsageError, match=f"{key} = {value!r} is not allowed"):
            RECIPE_TYPES.load(name).tiny().changed(**wrong)


@EVERY
class TestMethod:
    def test_players_turn_up_and_each_parameter_gets_a_gradient(self, name: str, data: Dataset) -> None:
        """In the first step; where parts learn one after the other, within the run. Losses are one value per sample."""
        engine = trainer(name, data)
        wanted = {player: len(found) for player, found in engine.parameters.items()}
        learned: dict[str, set[int]] = {player: set() for player in engine.players}
        before = [parameter.detach().clone() for parameter in engine.method.parameters()]
        while {player: len(found) for player, found in learned.items()} != wanted:
            assert engine.clock.samples < engine.method.recipe.train_samples, learned
            for turns in engine.turns():
                for number, turn in enumerate(turns):
                    assert {tuple(term.shape) for term in turn.terms.values()} == {(8,)}
                    assert turn.weights.keys() <= turn.terms.keys() | {"sparsity"}
                    engine.differentiate(turn, retain=number + 1 < len(turns))
                for turn in turns:
                    found = engine.parameters[turn.player]
                    learned[turn.player] |= {i for i, parameter in enumerate(found) if parameter.grad is not None}
                    engine.apply(turn.player)
            engine.clock.step += 1
            engine.clock.samples += engine.method.recipe.batch
        assert any(not torch.equal(p, old) for p, old in zip(engine.method.parameters(), before, strict=True))

    def test_networks_are_modules_and_hold_all_parameters(self, name: str) -> None:
        method = trained(name)
        networks = method.networks()
        held = {id(p) for network in networks.values() for p in network.parameters()}
        assert held == {id(p) for p in method.parameters()}
        assert set(method.averaged) <= networks.keys()
        assert all(isinstance(network, nn.Module) for network in networks.values())

    def test_another_run_starts_with_its_weights(self, name: str, data: Dataset) -> None:
        engine, other = trainer(name, data), trainer(name, data, seed=7)
        transfer(other, engine.method.recipe, data.spec, engine.state())
        before, after = dict(engine.method.named_parameters()), dict(other.method.named_parameters())
        assert all(torch.equal(before[path], after[path]) for path in before)

    def test_it_learns(self, name: str, data: Dataset) -> None:
        """After thirty steps on one batch the loss is lower, unless it is a game, whose losses need not fall."""
        if len(trained(name).players) > 1:
            return
        engine = trainer(name, data, seed=3)
        batch = next(Batches(data, "train", 8, 0))

        class Same:
            position = 0

            def __iter__(self) -> Same:
                return self

            def __next__(self) -> object:
                return batch

        engine.batches = Same()  # type: ignore[assignment]
        totals = []
        for _ in range(30):
            for turns in engine.turns():
                totals.append(float(sum(turn.total() for turn in turns).detach()))
                engine.take(turns)
            engine.clock.step += 1
        assert sum(totals[-5:]) < 0.996 * sum(totals[:5])

    def test_it_works_in_double_precision(self, name: str, data: Dataset) -> None:
        options = Options(device="cpu", precision="float64", progress=False)
        spec = data.spec
        engine = make_trainer(tiny(name), spec, data, options, World())
        engine.step()
        floating = [value for value in engine.method.state_dict().values() if value.is_floating_point()]
        assert all(value.dtype == torch.float64 for value in floating)


@EVERY
class TestCapabilities:
    def test_it_can_do_something(self, name: str) -> None:
        method = trained(name)
        assert isinstance(method, BaseMethod)
        assert isinstance(method, Samples | Reconstructs | Encodes | Classifies | Evaluates)

    @torch.no_grad()
    def test_images_are_in_range_and_shape(self, name: str, data: Dataset) -> None:
        method, images = trained(name), data.batch(torch.arange(5)).main
        if isinstance(method, Samples):
            made = next(generated(method, 5))
            assert made.shape == (5, *method.output.shape)
            if made.is_floating_point():
                assert made.min() >= -1.0001 and made.max() <= 1.0001
        if isinstance(method, Reconstructs):
            again = method.reconstruct(images)
            assert again.shape == images.shape
            assert again.min() >= -1.0001 and again.max() <= 1.0001
        if isinstance(method, Stylizes):
            styles = [images[:1]] if method.takes_styles else []
            batch, draws = data.with_sides(Batch.of(images, None, torch.arange(5))), SampleDraws(0, range(5))
            shown = method.show(batch, draws)["painted"][1]
            for painted in (shown, method.stylize(images, styles, strength=0.5)):
                assert painted.shape == images.shape
                assert painted.min() >= -1.0001 and painted.max() <= 1.0001
            assert method.stylize(images[..., :25, :], styles).shape == (5, 1, 25, 28)
            with pytest.raises(UsageError, match="style"):
                method.stylize(images, [] if styles else [images[:1]])
        if isinstance(method, Encodes):
            size = method.latents(0, range(1)).shape[1] if isinstance(method, Samples) else method.recipe.latent
            assert method.encode(images).shape == (5, size)
        if isinstance(method, Classifies):
            assert method.classify(images).shape == (5, len(data.classes))
        if isinstance(method, Evaluates):
            values = method.evaluate(next(Batches(data, "test", 5, 0)), Draws(0, 0))
            parts = [part for value in values.values() for part in (value if isinstance(value, Ratio) else (value,))]
            assert parts and all(part.shape == (5,) for part in parts)

    @torch.no_grad()
    def test_sample_i_does_not_depend_on_the_batch(self, name: str) -> None:
        """Identical latents, and images equal to 1e-5, for batches of 1, 4 and all."""
        method = trained(name)
        if not isinstance(method, Samples):
            with pytest.raises(UsageError, match="draws no samples"):
                draw(method, 1)
            return
        count = 11
        whole = method.latents(5, range(count))
        found = {}
        for batch in (1, 4, count):
            pieces = [range(first, min(first + batch, count)) for first in range(0, count, batch)]
            assert torch.equal(torch.cat([method.latents(5, piece) for piece in pieces]), whole)
            found[batch] = torch.cat(list(generated(method, count, seed=5, batch=batch)))
        assert (found[1] - found[count]).abs().max() < 1e-5
        assert (found[4] - found[count]).abs().max() < 1e-5
        assert (found[1][0] - found[1][1]).abs().max() > 1e-5

    def test_a_run_is_kept_opened_and_goes_on_bit_for_bit(
        self, name: str, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By name, from the registry to the weights on disk and back, to an end and to the same from the middle.

        Whatever the method remembers is in its state: a pool or a running figure elsewhere would show here.
        """
        monkeypatch.setattr("belamy.runs.run.KEEP_CHECKPOINTS", STEPS)
        recipe = tiny(name)
        if data.name == "noise":
            file = tmp_path / "set.npz"
            np.savez(file, images=data.images(torch.arange(40))[:, 0].numpy(), labels=np.arange(40) % 4)
            recipe = recipe.changed(data=str(file))
        usual = {"checkpoint_seconds": 0, "progress": False}
        run = belamy.train(recipe, samples=STEPS * recipe.batch, out=tmp_path / "run", snapshots=1, **usual)
        opened = Run.open(run.path)
        assert opened.recipe == run.recipe
        assert opened.samples_seen == run.recipe.train_samples
        method = opened.method()
        state = opened.load_checkpoint()
        assert state is not None
        for network in method.averaged:
            for key, value in getattr(method, network).state_dict().items():
                assert torch.equal(value, state.tensors[f"average/{network}/{key}"])
        if isinstance(method, Samples):
            images = opened.sample(3, seed=1)
            assert images.shape == (3, *method.output.shape)
            assert images.dtype == torch.uint8 or method.output.modality != "image"
            apart = (images[1:].double() - opened.sample(2, seed=1, start=1).double()).abs().max()
            assert apart < 1e-5  # whole numbers are equal
        for later in opened.checkpoints()[STEPS // 2 :]:
            shutil.rmtree(later)
        again = belamy.resume(run.path, **usual).load_checkpoint()
        assert again is not None and again.tensors.keys() == state.tensors.keys()
        assert all(torch.equal(again.tensors[key], value) for key, value in state.tensors.items())


def test_the_shelf_of_recipes_is_the_shelf_of_methods() -> None:
    assert METHODS.names() == RECIPE_TYPES.names()
