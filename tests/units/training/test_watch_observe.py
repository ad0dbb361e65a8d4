"""The watch looks without disturbing: training is bit-equal with and without it; a resumed run's rows are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import belamy
from belamy.data import Batches, open_data
from belamy.data.dataset import Dataset, Memory
from belamy.methods import autoencoder, classifier, flow, gan, vae, vq_vae
from belamy.methods.base import METHODS, BaseRecipe
from belamy.progress import Reporter
from belamy.registry import Part
from belamy.runs.run import Run, method_name
from belamy.training.session import Session, SessionSettings
from belamy.training.trainer import Trainer, fresh
from belamy.training.watch import observe
from belamy.training.watch.observe import APART, LEAST, MOMENTS, Watch, loudness, undisturbed

SAMPLES = 3 * APART * LEAST
GAN = gan.Recipe.tiny().changed(samples=SAMPLES, discriminator=Part(name="dcgan-mnist"), ema_half_life=0)
RECIPES: dict[str, BaseRecipe] = {
    "gan": GAN,
    "vae": vae.Recipe.tiny().changed(samples=SAMPLES),
    "flow": flow.Recipe.tiny().changed(samples=SAMPLES, size=28),
    "autoencoder": autoencoder.Recipe.tiny().changed(samples=SAMPLES),
    "classifier": classifier.Recipe.tiny().changed(samples=SAMPLES),
}


def trainer_of(recipe: BaseRecipe, data: Dataset) -> Trainer:
    """A trainer at the beginning."""
    spec = data.spec
    return Trainer(
        fresh(lambda: METHODS.build(Part(name=method_name(recipe)), recipe=recipe, spec=spec), recipe.seed,
              torch.device("cpu"), torch.float32), data,
    )  # fmt: skip


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """200 digits of 28x28 pixels."""
    data = open_data("mnist")
    assert data.labels is not None
    some = torch.arange(200)
    return Dataset("some digits", Memory(data.images(some)), labels=data.labels[some], classes=data.classes)


@pytest.mark.parametrize("name", RECIPES)
def test_looking_leaves_training_bit_equal(name: str, digits: Dataset) -> None:
    watched, alone = trainer_of(RECIPES[name], digits), trainer_of(RECIPES[name], digits)
    watch = Watch(watched)
    for number in range(4):
        watch.approach()
        watched.step()
        alone.step()
        watch.moments = [float(number)]
        watch.look()
    told, expected = watched.state().tensors, alone.state().tensors
    assert told.keys() == expected.keys()
    assert all(torch.equal(told[key], expected[key]) for key in told)
    assert watched.method.training and all(parameter.grad is None for parameter in watched.method.parameters())


def test_what_looks_share_is_made_before_the_first(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look makes nothing that the next will not make again, so the time of the first is that of any."""
    trainer = trainer_of(GAN, digits)
    watch, numbers = Watch(trainer), torch.get_rng_state()
    watch.prepare()
    assert torch.equal(torch.get_rng_state(), numbers)
    monkeypatch.setattr(observe, "PatchFeatures", None)
    trainer.step()
    assert watch.look()["finite"] == 1.0


def test_a_look_at_a_gan_tells_all_that_signs_need(digits: Dataset) -> None:
    trainer = trainer_of(GAN, digits)
    watch = Watch(trainer)
    watch.moments = [1.0]
    watch.approach()
    trainer.step()
    assert watch.due(0)
    row = watch.look()
    assert {"auc", "auc_held", "gradient", "push", "diversity", "precision", "coverage", "nearest", "copies", "pattern",
            "fidelity", "fidelity_chance", "fidelity_limit", "label_effect", "activations", "loudest",
            "finite"} <= row.keys()  # fmt: skip
    assert row["moved"]["generator"] > 0 and row["weights"]["discriminator"] > 0
    assert 0 <= row["auc"] <= 1 and 0 <= row["coverage"] <= 1 and sum(row["classes"]) == LEAST
    assert row["shown"]["real"]["low"] == -1.0 and row["batch"]["classes"] <= 10


def test_a_look_at_a_flow_tells_of_held_out_data_and_of_the_way_back(digits: Dataset) -> None:
    trainer = trainer_of(RECIPES["flow"], digits)
    watch = Watch(trainer)
    trainer.step()
    row = watch.look()
    assert row["held"].keys() == row["live"].keys() == {"loss", "bits_per_dimension"}
    assert row["held"] != row["live"], "averaged weights are others"
    assert 0 <= row["inverted"]["data"] < 1e-3 and 0 <= row["inverted"]["latents"] < 1e-3
    assert row["inverted"]["stretch"] > 0
    trainer.averages.networks.clear()
    alone = watch.look()
    assert "live" not in alone and alone["held"] == row["live"]


