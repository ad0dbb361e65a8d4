"""Numbers that change over a run: their curves, what they reach, and that a resumed run goes on with them."""

from __future__ import annotations

from math import cos, pi
from pathlib import Path
from typing import Any

import pytest
import torch

import belamy
from belamy.data import Dataset
from belamy.errors import Interrupted, UsageError
from belamy.methods import gan
from belamy.methods.recipe import RAMPS
from belamy.registry import Part
from belamy.training.distribution import World
from belamy.training.session import Session
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

SMALL = gan.Recipe.tiny().changed(
    penalties=("r1:weight=0.2",),
    views=("adaptive:target=none,strength=0.4",),
    ema_half_life=1000,
    samples=320,
    discriminator_optimizer="adam:lr=0.0005,beta1=0.0,beta2=0.99",
)
RAMPED = (
    "cosine:of=penalties.r1.weight,start=2,over=160",
    "cosine:of=discriminator_optimizer.lr,start=0.002,over=160",
    "cosine:of=discriminator_optimizer.beta2,start=0.9,over=160",
    "cosine:of=views.adaptive.strength,start=0,over=160",
    "linear:of=ema_half_life,start=0",
)
QUIET: dict[str, Any] = {"progress": False, "device": "cpu", "checkpoint_seconds": 0, "snapshots": 1, "watch": False}


def trainer(data: Dataset, *ramps: str, **fields: Any) -> Trainer:
    recipe = SMALL.changed(ramps=ramps, **fields)
    return make_trainer(recipe, data.spec, data, Options(device="cpu", progress=False), World())


@pytest.mark.parametrize("samples", [0, 1, 40, 80, 159, 160, 161, 10**9])
def test_the_curves(samples: int) -> None:
    done = min(samples / 160, 1)
    given = {"of": "x.y", "start": 2.0, "over": 160}
    assert RAMPS.build(Part(name="cosine", **given), total=7)(samples) == pytest.approx(0.5 - 0.5 * cos(pi * done))
    assert RAMPS.build(Part(name="linear", **given), total=7)(samples) == done


def test_over_the_whole_run() -> None:
    ramp = RAMPS.build(Part(name="linear", of="x.y", start=2.0), total=400)
    assert [ramp(samples) for samples in (0, 100, 400)] == [0, 0.25, 1]


def test_every_number_is_set_before_a_step_and_reaches_the_recipes_own(noise: Dataset) -> None:
    engine = trainer(noise, *RAMPED)
    penalty = engine.method.discriminator.penalties["r1"]
    adam, view = engine.optimizers["discriminator"], engine.method.views[0]
    group = adam.torch.param_groups[0]
    found = []
    for _ in range(12):
        engine.step()
        seen = engine.clock.samples - 16
        c = (1 + cos(pi * min(seen / 160, 1))) / 2
        assert penalty.weight == pytest.approx(0.2 + 1.8 * c)
        assert group["lr"] == pytest.approx(5e-4 + 1.5e-3 * c) and group["betas"] == pytest.approx((0, 0.99 - 0.09 * c))
        assert float(view.strength) == pytest.approx(0.4 * (1 - c))
        assert engine.averages.half_life == pytest.approx(1000 * seen / 320)
        found.append(penalty.weight)
    assert found[0] == 2.0 and found[10:] == [0.2, 0.2]
    assert engine.optimizers["generator"].torch.param_groups[0]["betas"] == (0.5, 0.999)


def test_an_average_that_begins_at_no_half_life_is_the_weights_and_knows_no_other_rise(noise: Dataset) -> None:
    """β = 2^(-B/h) from h = 0 on; without the ramp h would be at most a tenth of the samples seen."""
    engine = trainer(noise, "linear:of=ema_half_life,start=0,over=32")
    live, average = (each.state_dict() for each in (engine.method.generator, engine.averages.networks["generator"]))
    engine.step()
    assert all(torch.equal(live[name], average[name]) for name in live)
    before = {name: tensor.clone() for name, tensor in average.items()}
    engine.step()
    engine.step()  # h is 1,000 now, the recipe's own
    kept = 0.5 ** (16 / 500), 0.5 ** (16 / 1000)
    name = next(name for name, tensor in live.items() if tensor.dim() > 1 and not torch.equal(tensor, before[name]))
    assert (average[name] - before[name]).norm() < (1 - kept[0] * kept[1]) * 2 * (live[name] - before[name]).norm()


def test_a_penalty_of_weight_w_is_one_of_a_ramp_that_stays_at_w(noise: Dataset) -> None:
    states = []
    for ramps in ((), ("cosine:of=penalties.r1.weight,start=0.2",)):
        engine = trainer(noise, *ramps)
        for _ in range(3):
            engine.step()
        states.append(engine.method.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_a_resumed_run_is_bit_equal(noise_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = SMALL.changed(ramps=RAMPED, data=str(noise_file))
    whole = belamy.train(recipe, out=tmp_path / "whole", **QUIET)
    go = Session.go

    def part(self: Session) -> bool:
        self.total = 112
        return go(self) and False

    monkeypatch.setattr(Session, "go", part)
    with pytest.raises(Interrupted):
        belamy.train(recipe, out=tmp_path / "parts", **QUIET)
    monkeypatch.undo()
    parts = belamy.resume(tmp_path / "parts", progress=False, device="cpu")
    one, other = (run.load_checkpoint() for run in (whole, parts))
    assert one is not None and other is not None
    assert all(torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors if "tally" not in name)


@pytest.mark.parametrize(
    ("ramp", "says"),
    [
        ("cosine:of=penalties.r1.wieght,start=2", r"Did you mean 'penalties\.r1\.weight'"),
        ("cosine:of=penalties.r2.weight,start=2", r"no number of this recipe .* is called so"),
        ("cosine:of=penalties.r1.weight,start=-1", r"must not be negative"),
        ("cosine:of=discriminator_optimizer.beta2,start=1", r"cannot start at 1: Invalid beta parameter"),
        ("cosine:of=penalties.r1.weight,start=2,over=-3", r"over -3 samples, but it must be at least 0"),
        ("cosin:of=penalties.r1.weight,start=2", r"Did you mean 'cosine'"),
        ("cosine:of=penalties.r1.weight,start=much", r"cosine\.start is 'much'"),
    ],
)
def test_wrong_uses_are_refused_before_anything_is_written(
    noise_file: Path, tmp_path: Path, ramp: str, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        belamy.train(SMALL, data=str(noise_file), out=tmp_path / "run", ramps=(ramp,), **QUIET)
    assert not (tmp_path / "run").exists()


def test_twice_and_averages_that_are_not_kept(noise: Dataset) -> None:
    with pytest.raises(UsageError, match="twice"):
        trainer(noise, *["cosine:of=penalties.r1.weight,start=2"] * 2)
    with pytest.raises(UsageError, match="'ema_half_life'"):
        trainer(noise, "linear:of=ema_half_life,start=0", ema_half_life=0)
