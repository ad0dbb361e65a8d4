"""Series from files: windows, folders, ids, rows, arrays; a bad set whose faults are named; what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from belamy.data import Dataset, open_data
from belamy.data.doctor import examine
from belamy.data.numbers import read_numbers
from belamy.errors import DataError, UsageError


def values(data: Dataset) -> np.ndarray:
    return data.store.read(torch.arange(len(data))).numpy()


def lines(count: int, start: int = 0) -> list[str]:
    return ["step,a,b", *(f"{i},{i / 10:.1f},{-i}" for i in range(start, start + count))]


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def made(name: str, text: list[str], encoding: str = "utf-8") -> Path:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes("\n".join(text).encode(encoding))
        return tmp_path / name

    return made


class TestWindows:
    def test_they_are_cut_in_order_of_time_and_none_reaches_into_the_test_steps(self, write: Any) -> None:
        data = open_data(write("s.csv", lines(100)), modality="series", length=8)
        held = values(data)
        assert data.shape == (8, 2) and data.field.classes == ("a", "b")
        assert held[0, :, 1].tolist() == [-i for i in range(8)]
        assert held[data.indices("train")][..., 1].min() > -90 >= held[data.indices("test")][..., 1].max()
        assert len(data.indices("train")) == 11 and len(data.indices("test")) == 1

    def test_they_may_overlap_within_a_split_only(self, write: Any) -> None:
        data = open_data(write("s.csv", lines(100)), modality="series:stride=1", length=8)
        held = values(data)
        assert len(data.indices("train")) == 90 - 8 + 1 and len(data.indices("test")) == 10 - 8 + 1
        assert held[data.indices("train")][..., 1].min() > held[data.indices("test")][..., 1].max()

    def test_none_holds_a_gap(self, write: Any) -> None:
        text = lines(100)
        del text[41:44]
        data = open_data(write("s.csv", text), modality="series:stride=1", length=8)
        assert (np.diff(values(data)[..., 1], axis=1) == -1).all()
        assert any("a gap of 4 steps before '43'" in why for _, why in data.skipped)


class TestWhole:
    def test_a_file_for_each_in_the_folder_of_its_class(self, write: Any) -> None:
        for number in range(12):
            folder = write(f"set/{'up' if number % 2 else 'down'}/{number:02d}.csv", lines(6, number)).parent.parent
        data = open_data(folder, modality="series")
        assert data.classes == ("down", "up") and data.shape == (6, 2) and len(data) == 12
        assert data.names is not None and data.names[0] == "down/00.csv"

    def test_a_column_says_which_series(self, write: Any) -> None:
        text = ["who,hour,v,group", *(f"p{i % 3},{i // 3},{i},{'ab'[i % 2 * 0 + (i % 3 == 1)]}" for i in range(15))]
        data = open_data(write("s.csv", text), modality="series:id=who,time=hour", labels="group")
        assert data.shape == (5, 1) and values(data)[1, :, 0].tolist() == [1, 4, 7, 10, 13]
        assert data.labels is not None and data.labels.tolist() == [0, 1, 0]

    def test_a_series_in_each_row(self, write: Any) -> None:
        text = ["kind,t1,t2,t3", "a,1,2,3", "b,4,5,6", "a,7,8,9"]
        data = open_data(write("s.csv", text), modality="series:rows=series", labels="kind")
        assert values(data)[:, :, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
        assert data.classes == ("a", "b")

    def test_arrays_with_splits_and_labels(self, tmp_path: Path) -> None:
        x = np.random.default_rng(0).normal(size=(30, 7, 2))
        np.savez(tmp_path / "s.npz", x_train=x[:20], y_train=["a", "b"] * 10, x_test=x[20:], y_test=["a", "b"] * 5)
        data = open_data(tmp_path / "s.npz", modality="series")
        assert np.allclose(values(data), x, atol=1e-6) and data.classes == ("a", "b")
        assert data.indices("test").tolist() == list(range(20, 30))

    def test_series_of_other_lengths_are_cut_if_a_length_is_asked_for(self, tmp_path: Path) -> None:
        x = np.ones((5, 7, 1))
        x[3, 5:] = np.nan
        np.save(tmp_path / "s.npy", x)
        assert len(open_data(tmp_path / "s.npy", modality="series")) == 4
        cut = open_data(tmp_path / "s.npy", modality="series", length=5)
        assert cut.shape == (5, 1) and len(cut) == 5


def test_the_faults_of_a_bad_set_are_named(tmp_path: Path) -> None:
    """Fifteen: another length, no number, missing, ragged, back in time, a gap, dates of two forms, encoding, empty,
    other columns, no class, a repeated series across the splits, a BOM, decimal commas, an outlier, a dead channel."""
    source = np.random.default_rng(0)

    def save(name: str, rows: list[str], encoding: str = "utf-8") -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes("\n".join(rows).encode(encoding))

    def good(number: int) -> list[str]:
        made = [f"2024-01-{day:02d},{source.normal():.3f},5" for day in range(1, 11)]
        return ["date,v,dead", *made]

    for number in range(30):
        save(f"{'ab'[number % 2]}/{number:02d}.csv", good(number))
    base = good(99)
    save("a/40.csv", base[:8])
    save("a/41.csv", [*base[:4], "2024-01-04,oops,5", *base[5:]])
    save("a/42.csv", [*base[:4], "2024-01-04,,5", *base[5:]])
    save("a/43.csv", [*base[:4], "2024-01-04,1", *base[5:]])
    save("a/44.csv", [*base[:4], base[2], *base[5:]])
    save("a/45.csv", [*base[:4], *base[6:], "2024-01-11,1,5", "2024-01-12,1,5"])
    save("a/46.csv", [*base[:4], "04.01.2024,1,5", *base[5:]])
    save("a/47.csv", ["date,v,dead", "2024-01-01,größe,5"], "latin-1")
    save("a/48.csv", [])
    save("a/49.csv", ["date,v,other", *base[1:]])
    save("50.csv", base)
    for name in ("a/51.csv", "b/52.csv", "a/53.csv", "a/54.csv", "a/55.csv", "b/56.csv", "a/57.csv", "b/58.csv"):
        save(name, base)
    (tmp_path / "a/59.csv").write_bytes(b"\xef\xbb\xbf" + "\n".join(good(1)).encode())
    save("a/60.csv", [line.replace(",", ";").replace(".", ",") for line in good(2)])
    save("a/61.csv", [*base[:4], "2024-01-04,9e9,5", *base[5:]])
    said = "\n".join(examine(tmp_path, modality="series").lines())
    for fault in (
        "a/40.csv: 7 steps, where most have 10",
        "a/41.csv: a/41.csv row 5: 'v' holds 'oops', which is not a number",
        "a/42.csv: a/42.csv row 5: 'v' is missing",
        "a/43.csv row 5: 2 cells, where the header has 3",
        "a/44.csv: a/44.csv row 5: the time does not increase: '2024-01-02' follows '2024-01-03'",
        "a/45.csv: a/45.csv row 5: a gap of 3 steps before '2024-01-06'",
        "a/46.csv: a/46.csv row 5: the time '04.01.2024' is not of the form of the others",
        "a/47.csv",
        "looks like LATIN1",
        "a/48.csv",
        "holds no rows",
        "a/49.csv: its columns are v, other, where others have v, dead",
        "50.csv: it lies in no folder of a class",
        "7 series repeat another",
        "lie across the splits",
        "a/59.csv begins with a byte order mark",
        "a/60.csv: the decimal commas of column 'v' were read as points",
        "channel 'v': a/61.csv holds 9e+09 at step 4",
        "channel 'dead' is constant: 5 everywhere",
    ):
        assert fault in said, fault


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "options", "message"),
        [
            (lines(40), {}, "what a row is was not said.*--length STEPS.*series:rows=series.*series:id=COLUMN"),
            (lines(40), {"length": 50}, "No 50 steps follow each other"),
            (lines(40), {"length": 8, "labels": "a"}, "have no labels"),
            (lines(40), {"modality": "series:id=who"}, "no column 'who'"),
            (lines(40), {"modality": "series:rows=days"}, "series.rows is 'days'"),
            (lines(40), {"modality": "series:stride=0", "length": 8}, "must be at least 1 step"),
            (lines(40), {"modality": "series:drop=a+b", "length": 8}, "no column of values"),
            (["t,x", *["1,cat"] * 20], {"length": 8}, "column 'x' holds no numbers.*series:drop=x"),
            (lines(40), {"length": 8, "channels": 3}, "belongs to pictures"),
            (lines(40), {"length": 0}, "length is 0"),
        ],
    )
    def test_one_message(self, write: Any, text: list[str], options: dict[str, Any], message: str) -> None:
        with pytest.raises((DataError, UsageError), match=message):
            open_data(write("s.csv", text), **{"modality": "series", **options})

    @pytest.mark.parametrize("shape", [(200,), (4, 3, 2, 2)])
    def test_arrays_that_are_no_series(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        np.save(tmp_path / "s.npy", np.zeros(shape))
        with pytest.raises(DataError, match=r"two axes|\[count, steps"):
            open_data(tmp_path / "s.npy", modality="series")

    def test_a_folder_without_series(self, tmp_path: Path) -> None:
        (tmp_path / "x.png").write_bytes(b"")
        with pytest.raises(DataError, match="not data of the kind series"):
            open_data(tmp_path, modality="series")


def test_an_archive_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "s.npz", x=np.zeros((100, 50, 20)))
    monkeypatch.setattr(np, "load", lambda *given, **options: pytest.fail("it was unpacked"))
    with pytest.raises(DataError, match="unpacks to 800,"):
        read_numbers(tmp_path / "s.npz", 100_000)
