"""The run directory: what is written is what is read, and what is damaged is told."""

from __future__ import annotations

import json
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from belamy.data.pictures import read_whole
from belamy.errors import RunError
from belamy.methods import classifier, gan
from belamy.methods.base import DataSpec
from belamy.registry import Part
from belamy.runs.checkpoint import Checkpoint
from belamy.runs.run import FORMAT, KEEP_CHECKPOINTS, Run, method_name

DENSE = Part(name="dense-fashion")
RECIPE = gan.Recipe(generator=DENSE, discriminator=DENSE, latent=8, samples=64, batch=16, ema_half_life=64)
DOMAIN = DataSpec.pictures((1, 8, 8), ("a", "b"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    facts = {"precision": "auto", "snapshots": 3, "data": "f00d", "sessions": []}
    return Run.create(
        tmp_path / "run", recipe=RECIPE, recipe_name="small", spec=DOMAIN, provenance=facts, card={"name": "noise"}
    )


def checkpoint(samples: int, tensors: dict[str, torch.Tensor] | None = None) -> Checkpoint:
    return Checkpoint(samples, samples // 16, samples // 16, 1.5, tensors or {"x": torch.full((3,), float(samples))})


class TestFacts:
    def test_they_are_what_was_given(self, run: Run) -> None:
        opened = Run.open(run.path)
        assert (opened.recipe, opened.recipe_name, opened.method_name, opened.spec) == (
            RECIPE,
            "small",
            "gan",
            DOMAIN,
        )
        assert opened.card.name == "noise"
        assert opened.samples_seen == 0
        assert "small" in repr(opened)

    def test_a_run_from_before_the_renaming_opens(self, run: Run) -> None:
        """Its recipe.json knows train_samples, ema_half_life and prior by other names."""
        facts = json.loads((run.path / "recipe.json").read_text())
        old = {"train_samples": "samples", "ema_half_life": "average", "prior": "latent_law"}
        facts["fields"] = {old.get(name, name): value for name, value in facts["fields"].items()}
        assert facts["fields"].keys() >= set(old.values())
        (run.path / "recipe.json").write_text(json.dumps(facts))
        assert Run.open(run.path).recipe == RECIPE
        del facts["fields"]["average"]
        (run.path / "recipe.json").write_text(json.dumps(facts))
        with pytest.raises(RunError, match=r"recipe\.json is damaged: fields\.ema_half_life is missing"):
            Run.open(run.path)

    def test_the_method_of_a_recipe(self) -> None:
        assert (method_name(RECIPE), method_name(classifier.Recipe())) == ("gan", "classifier")

    def test_a_place_that_is_taken_is_refused(self, run: Run, tmp_path: Path) -> None:
        again: dict[str, Any] = {
            "recipe": RECIPE, "recipe_name": "x", "spec": DOMAIN, "provenance": {}, "card": {}
        }  # fmt: skip
        with pytest.raises(RunError, match=rf"holds a run\. Type `belamy resume {run.path}`"):
            Run.create(run.path, **again)
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "holiday.jpg").touch()
        with pytest.raises(RunError, match=r"full is not empty\. .* another --out"):
            Run.create(tmp_path / "full", **again)
        assert (tmp_path / "full" / "holiday.jpg").exists()


class TestDamage:
    def test_no_run_names_those_beside_it(self, run: Run) -> None:
        with pytest.raises(RunError, match=rf"ran does not exist\. Runs beside it: {run.path}"):
            Run.open(run.path.with_name("ran"))

    def test_a_file_and_a_foreign_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(RunError, match="is not a directory"):
            Run.open(tmp_path / "file")
        (tmp_path / "empty").mkdir()
        with pytest.raises(RunError, match=r"holds no run \(no recipe\.json\)"):
            Run.open(tmp_path / "empty")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{", "not readable JSON"),
            ("[]", "not a Belamy recipe"),
            ("{}", "not a Belamy recipe"),
            ('{"format": "1"}', "not a Belamy recipe"),
            (json.dumps({"format": FORMAT + 1}), r"newer Belamy \(format 2; this one knows 1\)"),
            (json.dumps({"format": FORMAT}), "is damaged"),
        ],
    )
    def test_a_recipe_that_is_none(self, run: Run, text: str, said: str) -> None:
        (run.path / "recipe.json").write_text(text)
        with pytest.raises(RunError, match=said):
            Run.open(run.path)

    def test_weights_of_another_recipe(self, run: Run) -> None:
        run.save_weights({name: {"layers.0.weight": torch.zeros(2, 2)} for name in ("generator", "discriminator")}, 16)
        with pytest.raises(RunError, match="do not fit its recipe"):
            Run.open(run.path).method()

    @pytest.mark.parametrize("names", [(), ("generator",), ("generator", "discriminator", "encoder")])
    def test_an_index_that_names_other_networks_is_refused(self, run: Run, names: tuple[str, ...]) -> None:
        """A network that is not named would draw with its random weights."""
        run.save_weights({name: {"x": torch.zeros(1)} for name in names}, 16)
        with pytest.raises(RunError, match=r"index\.json is damaged: .* run has discriminator, generator"):
            Run.open(run.path).method()

    def test_weights_that_were_changed(self, run: Run) -> None:
        method = run.build()
        run.save_weights({name: network.state_dict() for name, network in method.networks().items()}, 16)
        file = run.path / "weights" / "generator.safetensors"
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
        with pytest.raises(RunError, match="SHA-256"):
            run.method()

    def test_nothing_learned_yet(self, run: Run) -> None:
        with pytest.raises(RunError, match=rf"no weights yet\. Type `belamy resume {run.path}`"):
            run.method()

    def test_a_checkpoint_that_was_changed(self, run: Run) -> None:
        kept = run.save_checkpoint(checkpoint(16))
        file = kept / "state.safetensors"
        file.write_bytes(file.read_bytes()[:-1])
        with pytest.raises(RunError, match=r"state\.safetensors.*SHA-256"):
            run.load_checkpoint()
        (kept / "state.json").write_text("{}")
        with pytest.raises(RunError, match=r"state\.json.*damaged"):
            run.load_checkpoint()


class TestCheckpoints:
    def test_the_newest_comes_back_bit_for_bit(self, run: Run) -> None:
        tensors = {"a/b": torch.randn(3, 4), "c": torch.tensor(7), "d": torch.randn(2).to(torch.bfloat16)}
        run.save_checkpoint(checkpoint(16))
        run.save_checkpoint(checkpoint(32, tensors))
        found = run.load_checkpoint()
        assert found is not None
        assert (found.samples, found.step, found.position, found.seconds) == (32, 2, 2, 1.5)
        assert found.tensors.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert torch.equal(found.tensors[name], tensor) and found.tensors[name].dtype == tensor.dtype

    def test_the_newest_few_are_kept(self, run: Run) -> None:
        for samples in (16, 32, 100_000_000_000, 9):
            run.save_checkpoint(checkpoint(samples))
        assert [int(path.name) for path in run.checkpoints()] == [32, 100_000_000_000][-KEEP_CHECKPOINTS:]

    def test_saving_twice_at_one_moment_keeps_the_later(self, run: Run) -> None:
        run.save_checkpoint(checkpoint(16))
        run.save_checkpoint(checkpoint(16, {"x": torch.ones(1)}))
        found = run.load_checkpoint()
        assert found is not None and torch.equal(found.tensors["x"], torch.ones(1))

    def test_half_written_ones_do_not_count(self, run: Run) -> None:
        run.save_checkpoint(checkpoint(16))
        shutil.copytree(run.checkpoints()[0], run.path / "checkpoints" / ".belamy-new-1234")
        assert len(run.checkpoints()) == 1
        run.rewind()
        assert not (run.path / "checkpoints" / ".belamy-new-1234").exists()


def test_damaged_rows_are_told_in_one_sentence(run: Run) -> None:
    run.measure({"samples": 16})
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write("null\n" * 2000)
    run.measure({"samples": 32})
    assert [row["samples"] for row in run.metrics()] == [16, 32]
    (said,) = run.lost.values()
    assert "line 2 of" in said and "as are 1,999 more" in said


def test_a_row_of_impossible_numbers_is_left_out(run: Run) -> None:
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"samples":16,"seconds":"99999999999999999999"}\n{"samples":32,"seconds":2.5}\n')
    assert [row["samples"] for row in run.metrics()] == [32]
    assert "line 1 of" in next(iter(run.lost.values()))


