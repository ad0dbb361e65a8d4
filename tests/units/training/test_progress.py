"""What training tells of itself: first what a person wants to know; speed and time left are those of this session."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console

from belamy.cli import main
from belamy.data.dataset import Dataset
from belamy.methods import gan
from belamy.progress import Bar, Lines, Reporter
from belamy.training.session import Session, SessionSettings
from belamy.training.trainer import Clock, Trainer, fresh

FIGURES = {"losses/generator.adversarial": 0.7, "gradient_norms/generator": 1.5}


def told(verbose: bool, alarm: str = "") -> str:
    console = Console(file=StringIO(), width=200)
    Lines(console, verbose).show(250, 1000, 10.0, FIGURES, alarm)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_a_line_leads_with_share_speed_time_left_and_finding() -> None:
    assert told(verbose=False, alarm="mode collapse?") == " 25%  10 samples/s  1 min 15 s left  mode collapse?\n"


def test_the_last_batch_may_be_more_than_was_left() -> None:
    console = Console(file=StringIO(), width=200)
    Lines(console).show(1010, 1000, 10.0, {})
    assert console.file.getvalue() == "100%  10 samples/s  0 s left\n"  # type: ignore[attr-defined]


def test_losses_are_shown_to_who_asks() -> None:
    line = told(verbose=True)
    assert line.startswith(" 25%  10 samples/s  1 min 15 s left")
    assert "250 of 1,000 samples" in line and "generator.adversarial 0.700" in line and "|grad| generator 1.5" in line


@pytest.mark.parametrize("kind", [Lines, Bar])
def test_what_a_user_typed_is_no_markup(kind: type[Lines] | type[Bar]) -> None:
    console = Console(file=StringIO(), width=200, force_terminal=kind is Bar)
    reporter = kind(console)
    for text in ("into runs/[red]/[/b]/:smile:", "[/nonsense]"):
        reporter.say(text)
        reporter.work(0.5, text)
    reporter.close()
    assert "runs/[red]/[/b]/:smile:" in console.file.getvalue()  # type: ignore[attr-defined]


class Listening(Reporter):
    """Hears the speed."""

    def __init__(self) -> None:
        super().__init__()
        self.speeds: list[float] = []

    def due(self) -> bool:
        return True

    def show(self, samples: int, total: int, speed: float, figures: Mapping[str, float], alarm: str = "") -> None:
        self.speeds.append(speed)


def test_the_speed_is_that_of_this_session(noise: Dataset) -> None:
    recipe = gan.Recipe.tiny()
    spec = noise.spec
    built = fresh(lambda: gan.Method(recipe, spec), 0, torch.device("cpu"), torch.float32)
    trainer, reporter = Trainer(built, noise), Listening()
    trainer.clock = Clock(samples=10**6, step=1000, seconds=1.0)  # another run's, which was quick
    session = Session(None, trainer, SessionSettings(watch=False), reporter)
    session.begun_at -= 160
    session.step()
    assert 0 < reporter.speeds[0] <= recipe.batch / 160
    assert session.speed == pytest.approx(recipe.batch / (trainer.clock.seconds - 1.0))


@pytest.mark.parametrize("words", [[], ["--verbose"]])
def test_verbose_is_an_option_of_training(
    noise_file: Path,
    tmp_path: Path,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("belamy.progress.LINE_SECONDS", 0.0)
    small = ["--generator", "digits:width=2,hidden=8", "--discriminator", "digits:width=2,hidden=8", "--batch", "8"]
    given = ["--data", str(noise_file), "--train-samples", "16", "--out", str(tmp_path / "run"), "--device", "cpu"]
    assert main(["train", "digits", *given, *small, "--snapshots", "1", *words]) == 0
    said = capsys.readouterr().out
    assert " 50%  " in said and " left" in said
    assert ("|grad|" in said) == bool(words)
