"""The command itself: help, exit codes, pipes, and what it does with failures that nobody expected."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from belamy import __version__, recipes
from belamy.cli import known_verbs, main
from belamy.cli.verbs import recipes as verb
from belamy.errors import NotFinite, StorageError
from belamy.runs.run import Run, method_name
from stories.conftest import SMALL, Command, environment, process

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
        *("diagnose", "compare", "game", "translate", "continue", "score", "enhance"),
        *("evaluate", "compare-metrics", "visualise", "survey", "unmask", "repaint", "paint"),
        *(
            "walk",
            "manifold",
            "styles",
            "arithmetic",
            "directions",
            "edit",
            "stylize",
            "stylize-film",
            "reconstruct-layers",
        ),
        *("retrieve", "anomaly", "reconstruct", "restore", "segment", "pretrain", "caption"),
    }
    for name, purpose in known_verbs().items():
        assert purpose and f"  {name}" in page and purpose in page


@pytest.mark.parametrize("name", sorted(known_verbs()))
def test_every_verb_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    page = capsys.readouterr()
    assert f"usage: belamy {name}" in page.out and page.err == ""


def test_the_help_of_train_names_the_options_of_all_recipes_without_importing_pytorch() -> None:
    script = "import sys; from belamy.cli import main; sys.exit(main(['train', '--help']) or 'torch' in sys.modules)"
    done = process(prelude=("-c", script))
    assert done.returncode == 0, done.stderr
    for option in ("--train-samples", "--data", "--snapshots", "--config", "dcgan-mnist"):
        assert option in done.stdout


def test_python_without_docstrings_prints_the_same() -> None:
    script = (
        "import sys; from belamy.cli import main; from belamy.evaluation.page import about;"
        "print([about(name) or 'nothing' for name in ('frechet', 'kernel', 'modes')]);"
        "sys.exit(main(['sample', '--help']) or main(['parts', 'r1']))"
    )
    said = {process(prelude=(*flags, "-c", script)).stdout for flags in ((), ("-OO",))}
    assert len(said) == 1 and "Draw samples from a run" in (text := said.pop()) and "nothing" not in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_of_few_characters(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    for words in (["parts"], ["inspect", "dcgan-mnist"], ["data", "avatars-16", "--size", "8"], ["sample", "--help"]):
        assert main(words) == 0
    assert b"NAME[:OPTION=VALUE,...]" in written.getvalue() or b"->" in written.getvalue()


def test_no_control_character_of_a_user_reaches_the_terminal(belamy: Command, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos / "cats", tmp_path / "data" / "red\x1b[31m")
    shutil.copytree(photos / "dogs", tmp_path / "data" / "[bold]dogs")
    done = belamy("data", tmp_path / "data")
    assert done.returncode == 0 and "\x1b" not in done.stdout
    assert "red\\x1b[31m" in done.stdout and "[bold]dogs" in done.stdout
    done = belamy("sample", "no\x1b[31mrun")
    assert done.returncode == 2 and "\x1b" not in done.stderr and "no\\u001b[31mrun" in done.stderr
    done = belamy("sample", "run\0")
    assert done.returncode == 2 and "NUL" in done.stderr


@pytest.mark.parametrize("kind", ["json", "toml"])
def test_a_file_of_options(belamy: Command, trained: Path, tmp_path: Path, kind: str) -> None:
    """What is typed goes before what the file says."""
    facts = {"count": 3, "seed": 7, "overwrite": True, "out": "drawn.npz", "json": "facts.json"}
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in facts.items())
    (tmp_path / f"options.{kind}").write_text(json.dumps(facts) if kind == "json" else lines)
    assert belamy("sample", "--seed", "1", "--config", f"options.{kind}", trained).returncode == 0
    found = json.loads((tmp_path / "facts.json").read_text())
    assert (found["count"], found["seed"], found["files"]) == (3, 1, ["drawn.npz"])
    (tmp_path / "wrong.json").write_text('{"cuont": 3}')
    done = belamy("sample", trained, "--config", "wrong.json")
    assert done.returncode == 2 and "no option '--cuont'" in done.stderr


def test_completion_in_bash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("zsh", "fish", "bash"):
        assert main(["--completion", shell]) == 0
        script = capsys.readouterr().out
        assert "sample" in script and "false-positives" in script and "dcgan-mnist" in script
    (tmp_path / "belamy.bash").write_text(script)
    for typed, expected in (
        ("belamy sam", "sample"),
        ("belamy train dcgan-m", "dcgan-mnist"),
        ("belamy walk --lo", "--loop"),
    ):
        words = typed.split()
        ask = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _belamy; echo ${{COMPREPLY[*]}}"
        done = subprocess.run(["bash", "-c", f". ./belamy.bash; {ask}"], cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout.split() == [expected], done.stderr


def test_what_python_offers() -> None:
    import belamy

    assert {"train", "compare", "open", "stylize", "__version__"} <= set(dir(belamy))
    assert all(callable(getattr(belamy, name)) for name in belamy.__all__)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"belamy {__version__}\n"


def test_recipes_as_text_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", "--json", str(tmp_path / "new" / "recipes.json")]) == 0
    listed = capsys.readouterr().out
    facts = json.loads((tmp_path / "new" / "recipes.json").read_text())["recipes"]
    assert set(recipes.names()) < set(facts) <= set(recipes.known())
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


@pytest.mark.parametrize(
    ("before", "said", "expected"),
    [("", {}, "1000"), ("", {"GOMP_SPINCOUNT": "7"}, "7"), ("", {"OMP_WAIT_POLICY": "active"}, "None"),
     ("import torch; ", {}, "None")],
)  # fmt: skip
def test_waiting_threads_sleep_soon_unless_the_user_says_how_they_wait(
    before: str, said: dict[str, str], expected: str
) -> None:
    program = (
        f"{before}import os; from belamy.cli import main; main(['--version']); print(os.environ.get('GOMP_SPINCOUNT'))"
    )
    known = {name: value for name, value in environment().items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run([sys.executable, "-c", program], env={**known, **said}, capture_output=True, text=True)
    assert done.stdout.split()[-1] == expected


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


def test_doctor_names_a_package_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    from belamy.cli.verbs import doctor

    monkeypatch.setattr(
        doctor, "requires", lambda _: ["numpy>=1.26", "tyro>=99.1", "nosuch>=1", "av>=12; extra == 'video'"]
    )
    packages = next(check for check in doctor.installation() if check.name == "packages")
    assert not packages.ok and "(at least 99.1)" in packages.detail
    assert "nosuch MISSING (at least 1)" in packages.detail
    assert "av" not in packages.detail and not re.search(r"numpy [\d.]+ \(", packages.detail)
    monkeypatch.setattr(doctor, "requires", lambda _: ["numpy>=1.26"])
    assert next(check for check in doctor.installation() if check.name == "packages").ok


def test_the_recipe_of_a_run_is_a_configuration_of_train_alone(trained: Path, tmp_path: Path, belamy: Command) -> None:
    recipe = trained / "recipe.json"
    done = belamy("train", "--config", recipe, "--samples", "8", "--out", "again", "--no-progress", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert Run.open("again").recipe == Run.open(trained).recipe.changed(train_samples=8)
    shutil.copy(recipe, tmp_path / "copy.json")
    for words, typed in ((["sample", trained, "--config", recipe], trained), (["train", "--config=copy.json"], "RUN")):
        done = belamy(*words)
        assert done.returncode == 2 and f"type: belamy train --like {typed}" in done.stderr, done.stderr


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="file systems whose names are all Unicode")
def test_names_that_are_no_utf_8(photos: Path, tmp_path: Path, belamy: Command) -> None:
    """Bytes of another encoding in the names of data, of a run and of what it makes."""
    data, out = (tmp_path / os.fsdecode(name) for name in (b"caf\xe9", b"run \xe9"))
    shutil.copytree(photos, data)
    words = ["train", "dcgan-mnist", "--data", str(data), "--size", "8", *SMALL, "--samples", "16", "--no-progress"]
    assert (done := belamy(*words, "--out", out)).returncode == 0, done.stderr
    assert Run.open(out).recipe.data == str(data), "the name comes back as it was"
    assert (done := belamy("resume", out, "--data", photos, "--no-progress")).returncode == 0, done.stderr
    assert (done := belamy("sample", out, "--count", "2", "--out", "drawn", "--json", "facts.json")).returncode == 0
    assert json.loads((tmp_path / "facts.json").read_text())["run"] == str(out)
    assert (done := belamy("report", out)).returncode == 0, done.stderr
    assert "caf\\udce9" in (out / "report.html").read_text(encoding="utf-8").replace("<wbr>", "")