class TestRewind:
    def test_what_came_after_the_checkpoint_is_dropped(self, run: Run) -> None:
        sheet = np.zeros((4, 4, 3), dtype=np.uint8)
        run.log("start", 0)
        run.measure({"samples": 16})
        run.save_snapshot(sheet, 16)
        run.save_checkpoint(checkpoint(16))
        run.log("later", 32)
        run.measure({"samples": 32})
        run.save_snapshot(sheet, 32)
        run.rewind()
        assert [row["event"] for row in run.journal()] == ["start"]
        assert run.metrics() == [{"samples": 16}]
        assert [samples for samples, _ in run.snapshots()] == [16]

    def test_pages_of_texts_of_several_heights_are_kept_and_made_equally_high(self, run: Run) -> None:
        for samples, height in ((0, 5), (16, 9), (32, 5)):
            run.save_snapshot(np.full((height, 8, 3), samples, dtype=np.uint8), samples)
        run.save_snapshot(np.zeros((5, 4, 3), dtype=np.uint8), 48)  # another's
        sheets = {samples: read_whole(BytesIO(data)) for samples, data in run.snapshots()}
        assert {samples: sheet.shape for samples, sheet in sheets.items()} == dict.fromkeys((0, 16, 32), (9, 8, 3))
        assert all((sheet == samples).all() for samples, sheet in sheets.items())
        assert list(run.lost) == ["000000000048.png"]

    def test_without_a_checkpoint_everything_is(self, run: Run) -> None:
        run.log("start", 0)
        run.save_snapshot(np.zeros((4, 4, 3), dtype=np.uint8), 0)
        run.rewind()
        assert (run.journal(), run.metrics(), run.snapshots()) == ([], [], [])

    def test_rows_that_are_lost_are_named_and_the_rest_goes_on(self, run: Run) -> None:
        run.log("start", 0)
        run.save_checkpoint(checkpoint(16))
        (run.path / "journal.jsonl").write_text("")
        run.rewind()
        assert "cut short" in run.lost["journal.jsonl"] and run.journal() == []

    def test_rows_that_the_autopilot_decides_by_must_be_there(self, run: Run) -> None:
        run.amend_provenance(autopilot=True)
        run.log("start", 0)
        run.save_checkpoint(checkpoint(16))
        (run.path / "journal.jsonl").write_text("")
        with pytest.raises(RunError, match="cut short"):
            run.rewind()

    @pytest.mark.parametrize("later", [True, False])
    def test_a_copy_by_hard_links_keeps_every_byte(self, run: Run, tmp_path: Path, later: bool) -> None:
        run.log("start", 0)
        run.save_checkpoint(checkpoint(16))
        if later:
            run.log("later", 32)
        (tmp_path / "copy").hardlink_to(run.path / "journal.jsonl")
        before = (tmp_path / "copy").read_bytes()
        run.rewind()
        run.log("again", 32)
        assert (tmp_path / "copy").read_bytes() == before
        assert [row["event"] for row in run.journal()] == ["start", "again"]


