"""Runs that were damaged: what they can do without is left out and named, all else is refused by name and place."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stories.conftest import Command

RESUME = ("resume", "--device", "cpu", "--no-progress")
VERBS: tuple[tuple[str, ...], ...] = (("report",), ("diagnose",), RESUME, ("sample", "--count", "2", "--out", "drawn"))


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """A run of one's own, with the first and the last sheet alone: films take long."""
    made = Path(shutil.copytree(trained, tmp_path / "run"))
    for sheet in sorted(made.glob("samples/*.png"))[1:-1]:
        sheet.unlink()
    return made


def changed(path: Path, change: Callable[[Any], Any]) -> None:
    """A JSON file, or the first line of a JSON-lines file, with a change."""
    first, _, rest = path.read_text().partition("\n") if path.suffix == ".jsonl" else (path.read_text(), "", "")
    facts = json.loads(first)
    path.write_text(json.dumps(change(facts)) + (f"\n{rest}" if rest else ""))


def without(*names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A change that removes a field, named by the way to it."""

    def change(facts: dict[str, Any]) -> dict[str, Any]:
        inner = facts
        for name in names[:-1]:
            inner = inner[name]
        del inner[names[-1]]
        return facts

    return change


# Links


@pytest.mark.parametrize("name", ["metrics.jsonl", "journal.jsonl", "samples", "checkpoints", "weights", "lock"])
@pytest.mark.parametrize("verb", VERBS[:3])
def test_a_link_out_of_a_run_is_refused_and_nothing_outside_is_touched(
    copy: Path, tmp_path: Path, belamy: Command, name: str, verb: tuple[str, ...]
) -> None:
    outside = tmp_path / "outside"
    if (copy / name).is_dir():
        (copy / name).rename(outside)
        (outside / "000000000001").mkdir()
        (outside / "000000000001" / "thesis.txt").write_text("years of work")
    else:
        (copy / name).rename(outside)
        outside.write_text("years of work\n" * 99 + "and no newline")
    before = {path: path.read_bytes() for path in [outside, *outside.rglob("*")] if path.is_file()}
    (copy / name).symlink_to(outside)
    done = belamy(verb[0], copy, *verb[1:])
    assert done.returncode == 2 and f"{copy / name} is a link to {outside}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in [outside, *outside.rglob("*")] if path.is_file()} == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_in_a_run_is_refused_and_not_waited_for(copy: Path, belamy: Command) -> None:
    (copy / "metrics.jsonl").unlink()
    os.mkfifo(copy / "metrics.jsonl")
    done = belamy("report", copy)
    assert done.returncode == 2 and "metrics.jsonl is neither a file nor a folder" in done.stderr


# Accessories


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def overwritten(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def edited(**facts: Any) -> Callable[[Path], None]:
    """A change of some facts of a file."""
    return lambda path: changed(path, lambda known: {**known, **facts})


ACCESSORIES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a truncated sheet": ("samples/000000000000.png", truncated),
    "a sheet that is none": ("samples/000000000000.png", overwritten(b"no picture")),
    "truncated real pictures": ("real.png", truncated),
    "a row of null": ("metrics.jsonl", lambda path: changed(path, lambda _: None)),
    "a row with a text for a number": ("metrics.jsonl", edited(samples="many")),
    "losses of null": ("metrics.jsonl", edited(losses=None)),
    "an event without name": ("journal.jsonl", lambda path: changed(path, without("event"))),
    "a torn line": ("journal.jsonl", lambda path: overwritten(b'{"event":\n' + path.read_bytes())(path)),
    "a card of null": ("data.json", overwritten(b"null")),
    "a card with a text for counts": ("data.json", edited(splits="many")),
    "a card that is cut short": ("data.json", truncated),
}


@pytest.mark.parametrize(
    ("verb", "damage"), [*((("report",), damage) for damage in ACCESSORIES), (RESUME, "a truncated sheet")]
)
def test_a_damaged_accessory_costs_itself_alone(
    copy: Path, belamy: Command, verb: tuple[str, ...], damage: str
) -> None:
    name, spoil = ACCESSORIES[damage]
    spoil(copy / name)
    (copy / "report.html").unlink()
    done = belamy(verb[0], copy, *verb[1:])
    assert done.returncode == 0, done.stderr
    page = (copy / "report.html").read_text()
    assert name.replace("/", "/<wbr>") in page or Path(name).name in page, "it is named"
    assert (done.stderr.count("\n") == 1 and name in done.stderr) or verb == RESUME
    assert "defect" not in done.stderr


# What a run cannot do without


NEEDED: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a method of null": ("recipe.json", edited(method=None), "method: input should be a valid string"),
    "no samples": (
        "recipe.json",
        lambda path: changed(path, without("fields", "train_samples")),
        "train_samples is missing",
    ),
    "no batch": ("recipe.json", lambda path: changed(path, without("fields", "batch")), "batch is missing"),
    "a shape of two": ("recipe.json", edited(domain={"shape": [8, 8], "classes": []}), "domain.shape"),
    "fields of a list": ("recipe.json", edited(fields=[]), "fields: input should be"),
    "snapshots of a list": ("provenance.json", edited(snapshots=[]), "snapshots: input should be"),
    "no fingerprint": ("provenance.json", lambda path: changed(path, without("data")), "data: field required"),
    "a list of digests": ("weights/index.json", edited(sha256=[]), "sha256: input should be"),
    "a digest of null": ("weights/index.json", edited(sha256={"generator": None}), "sha256.generator: input should be"),
}


@pytest.mark.parametrize("damage", NEEDED)
def test_what_cannot_be_done_without_is_refused_by_name_and_place(copy: Path, belamy: Command, damage: str) -> None:
    name, spoil, said = NEEDED[damage]
    spoil(copy / name)
    verb = VERBS[3] if name.startswith("weights") else RESUME
    done = belamy(verb[0], copy, *verb[1:])
    assert done.returncode == 2, done.stderr
    assert f"{copy / name} is damaged: " in done.stderr and said in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1