def test_samples_of_a_law_that_has_not_begun_are_not_looked_at(digits: Dataset) -> None:
    trainer = trainer_of(vq_vae.Recipe.tiny().changed(samples=160, first_stage=0.5, size=28), digits)
    watch = Watch(trainer)
    trainer.step()
    early = watch.look()
    assert "finite" not in early and "activations" not in early and early["held"]["reconstruction"] > 0
    while trainer.clock.samples < 96:
        trainer.step()
    assert watch.look()["finite"] == 1.0


def test_a_look_sees_what_is_not_finite(digits: Dataset) -> None:
    trainer = trainer_of(GAN, digits)
    with torch.no_grad():
        next(iter(trainer.method.generator.parameters())).fill_(float("nan"))  # type: ignore[union-attr, operator]
    row = Watch(trainer).look()
    assert row["finite"] == 0.0 and row["activations"] == float("inf")
    assert row["loudest"].startswith("generator")


def rows_of(run: Run) -> list[dict[str, Any]]:
    return [row for row in run.metrics() if "watch" in row]


def test_a_resumed_run_writes_the_same_rows(digits: Dataset, tmp_path: Path) -> None:
    def session(run: Run) -> Session:
        return Session(run, trainer_of(GAN, digits), SessionSettings(snapshots=1, checkpoint_seconds=1e9), Reporter())

    def new(name: str) -> Run:
        facts = {"precision": "float32", "snapshots": 1, "data": "", "sessions": []}
        spec = digits.spec
        return Run.create(tmp_path / name, recipe=GAN, recipe_name="x", spec=spec, provenance=facts, card={})

    whole = session(new("whole"))
    halves = session(new("halves"))
    while whole.clock.samples < SAMPLES:
        whole.step()
    while halves.clock.samples < SAMPLES // 2:
        halves.step()
    halves.save()
    assert halves.run
    again = session(halves.run)
    state = halves.run.load_checkpoint()
    assert state is not None
    again.trainer.load_state(state)
    again.clock = again.trainer.clock
    while again.clock.samples < SAMPLES:
        again.step()
    assert whole.run and rows_of(whole.run) == rows_of(halves.run)
    assert len(rows_of(whole.run)) == 3
    assert [row["step"] for row in rows_of(whole.run)][-1] == SAMPLES // GAN.batch


def test_moments_follow_from_the_recipe_alone(noise: Dataset) -> None:
    def moments(**fields: Any) -> list[float]:
        return Watch(trainer_of(gan.Recipe.tiny().changed(**fields), noise)).moments

    assert moments() == []  # too short for a look to be worth its time
    many = moments(samples=1_000_000)
    assert len(many) == MOMENTS and many[-1] == 1_000_000
    assert many == sorted(set(many))
    assert len(moments(samples=10 * APART * LEAST)) == 10


def test_undisturbed_restores_buffers_modes_and_random_numbers() -> None:
    class Odd(nn.Module):
        kept: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("kept", torch.ones(3))
            self.inner = nn.Dropout()

        def forward(self) -> None:
            self.kept.add_(float("nan"))
            self.kept = self.kept * 2  # another tensor under the same name

    odd = Odd()
    odd.inner.eval()
    before, own = torch.get_rng_state(), odd.kept
    with undisturbed(odd, torch.device("cpu")):
        odd()
        odd.train()
        torch.rand(3)
    assert odd.kept is own and torch.equal(odd.kept, torch.ones(3))
    assert odd.training and not odd.inner.training
    assert torch.equal(torch.get_rng_state(), before)


def test_loudness_names_the_loudest_layer_and_leaves_no_hook() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with torch.no_grad():
        network[1].bias.fill_(100.0)
    with loudness(network) as loud:
        network(torch.zeros(4, 2))
    assert set(loud) == {"0", "1"} and loud["0"] < 2 and 90 < loud["1"] < 110
    assert not any(module._forward_hooks for module in network.modules())


def test_the_order_of_the_data_is_seen(digits: Dataset) -> None:
    trainer = trainer_of(GAN, digits)
    watch = Watch(trainer)
    watch.moments = [0.0]
    mixed = watch.look()["batch"]
    assert digits.labels is not None
    ones = digits.splits["train"][digits.labels[digits.splits["train"]] == 1]

    class OneClass(Batches):
        def indices(self, position: int) -> Tensor:
            return ones[: self.batch]

    trainer.batches = OneClass(digits, "train", GAN.batch, 0)
    assert watch.look()["batch"]["classes"] == 1 < mixed["classes"]


def test_python_offers_the_diagnosis(tmp_path: Path, noise_file: Path) -> None:
    recipe = gan.Recipe.tiny().changed(samples=64)
    run = belamy.train(recipe, data=str(noise_file), out=tmp_path / "run", progress=False, device="cpu")
    assert belamy.diagnose(run) == belamy.diagnose(run.path)
    assert run.diagnosis() == [finding.facts() for finding in belamy.diagnose(run)]
