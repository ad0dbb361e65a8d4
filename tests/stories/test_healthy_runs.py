"""Healthy runs of every kind of data: the watch, which has seen them, raises no severe alarm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from belamy.cli import main
from belamy.runs.run import Run
from outside import install

QUIET = ["--no-progress", "--device", "cpu", "--snapshots", "4"]
RUNS = {
    "text": ["char-lm", "--network", "gru:width=96", "--train-samples", "12000"],
    "sound": ["wavegan-small", "--length", "2048", "--train-samples", "3000"],
    "volumes": ["gan-3d", "--data", "shapes:side=16", "--generator", "gan-3d:width=8", "--discriminator",
                "gan-3d:width=8", "--batch", "32", "--train-samples", "6000"],
    "series": ["rcgan", "--data", "sines", "--train-samples", "20000"],
    "pairs": ["pix2pix", "--data", "outlines:count=200", "--size", "32", "--generator.width", "8",
              "--discriminator.width", "8", "--batch", "4", "--train-samples", "2000"],
    "flow matching": ["flow-matching", "--data", "mnist", "--train-samples", "30000"],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where flow matching is installed as another package."""
    made = tmp_path_factory.mktemp("healthy")
    install(made, {"flow_matching": ["belamy.methods"]})
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(made))
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("kind", RUNS)
def test_a_healthy_run_is_left_in_peace(kind: str, folder: Path) -> None:
    out = folder / kind.replace(" ", "-")
    assert main(["train", *RUNS[kind], *QUIET, "--out", str(out)]) == 0
    assert [found["says"] for found in Run.open(out).diagnosis() if found["severity"] == "severe"] == []
