"""Batches in micro-batches: gradients of the whole, whatever the order of turns; what cannot be is refused."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import belamy
from belamy.data.batch import Batch
from belamy.data.dataset import Dataset
from belamy.errors import UsageError
from belamy.methods import gan
from belamy.methods.base import METHODS, BaseRecipe
from belamy.methods.requirements import check_fields
from belamy.registry import Part
from belamy.runs.run import RECIPE_TYPES
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer, open_recipe_data, with_sides
from belamy.training.trainer import Trainer

BATCH = 12
VARIANTS: dict[str, dict[str, Any]] = {
    "alternating": {},
    "fresh latents": {"fresh_latents": True},
    "simultaneous": {"turns": "simultaneous"},
    "separate": {"turns": "separate"},
    "critic steps": {"critic_steps": 3, "warmup_critic_steps": 2},
    "generator steps": {"generator_steps": 2},
    "penalties, lazy and eager": {"penalties": ("gradient-penalty:weight=3", "r1:weight=2,every=2", "dragan")},
    "relativistic pairs": {"adversarial": "relativistic-pairing", "penalties": ("r1", "r2")},
    "clipped": {"clip_norm": 0.01, "ema_half_life": 50},
    "augmented": {"views": ("diff-augment", "instance-noise"), "targets": ("flipping",)},
}


def recipe(**fields: Any) -> gan.Recipe:
    dense = Part(name="dense-fashion")
    small = gan.Recipe(generator=dense, discriminator=dense, latent=8, batch=BATCH)
    made = small.changed(**fields)
    assert isinstance(made, gan.Recipe)
    return made


def trainer(data: Dataset, chosen: BaseRecipe, micro_batch: int | None, precision: str = "float64") -> Trainer:
    options = Options(device="cpu", precision=precision, progress=False, micro_batch=micro_batch)
    return make_trainer(chosen, data.spec, data, options, World())


def learned(data: Dataset, chosen: BaseRecipe, micro_batch: int | None, precision: str, steps: int = 3) -> Any:
    engine = trainer(data, chosen, micro_batch, precision)
    for _ in range(steps):
        engine.step()
    return engine.state().tensors


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_gradients_are_those_of_the_whole_batch(noise: Dataset, variant: str) -> None:
    whole, *parts = (learned(noise, recipe(**VARIANTS[variant]), size, "float64") for size in (None, 6, 4, 1))
    for each in parts:
        assert each.keys() == whole.keys()
        for name, tensor in whole.items():
            counts = "tally" in name  # sums over three times as many scalars
            same = (tensor[0] / tensor[1], each[name][0] / each[name][1]) if counts else (tensor, each[name])
            if not name.startswith("tally/gradient_norms"):
                torch.testing.assert_close(same[1], same[0], rtol=1e-9, atol=1e-9, msg=name)


def test_a_micro_batch_of_a_batch_is_that_batch_to_the_bit(noise: Dataset) -> None:
    whole, same = (learned(noise, recipe(views=("adaptive",)), size, "float32") for size in (None, BATCH))
    assert all(torch.equal(tensor, same[name]) for name, tensor in whole.items())


def test_gradients_are_not_merely_those_of_one_part(noise: Dataset) -> None:
    """Else the comparison with the whole would hold for data that are all alike."""
    whole, smaller = (learned(noise, recipe(batch=size), None, "float64", 1) for size in (BATCH, 4))
    assert any(not torch.allclose(tensor, smaller[name]) for name, tensor in whole.items() if "method" in name)


def test_parts_draw_what_the_whole_batch_would(noise: Dataset) -> None:
    seen: list[Tensor] = []
    engine = trainer(noise, recipe(), 4)
    engine.method.generator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))  # type: ignore[union-attr]
    engine.step()
    assert [len(each) for each in seen] == [4] * 6  # made for the discriminator, and again for the generator's turn
    whole = trainer(noise, recipe(), None)
    whole.method.generator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))  # type: ignore[union-attr]
    whole.step()
    for made in (seen[:3], seen[3:6]):
        assert torch.equal(torch.cat(made), seen[6])


def test_a_state_goes_on_to_the_bit(noise: Dataset) -> None:
    chosen = recipe(penalties=("r1:every=2",), views=("adaptive:strength=0.5",))
    engine, other = (trainer(noise, chosen, 4, "float32") for _ in range(2))
    for _ in range(3):
        engine.step()
    other.load_state(deepcopy(engine.state()))
    for each in (engine, other):
        each.step()
        each.step()
    assert all(torch.equal(tensor, other.state().tensors[name]) for name, tensor in engine.state().tensors.items())


@pytest.mark.parametrize("name", METHODS.names())
def test_every_method_takes_them_or_says_why_not(noise: Dataset, name: str) -> None:
    kind: Any = RECIPE_TYPES.load(name)
    chosen = kind.tiny().changed(batch=8)
    data = with_sides(chosen, noise)
    try:
        check_fields(METHODS.load(name), name, chosen, data.spec)
        engine = trainer(data, chosen, 4, "float32")
    except UsageError:
        own = open_recipe_data(chosen, offline=True)
        whole = trainer(own, chosen, None, "float32")
        if whole.method.undivided:
            with pytest.raises(UsageError, match=f"cannot be taken in micro-batches: {whole.method.undivided}"):
                trainer(own, chosen, 4, "float32")
            return
        engine = trainer(own, chosen, 4, "float32")
    for _ in range(2):
        engine.step()
    engine.check_finite()
    assert engine.clock.samples == 16 and engine.parts == 2


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (5, r"micro-batch is 5, but it must divide the batch of 12\. Type --micro-batch 4"),
        (13, r"micro-batch is 13, .* Type --micro-batch 12"),
        (0, r"micro-batch is 0, .* Type --micro-batch 1"),
        (-3, r"micro-batch is -3, .* Type --micro-batch 1"),
    ],
)
def test_what_does_not_divide_the_batch_is_refused(noise: Dataset, size: int, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        trainer(noise, recipe(), size)


def test_processes_share_the_batch_first(noise: Dataset) -> None:
    def engine(size: int) -> Trainer:
        options = Options(device="cpu", progress=False, micro_batch=size)
        return make_trainer(recipe(), noise.spec, noise, options, World(1, 2))

    assert engine(3).parts == 2
    with pytest.raises(
        UsageError, match=r"must divide the 6 samples that each of 2 processes takes of the batch of 12"
    ):
        engine(4)


def test_who_rests_by_the_batch_sees_it_as_a_whole(noise: Dataset) -> None:
    with pytest.raises(UsageError, match=r"rest_above .*Leave out\s--micro-batch"):
        trainer(noise, recipe(rest_above=0.8), 4)
    assert trainer(noise, recipe(rest_above=0.8), 12).parts == 1


def test_parts_that_come_to_different_turns_are_refused(noise: Dataset) -> None:
    engine = trainer(noise, recipe(), 4)
    play, first = engine.method.play, iter([True])

    def differing(data: Any, draw: Any) -> Any:
        turns = play(data, draw)
        if not next(first, False):
            next(turns)
        yield from turns

    engine.method.play = differing  # type: ignore[method-assign]
    with pytest.raises(UsageError, match="one player learns from all"):
        engine.step()


def test_a_part_holds_every_field() -> None:
    batch = Batch({"image": torch.arange(6.0), "label": torch.arange(6)}, torch.arange(6) + 10)
    part = batch.part(2, 3)
    assert part.main.tolist() == part["label"].tolist() == [4, 5] and part.indices.tolist() == [14, 15]
    assert batch.part(0, 1) is batch


def test_a_resumed_run_goes_on_in_micro_batches_to_the_bit(
    noise_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual: dict[str, Any] = {"progress": False, "checkpoint_seconds": 0}
    given: dict[str, Any] = {"data": str(noise_file), "samples": 48, "batch": 8, "snapshots": 1, "micro_batch": 4}
    straight = belamy.train(recipe(), out=tmp_path / "straight", **given, **usual)
    assert straight.provenance.micro_batch == 4
    step = Trainer.step

    def interrupted(self: Trainer) -> None:
        if self.clock.step == 3:
            raise KeyboardInterrupt
        step(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            belamy.train(recipe(), out=tmp_path / "halted", **given, **usual)
    again = belamy.resume(tmp_path / "halted", **usual)
    ends = [run.load_checkpoint() for run in (straight, again)]
    assert ends[0] and ends[1] and ends[0].samples == ends[1].samples == 48
    assert all(torch.equal(tensor, ends[1].tensors[name]) for name, tensor in ends[0].tensors.items())
    whole = belamy.train(recipe(), out=tmp_path / "whole", **{**given, "micro_batch": None}, **usual).load_checkpoint()
    assert whole and any(not torch.equal(tensor, whole.tensors[name]) for name, tensor in ends[0].tensors.items())
