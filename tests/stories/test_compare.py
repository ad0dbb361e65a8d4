"""Comparing recipes and checking samples as a user does it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import belamy as library
from belamy.cli import main
from belamy.cli.verbs.compare import spelled, variant
from belamy.errors import UsageError
from belamy.judges import judge
from stories.conftest import SMALL, Command


@pytest.fixture(autouse=True)
def hasty_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "LEAST", 256)


def recipe(photos: Path, *options: str) -> str:
    return " ".join(["dcgan-mnist --data", str(photos), "--size 8", *SMALL, *options])


def test_two_recipes_by_two_processes_and_on_again(tmp_path: Path, photos: Path, belamy: Command) -> None:
    words = [f"plain={recipe(photos)}", f"least squares={recipe(photos, '--adversarial', 'least-squares')}"]
    options = ["--seeds", "1", "--samples", "32", "--judged", "20", "--device", "cpu", "--out", "c"]
    done = belamy("compare", *words, *options, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 trials done" in done.stdout and str(Path("c") / "comparison.html") in done.stdout
    facts = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert facts["done"] == facts["planned"] == 2 and facts["failed"] == 0 and len(facts["protocols"]) == 1
    assert {each["place"] for each in facts["trials"]} and set(facts["variants"]) == {"plain", "least squares"}
    page = (tmp_path / "c" / "comparison.html").read_text()
    for text in ("Which is better?", "How stable is the order?", "least squares", "Fréchet", "data:image/"):
        assert text in page
    again = belamy("compare", "--out", "c", "--json", "-", "--device", "cpu")
    assert json.loads(again.stdout)["trials"] == facts["trials"]
    refused = belamy("compare", "--out", "c", "--samples", "64")
    assert refused.returncode == 2 and "samples = 32, but now it is 64" in refused.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["digist"], "Did you mean 'digits'"),
        (["digits:adversarial"], "write digits:FIELD=VALUE"),
        (["digits:advresarial=hinge"], "Did you mean '--adversarial'"),
        (["digits:adversarial=hing"], "Did you mean 'hinge'"),
        (["digits --adversarial 'hinge"], "quotation mark"),
        (["digits:seed=3"], "--seeds says how many"),
        (["=digits"], "no label"),
        (["digits", "digits"], "two variants are the same"),
        (["digits", "dcgan-mnist"], "Give all one budget"),
        (["digits", "digits:data=avatars"], "differ in data"),
        (["digits", "--samples", "1000", "--seconds", "5"], "two budgets"),
        (["digits", "--seeds", "0"], "--seeds is 0"),
        (["digits", "--seconds", "-1"], "--seconds is -1"),
        (["digits", "--judged", "1"], "at least 2"),
        (["digits", "--workers", "0"], "--workers is 0"),
        (["digits", "--vary", "latent"], "names no range"),
        (["digits", "--draws", "3"], "3 draws of nothing"),
        (["digits", "--data", "no/such/folder"], "no file or folder"),
        (["digits", "--sedes", "3"], "Did you mean '--seeds'"),
        (["--out", "new"], "Name the recipes"),
        (["vae-mnist:batch=0"], "batch"),
    ],
)
def test_wrong_uses(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(judge, "_train", lambda *_: pytest.fail("nothing must be trained before this is refused"))
    assert main(["compare", *words]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("belamy: ") and says in said.err and said.err.count("\n") == 1
    assert not list(tmp_path.rglob("plan.json"))


def test_the_three_ways_to_write_a_recipe() -> None:
    assert spelled("digits") == ("digits", "digits", [])
    assert spelled("a b=digits:latent=8") == ("a b", "digits", ["--latent", "8"])
    assert spelled("digits --penalties r1:weight=5 r2")[2] == ["--penalties", "r1:weight=5", "r2"]
    assert spelled("digits --samples=9") == ("digits --samples=9", "digits", ["--samples=9"])
    made = variant("wide=digits:generator=digits:width=24", {"data": "avatars", "size": 16})
    assert made.label == "wide" and made.fields["data"] == "avatars"
    assert made.fields["generator"] == {"name": "digits", "width": 24}
    assert made.made().model_dump()["generator"] == {"name": "digits", "width": 24}


def test_samples_are_checked_against_the_class_asked_for(tmp_path: Path, photos: Path, belamy: Command) -> None:
    words = ["train", "digits", "--data", str(photos), "--size", "8", "--samples", "64", "--batch", "8",
             "--generator", "digits:width=4", "--out", "run", "--no-progress", "--device", "cpu"]  # fmt: skip
    assert belamy(*words).returncode == 0
    done = belamy("sample", "run", "--count", "40", "--check", "--label", "cats", "--out", "s.npz", "--json", "-")
    facts = json.loads(done.stdout)
    assert 0 <= facts["label_fidelity"] <= 1 and facts["judge"].startswith("judge-convnet@")
    told = belamy("sample", "run", "--count", "40", "--check", "--out", "folder")
    assert "% are of the class asked for, says judge-convnet@" in told.stdout
    worth = facts["judge_accuracy"]
    assert re.fullmatch(r"\d+\.\d% of \d+ held-out images told right, a linear model \d+\.\d%", worth)
    assert f"({worth})" in told.stdout
    words = ["evaluate", "run", "--count", "40", "--metrics", "diversity", "--no-real-baseline", "--no-progress"]
    assert worth in " ".join(belamy(*words, "--out", "page.html").stdout.split())
    assert worth in Path("page.html").read_text()


def test_labels_that_are_not_used_cannot_be_checked(trained: Path, belamy: Command) -> None:
    refused = belamy("sample", trained, "--check", "--out", "s.npz")
    assert refused.returncode == 2 and "Leave --check out" in refused.stderr


def test_from_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("belamy.api.compare.conduct", lambda *given: asked.extend(given) or tmp_path)
    changed = {"hinge": {"adversarial": "hinge"}}
    assert library.compare("digits", variants=changed, out=tmp_path / "x", seeds=2, size=16) == tmp_path
    config, execution = asked
    assert [(each.label, each.recipe) for each in config.variants] == [("digits", "digits"), ("hinge", "digits")]
    assert [each.made().size for each in config.variants] == [16, 16] and config.seeds == 2
    assert str(config.variants[1].made().adversarial) == "hinge" and execution.folder == tmp_path / "x"
    with pytest.raises(UsageError, match="no field 'adversarail'"):
        library.compare("digits", out=tmp_path, adversarail="hinge")