class TestTrained:
    def test_the_averages_are_what_one_samples_with(self, run: Run) -> None:
        """Before the run is finished they are in the checkpoint."""
        live, ema_half_life = run.build(), run.build()
        tensors = {f"method/{name}": value for name, value in live.state_dict().items()}
        tensors |= {f"average/generator/{name}": value for name, value in ema_half_life.generator.state_dict().items()}
        run.save_checkpoint(checkpoint(16, tensors))
        method = run.method()
        assert all(torch.equal(value, ema_half_life.generator.state_dict()[name])
                   for name, value in method.generator.state_dict().items())  # fmt: skip
        assert all(torch.equal(value, live.discriminator.state_dict()[name])
                   for name, value in method.discriminator.state_dict().items())  # fmt: skip
        assert not method.training

    def test_samples_are_those_of_the_seed(self, run: Run) -> None:
        built = run.build()
        run.save_weights({name: network.state_dict() for name, network in built.networks().items()}, 16)
        images = run.sample(5, seed=2)
        assert images.shape == (5, 1, 8, 8)
        assert torch.equal(Run.open(run.path).sample(2, seed=2, start=3), images[3:])


def test_provenance_is_amended(run: Run) -> None:
    run.amend_provenance(sessions=[{"command": "x"}])
    found = Run.open(run.path).provenance
    assert found.sessions == [{"command": "x"}]
    assert (found.precision, found.snapshots, found.data) == ("auto", 3, "f00d")


def test_what_a_killed_start_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "data.json").write_text("{}")
    facts = {"precision": "auto", "snapshots": 3, "data": "f00d", "sessions": []}
    run = Run.create(
        tmp_path / "run", recipe=RECIPE, recipe_name="x", spec=DOMAIN, provenance=facts, card={"name": "n"}
    )
    assert run.card.name == "n"


def test_two_processes_never_train_one_run(run: Run) -> None:
    with run.locked():
        again = Run.open(run.path)
        with pytest.raises(RunError, match="Another process"), again.locked():
            pass
    with again.locked():
        assert (run.path / "lock").is_file()
