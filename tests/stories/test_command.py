"""The command itself: help, exit codes, pipes, and what it does with failures that nobody expected."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from belamy import __version__, recipes
from belamy.cli import known_verbs, main
from belamy.cli.verbs import recipes as verb
from belamy.errors import NotFinite, StorageError
from belamy.runs.run import method_name
from stories.conftest import Command, environment, process

HEAVY = ("torch", "numpy", "tyro", "pydantic", "rich", "PIL")


@pytest.mark.parametrize("words", [["--help"], [], ["recipes"], ["--version"]])
def test_help_and_recipes_import_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys; from belamy.cli import main; code = main(sys.argv[1:]);"
        f"loaded = [name for name in {HEAVY} if name in sys.modules];"
        "sys.exit(f'loaded {loaded}' if loaded else code)"
    )
    done = process(*words, prelude=("-c", script))
    assert (done.returncode, done.stderr) == (0, "")


def test_help_names_every_verb_with_its_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    assert set(known_verbs()) == {
        *("train", "resume", "sample", "report", "recipes", "parts", "inspect", "data", "doctor"),
        *("diagnose", "compare", "game"),
        *("evaluate", "compare-metrics", "visualise", "survey", "unmask"),
        *("walk", "manifold", "arithmetic", "directions", "edit", "stylize", "stylize-film", "reconstruct-layers"),
        *("retrieve", "anomaly", "reconstruct", "segment", "pretrain"),
    }
    for name, purpose in known_verbs().items():
        assert purpose and f"  {name}" in page and purpose in page


@pytest.mark.parametrize("name", sorted(known_verbs()))
def test_every_verb_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    page = capsys.readouterr()
    assert f"usage: belamy {name}" in page.out and page.err == ""


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"belamy {__version__}\n"


def test_recipes_as_text_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "--json", str(tmp_path / "new" / "recipes.json")]) == 0
    listed = capsys.readouterr().out
    facts = json.loads((tmp_path / "new" / "recipes.json").read_text())["recipes"]
    assert list(facts) == recipes.names()
    for name, fact in facts.items():
        recipe = recipes.get(name)
        assert fact["method"] == method_name(recipe) and fact["data"] == recipe.data
        assert name in listed and fact["description"]


def test_a_closed_pipe_is_quiet() -> None:
    words = [sys.executable, "-m", "belamy", "recipes"]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout and run.stderr
        run.stdout.close()
        assert run.stderr.read() == b""
        assert run.wait(timeout=60) == 141


def test_a_wrong_use_in_a_process_of_its_own() -> None:
    for words in (["trian"], ["train", "dcgan-mnist", "--btach", "8"]):
        done = process(*words)
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr.startswith("belamy: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("failure", "code", "says"),
    [
        (StorageError("The disk is full."), 2, "The disk is full."),
        (NotFinite("Training stopped."), 3, "Training stopped."),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (MemoryError(), 2, "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 2, "not enough memory"),
        (PermissionError(13, "Permission denied", "secret"), 2, "secret: Permission denied."),
        (RuntimeError("two\nlines"), 1, "Unexpected RuntimeError: two lines. This is a defect"),
    ],
)
def test_failures_end_in_one_line(
    failure: BaseException, code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(words: list[str]) -> int:
        raise failure

    monkeypatch.delenv("BELAMY_DEBUG", raising=False)
    monkeypatch.setattr(verb, "run", fail)
    assert main(["recipes"]) == code
    said = capsys.readouterr().err
    assert said.startswith("belamy: ") and says in said and said.count("\n") == 1


def test_a_traceback_is_shown_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(words: list[str]) -> int:
        raise RuntimeError("why")

    monkeypatch.setattr(verb, "run", fail)
    monkeypatch.setenv("BELAMY_DEBUG", "1")
    with pytest.raises(RuntimeError, match="why"):
        main(["recipes"])


def test_doctor_trains_resumes_and_is_content(tmp_path: Path, belamy: Command) -> None:
    done = belamy("doctor", "--device", "cpu", "--json", "facts.json")
    assert done.returncode == 0, done.stdout + done.stderr
    checks = {check["name"]: check for check in json.loads((tmp_path / "facts.json").read_text())["checks"]}
    assert {"python", "packages", "devices", "cache", "disk", "training", "resuming"} <= set(checks)
    assert "accuracy 0.9" in checks["training"]["detail"]
    assert "All is well." in done.stdout
