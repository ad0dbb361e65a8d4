"""Starting from another run's networks, and layers that do not learn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import belamy
from belamy.data import Dataset
from belamy.errors import Interrupted, RunError, UsageError
from belamy.methods import gan
from belamy.methods.base import DataSpec
from belamy.networks import fastgan, r3gan
from belamy.runs.run import Run
from belamy.training.distribution import World
from belamy.training.freezing import freeze
from belamy.training.session import Session
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer
from belamy.training.transfer import matched, transfer

RECIPE = gan.Recipe.tiny().changed(samples=96)
QUIET: dict[str, Any] = {"progress": False, "device": "cpu", "checkpoint_seconds": 0, "snapshots": 1, "watch": False}


@pytest.fixture(scope="module")
def finished(noise_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    return belamy.train(RECIPE, data=str(noise_file), out=tmp_path_factory.mktemp("finished") / "run", **QUIET).path


@pytest.fixture
def source(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, which may be moved away."""
    return Path(shutil.copytree(finished, tmp_path / "source"))


def interrupt_after(monkeypatch: pytest.MonkeyPatch, samples: int) -> None:
    whole = Session.go

    def part(self: Session) -> bool:
        self.total = samples
        return whole(self) and False

    monkeypatch.setattr(Session, "go", part)


def weights(path: Path) -> dict[str, Tensor]:
    state = Run.open(path).load_checkpoint()
    assert state is not None
    return dict(state.tensors)


def trainer(data: Dataset, recipe: gan.Recipe) -> Trainer:
    return make_trainer(recipe, data.spec, data, Options(device="cpu", progress=False), World())


