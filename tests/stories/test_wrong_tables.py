"""Wrong uses of tables, series and vectors: each ends in one clear message and exit code 2, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import belamy
from belamy.cli import main
from belamy.methods import rcgan

TABLE = ["name,kind,age", *(f"n{i},{'ab'[i % 2]},{i}" for i in range(150))]
STEPS = ["time,v", *(f"{i},{i % 7}" for i in range(60))]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, a long series, arrays of open meaning, and a run of series."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "table.csv").write_text("\n".join(TABLE), encoding="utf-8")
    (folder / "steps.csv").write_text("\n".join(STEPS), encoding="utf-8")
    (folder / "mixed.csv").write_text("a,b\n1,x\n2,y\n", encoding="utf-8")
    np.save(folder / "open.npy", np.random.default_rng(0).normal(size=(200, 7)))
    recipe = rcgan.Recipe.tiny().changed(train_samples=32)
    belamy.train(recipe, out=folder / "run", progress=False, device="cpu", watch=False)
    return folder


TRAIN = ["train", "rcgan", "--no-progress", "--device", "cpu", "--out", "{0}/new", "--data"]
ROWS = ["train", "dense-table", "--no-progress", "--device", "cpu", "--out", "{0}/new", "--data"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["data", "{0}/open.npy"], ["(200, 7)", "--modality table", "--modality series"]),
        (["data", "{0}/table.csv"], ["what its rows are was not said", "--modality table", "--modality series"]),
        (["data", "{0}/table.csv", "--modality", "table"], ["'name' holds 150 different", "table:drop=name"]),
        (["data", "{0}/table.csv", "--modality", "tabel"], ["no modality 'tabel'", "'table'"]),
        (["data", "{0}/table.csv", "--modality", "table:drop=nme"], ["no column 'nme'", "'name'"]),
        (["data", "{0}/table.csv", "--modality", "table:most=many"], ["table.most is 'many'"]),
        (["data", "{0}/steps.csv", "--modality", "series"], ["what a row is was not said", "--length"]),
        (["data", "{0}/mixed.csv", "--modality", "vector"], ["no row of numbers alone", "--modality table"]),
        (["data", "sines:steps=1"], ["sines.steps is 1, but it must be in 2..100,000"]),
        (["data", "sines", "--modality", "table"], ["holds data of the kind series, not table"]),
        (["data", "waves", "--channels", "3"], ["--channels 3 belongs to pictures"]),
        ([*TRAIN, "mnist"], ["for series", "mnist' holds pictures"]),
        ([*TRAIN, "customers"], ["for series", "customers' holds rows"]),
        ([*TRAIN, "{0}/steps.csv", "--modality", "series", "--length", "90"], ["No 90 steps follow each other"]),
        ([*TRAIN, "{0}/steps.csv", "--modality", "series", "--length", "6", "--labels", "v"], ["have no labels"]),
        ([*TRAIN, "sines", "--size", "32"], ["--size 32 belongs to pictures"]),
        ([*TRAIN, "sines", "--critic-steps", "0"], ["--critic-steps = 0 is not allowed"]),
        ([*ROWS, "sines"], ["for rows or vectors", "holds series"]),
        ([*ROWS, "{0}/table.csv", "--modality", "table:drop=name", "--labels", "knd"], ["no column 'knd'", "'kind'"]),
        ([*ROWS, "customers", "--generator", "dense:width=0"], ["dense.width"]),
        (["train", "dcgan-mnist", "--data", "customers", "--out", "{0}/new"], ["for pictures", "holds rows"]),
        (["sample", "{0}/run", "--out", "{0}/new.csv"], ["would hold rows of a table", "makes series"]),
        (["sample", "{0}/run", "--out", "{0}/new", "--label", "triangle"], ["triangle", "saw, sine, square"]),
        (["evaluate", "{0}/run", "--metrics", "sharpness", "--count", "40"], ["sharpness", "series"]),
    ],
)  # fmt: skip
def test_one_message_and_nothing_written(
    place: Path, words: list[str], says: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    code = main([word.format(place) for word in words])
    said = capsys.readouterr()
    assert code == 2, said
    message = next(line for line in said.err.splitlines() if line.startswith("belamy: "))
    for text in says:
        assert text in message
    assert "Traceback" not in said.err and "defect" not in said.err
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before
