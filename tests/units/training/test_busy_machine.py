"""Plans are made for the machine by itself, and it is said when other work takes its processor."""

from __future__ import annotations

from time import sleep
from typing import Any

import pytest
import torch

from belamy.data.dataset import Dataset, Memory
from belamy.methods import vae
from belamy.progress import Reporter
from belamy.training.distribution import World
from belamy.training.memory import Probe
from belamy.training.planning import BUSY, Wishes, planned, tell_busy
from belamy.training.setup import Options, trained_at

WAIT = 0.2
"""Seconds that a disturbed step takes longer, in which it computes nothing."""


class Heard(Reporter):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def noise() -> Dataset:
    return Dataset("noise", Memory(torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8)))


@pytest.fixture
def disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trial step waits for its turn."""
    whole = Probe.play

    def waiting(self: Probe, *args: Any) -> float:
        sleep(WAIT)
        return whole(self, *args) + WAIT

    monkeypatch.setattr(Probe, "play", waiting)


def test_what_a_step_waits_for_its_turn_does_not_count(noise: Dataset, disturbed: None) -> None:
    found = trained_at(vae.Recipe.tiny(), noise.spec, noise, Options(device="cpu"), World())
    assert found.now <= vae.Recipe.tiny().batch / WAIT < found.alone


def test_where_samples_are_read_meanwhile_it_cannot_be_told(
    noise: Dataset, disturbed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step waits for them too."""
    monkeypatch.setattr(Dataset, "streams", True)
    found = trained_at(vae.Recipe.tiny(), noise.spec, noise, Options(device="cpu"), World())
    assert found.now == found.alone


def test_the_length_is_that_of_the_machine_by_itself(
    disturbed: None, monkeypatch: pytest.MonkeyPatch, noise: Dataset
) -> None:
    monkeypatch.setattr("belamy.training.planning.open_recipe_data", lambda *args: noise)
    heard, recipe = Heard(), vae.Recipe.tiny()
    wishes = Wishes("", {}, 0.1)
    made, _, _ = planned(recipe, wishes, Options(device="cpu"), World(), heard)
    assert made.train_samples > 2 * 6 * recipe.batch / WAIT, "not as many as a step with its waiting allows"
    assert [line for line in heard.lines if line.startswith("This machine is busy: trial steps got ")]


def test_a_machine_is_busy_where_it_trains_at_less_than_its_own_speed() -> None:
    heard = Heard()
    tell_busy([BUSY, 1.0, BUSY], heard)
    assert not heard.lines
    tell_busy([0.25, 1.0, 0.2], heard)
    assert "got 25% of the processor time" in heard.lines[0] and "about 4.0 times as long" in heard.lines[0]