class TestStartFrom:
    def test_everything_is_taken_over_where_nothing_changes_but_clock_and_moments(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(self: Session) -> bool:
            raise KeyboardInterrupt

        monkeypatch.setattr(Session, "go", killed)
        with pytest.raises(KeyboardInterrupt):
            belamy.train(start_from=source, out=tmp_path / "child", **QUIET)
        before, first = weights(source), weights(tmp_path / "child")
        kept = ("method/generator.", "method/discriminator.", "average/generator/")
        assert all(torch.equal(before[name], first[name]) for name in before if name.startswith(kept))
        assert not any(name.startswith("optimizer/") for name in first)
        run = Run.open(tmp_path / "child")
        assert run.samples_seen == 0
        events = [json.loads(line) for line in (run.path / "journal.jsonl").read_text().splitlines()]
        assert [(row["event"], row["samples"]) for row in events] == [("start", 0), ("start-from", 0)]
        assert events[1]["taken"] == ["generator", "discriminator"] and events[1]["afresh"] == []
        assert run.provenance.parent["taken"] == ["generator", "discriminator"]

    def test_a_run_that_is_killed_goes_on_bit_for_bit_without_its_source(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        words: dict[str, Any] = {"start_from": source, "generator_optimizer": "adam:lr=0.0005", **QUIET}
        whole = belamy.train(out=tmp_path / "whole", **words)
        interrupt_after(monkeypatch, 48)
        with pytest.raises(Interrupted):
            belamy.train(out=tmp_path / "parts", **words)
        monkeypatch.undo()
        source.rename(tmp_path / "gone")
        parts = belamy.resume(tmp_path / "parts", progress=False, device="cpu")
        one, other = weights(whole.path), weights(parts.path)
        assert all(torch.equal(one[name], other[name]) for name in one if "tally" not in name)
        events = [json.loads(line)["event"] for line in (parts.path / "journal.jsonl").read_text().splitlines()]
        assert events.count("start") == events.count("start-from") == 1

    def test_weights_that_their_own_recipe_no_longer_makes_are_refused(self, noise_file: Path, source: Path) -> None:
        run = Run.open(source)
        state = run.load_checkpoint()
        assert state is not None
        engine = trainer(belamy.data.open_data(str(noise_file)), RECIPE)
        other = run.recipe.changed(discriminator="digits:width=2,hidden=24")
        with pytest.raises(RunError, match=r"The checkpoint does not fit the recipe: size mismatch for discriminator"):
            transfer(engine, other, run.spec, state)

    def test_other_widths_start_afresh_by_name(self, noise_file: Path, source: Path) -> None:
        run = Run.open(source)
        state = run.load_checkpoint()
        assert state is not None
        wide = RECIPE.changed(discriminator="digits:width=2,hidden=24")
        engine = trainer(belamy.data.open_data(str(noise_file)), wide)
        moved = transfer(engine, run.recipe, run.spec, state)
        assert moved.taken[0] == "generator"
        assert moved.afresh and all(name.startswith("discriminator.network.network.") for name in moved.afresh)
        assert any(name.startswith("discriminator.network.network") for name in moved.taken)
        live = engine.method.generator.state_dict()
        assert all(torch.equal(live[name], state.below("method")[f"generator.{name}"]) for name in live)

    def test_blocks_of_one_resolution_meet_across_sizes(self) -> None:
        """The generator's are counted from the smallest map, the discriminator's from the last."""
        small, large = (fastgan.Discriminator((3, size, size), width=4, growth=1) for size in (32, 64))
        found = matched(small, large, from_end=True)
        assert found["blocks.2.main.0.0"] == "blocks.1.main.0.0" and found["score"] == "score"
        assert found["blocks.0.0"] == "blocks.0.0"  # the first layer, by the other way
        assert len(set(found.values())) == len(found)
        assert "blocks.1.main.0.0" not in found
        one, two = (r3gan.Generator(8, (3, size, size), width=4, growth=1, blocks=1) for size in (16, 32))
        found = matched(one, two)
        assert found["stages.0.0.main.0"] == "stages.0.0.main.0" and found["scale"] == "scale"
        assert found[""] == ""  # the first map, which the network itself holds

    def test_a_whole_network_of_another_size_takes_over_its_blocks(self, tmp_path: Path) -> None:
        part = {"generator": "r3gan:width=4,growth=1,blocks=1", "discriminator": "r3gan:width=4,growth=1,blocks=1"}
        recipe = gan.Recipe(**part, latent=8, samples=8, batch=4, data="avatars")
        source = belamy.train(recipe, size=16, out=tmp_path / "small", **QUIET)
        child = belamy.train(start_from=source.path, size=32, out=tmp_path / "large", **QUIET)
        facts = child.provenance.parent
        assert "generator.network.stages.3" not in facts["afresh"] and facts["afresh"]
        assert any("discriminator.network.network.stages" in name for name in facts["afresh"])
        assert any("generator.network.stages" in name for name in facts["taken"])

    @pytest.mark.parametrize(
        ("given", "error", "says"),
        [
            ({"start_from": "nowhere"}, RunError, "nowhere does not exist"),
            ({"recipe": "vae-mnist"}, UsageError, "was trained by the method 'gan', but the recipe is one of 'vae'"),
            ({"like": "x"}, UsageError, r"--start-from\), or one to begin anew"),
            ({"resume_from": "x"}, UsageError, r"go on from \(--resume-from\)"),
            (
                {"generator": "r3gan:width=4,growth=1", "discriminator": "r3gan:width=4,growth=1", "auxiliary": 0.0,
                 "generator_condition": "unconditional", "discriminator_condition": "unconditional"},
                UsageError, "Nothing of that run fits",
            ),
        ],
    )  # fmt: skip
    def test_wrong_uses(
        self, source: Path, tmp_path: Path, given: dict[str, Any], error: type[Exception], says: str
    ) -> None:
        with pytest.raises(error, match=says):
            belamy.train(**{"start_from": source, "out": tmp_path / "child", **QUIET, **given})
        assert not (tmp_path / "child").exists()


def of(method: nn.Module) -> set[str]:
    return {name for name, parameter in method.named_parameters() if not parameter.requires_grad}


class TestFreeze:
    def made(self, *names: str) -> set[str]:
        recipe = RECIPE.changed(discriminator="fastgan:width=2,growth=2", penalties=("self-supervised:width=2",))
        method = gan.Method(recipe, DataSpec.pictures((3, 32, 32), ()))
        freeze(method, names)
        return of(method)

    def test_the_layers_next_to_the_pixels(self) -> None:
        """And the normalisations between them; the fourth layer is the way past the second and third."""
        frozen = self.made("discriminator:3")
        layers = ("blocks.0.0", "blocks.1.main.0.0", "blocks.1.main.0.1", "blocks.1.main.1.0", "blocks.1.main.1.1")
        prefix = "discriminator.network.network."
        assert {name.rpartition(".")[0] for name in frozen} == {f"{prefix}{layer}" for layer in layers}

    def test_the_last_layers(self) -> None:
        frozen = self.made("discriminator:-1")
        assert {name for name in frozen if "score" in name} and not any(".blocks." in name for name in frozen)
        assert not any("decoders" in name for name in frozen)

    def test_a_part_by_its_name_without_its_wrappers(self) -> None:
        frozen = self.made("generator.start")
        assert frozen and all(name.startswith("generator.network.start.") for name in frozen)
        assert self.made("generator.network.start") == frozen

    def test_frozen_weights_are_bit_equal_after_training_and_after_a_resume(
        self, noise_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recipe = RECIPE.changed(freeze=("discriminator:2", "generator.start"), data=str(noise_file))
        interrupt_after(monkeypatch, 0)
        with pytest.raises(Interrupted):
            belamy.train(recipe, out=tmp_path / "run", **QUIET)
        monkeypatch.undo()
        interrupt_after(monkeypatch, 48)
        with pytest.raises(Interrupted):
            belamy.resume(tmp_path / "run", progress=False, device="cpu")
        monkeypatch.undo()
        middle = weights(tmp_path / "run")
        run = belamy.resume(tmp_path / "run", progress=False, device="cpu")
        after = weights(run.path)
        method = run.build()
        freeze(method, recipe.freeze)
        fresh = make_trainer(recipe, run.spec, belamy.data.open_data(str(noise_file)), Options("cpu"), World()).method
        frozen, start = of(method), fresh.state_dict()
        assert len(frozen) >= 6
        for name, _ in method.named_parameters():
            same = torch.equal(start[name], after[f"method/{name}"])
            assert same == (name in frozen), name
            if name in frozen:
                assert torch.equal(middle[f"method/{name}"], after[f"method/{name}"])
        whole = weights(belamy.train(recipe, out=tmp_path / "whole", **QUIET).path)
        assert all(torch.equal(after[name], whole[name]) for name in whole if "tally" not in name)

    def test_moments_follow_their_parameters_where_some_are_frozen(self, noise_file: Path, tmp_path: Path) -> None:
        recipe = RECIPE.changed(freeze=("discriminator:2",), data=str(noise_file))
        source = belamy.train(recipe, out=tmp_path / "source", **QUIET)
        child = belamy.train(resume_from=source.path, samples=112, out=tmp_path / "child", **QUIET)
        before, after = weights(source.path), weights(child.path)
        moments = {name for name in before if name.startswith("optimizer/discriminator/")}
        assert moments and moments == {name for name in after if name.startswith("optimizer/discriminator/")}

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("discriminatr", "Did you mean 'discriminator'"),
            ("generator.mappin", "names no part of the generator"),
            ("discriminator:0", "from 1 to"),
            ("discriminator:many", "from 1 to"),
            ("discriminator:1000", r"from 1 to \d+, or from -1 to -\d+ for the last ones, e\.g\. discriminator:\d"),
            ("generator", "nothing of the generator to learn"),
        ],
    )
    def test_wrong_names_are_refused_before_anything_is_written(
        self, noise_file: Path, tmp_path: Path, name: str, says: str
    ) -> None:
        with pytest.raises(UsageError, match=says):
            belamy.train(RECIPE, data=str(noise_file), out=tmp_path / "run", freeze=(name,), **QUIET)
        assert not (tmp_path / "run").exists()
