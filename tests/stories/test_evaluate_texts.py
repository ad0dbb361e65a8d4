"""``belamy evaluate RUN --measures`` of a run that draws pictures of texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from belamy.cli import main
from stories.conftest import Command

NETWORK = "gan-cls:width=4,told=8"
TRAIN = ["text-to-image", "--data", "avatars-16:captions=true", "--generator", NETWORK, "--discriminator", NETWORK]
FEW = ["--latent", "4", "--batch", "16", "--train-samples", "32", "--no-progress", "--device", "cpu"]
QUICK = ["--count", "30", "--metrics", "diversity", "--extractor", "pixels", "--no-real-baseline", "--no-progress"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps."""
    path = tmp_path_factory.mktemp("runs") / "faces"
    assert main(["train", *TRAIN, *FEW, "--out", str(path)]) == 0
    return path


def test_variety_of_one_caption(belamy: Command, drawn: Path, tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    done = belamy("evaluate", drawn, *QUICK, "--measures", "variety", "--json", told)
    assert done.returncode == 0, done.stderr
    facts = json.loads(told.read_text())
    within, between = (facts["measures"][name] for name in ("caption-variety", "between-captions"))
    assert within["metric"] == "variety" and 0 <= within["value"] < within["floor"]["value"] < 1
    assert between["floor"]["value"] == pytest.approx(1, abs=0.05)
    assert facts["card"]["metrics"]["variety"] == "captions=30,pictures=4"
    assert "--measures variety" in facts["command"]


def test_what_was_not_asked_is_said(belamy: Command, drawn: Path) -> None:
    done = belamy("evaluate", drawn, *QUICK)
    assert "not measured: add --measures all" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--measures", "cycle"], "There is no measure 'cycle' of pictures of texts"),
        (["--measures", "variety", "--against", "avatars-16"], "avatars-16 has none. Leave --measures out"),
    ],
)
def test_what_cannot_be_measured_is_refused(belamy: Command, drawn: Path, words: list[str], said: str) -> None:
    done = belamy("evaluate", drawn, *QUICK, *words)
    assert done.returncode == 2 and said in done.stderr
