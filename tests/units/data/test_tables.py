"""Tables from files: types of columns, labels, splits; a bad set whose faults are named; what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from belamy.data import Dataset, open_data
from belamy.data.doctor import examine
from belamy.errors import DataError, UsageError
from belamy.modalities import modality


def kinds(data: Dataset) -> dict[str, str]:
    return {column["name"]: column["kind"] for column in data.field.facts["columns"]}


def cells(data: Dataset) -> list[list[str]]:
    """The rows that a CSV file of the whole set holds."""
    kind: Any = modality("table")
    text = kind.join(data.store.read(torch.arange(len(data))), data.field).decode()
    return [line.split(",") for line in text.splitlines()[1:]]


@pytest.fixture
def table(tmp_path: Path) -> Any:
    """Writes a file of some lines and opens it."""

    def write(lines: list[str], name: str = "t.csv", encoding: str = "utf-8") -> Path:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes("\n".join(lines).encode(encoding))
        return tmp_path / name

    return write


GOOD = [
    "name,colour,age,height,since,note",
    *(
        f"n{i},{'red' if i % 3 else 'blue'},{20 + i},{1.5 + i / 100:.2f},2024-01-{1 + i % 28:02d},{'x' * (i % 4 > 0)}"
        for i in range(40)
    ),
]


class TestTypes:
    def test_each_column_is_what_its_cells_are(self, table: Any) -> None:
        data = open_data(table(GOOD), modality="table:drop=name")
        assert kinds(data) == {
            "colour": "category",
            "age": "integer",
            "height": "number",
            "since": "time",
            "note": "category",
        }
        assert data.shape == (2 + 1 + 1 + 1 + 2,) and len(data) == 40
        assert data.names is not None and data.names[0] == "t.csv row 2"

    def test_cells_come_back_as_they_were(self, table: Any) -> None:
        data = open_data(table(GOOD), modality="table:drop=name")
        assert cells(data) == [line.split(",")[1:] for line in GOOD[1:]]

    def test_what_is_fitted_is_the_training_split(self, table: Any) -> None:
        data = open_data(table([*GOOD, "z,red,99999,1.60,2024-01-05,x"]), modality="table:drop=name")
        train = data.store.read(data.indices("train"))
        age = next(each for each in data.field.facts["columns"] if each["name"] == "age")
        assert age["knots"][-1] == train[:, 2].max()

    def test_a_column_of_numbers_can_be_a_category(self, table: Any) -> None:
        data = open_data(table(GOOD), modality="table:drop=name,category=age")
        assert kinds(data)["age"] == "category"

    def test_a_column_becomes_the_label(self, table: Any) -> None:
        data = open_data(table(GOOD), modality="table:drop=name", labels="colour")
        assert data.classes == ("blue", "red") and "colour" not in kinds(data)
        assert data.label_counts() == {"blue": 14, "red": 26}

    @pytest.mark.parametrize(("delimiter", "name"), [(";", "t.csv"), ("\t", "t.tsv"), ("|", "t.csv")])
    def test_other_delimiters(self, table: Any, delimiter: str, name: str) -> None:
        data = open_data(table([line.replace(",", delimiter) for line in GOOD], name), modality="table:drop=name")
        assert cells(data) == [line.split(",")[1:] for line in GOOD[1:]]

    def test_decimal_commas_are_read_and_told(self, table: Any) -> None:
        lines = [line.replace(",", ";").replace(".", ",") for line in GOOD]
        data = open_data(table(lines), modality="table:drop=name")
        assert kinds(data)["height"] == "number" and "the decimal commas of column 'height'" in " ".join(data.notes)

    def test_train_and_test_files_are_the_splits(self, table: Any) -> None:
        folder = table(GOOD[:31], "set/train.csv").parent
        table([GOOD[0], *GOOD[31:]], "set/test.csv")
        data = open_data(folder, modality="table:drop=name")
        assert {name: len(indices) for name, indices in data.splits.items()} == {"train": 30, "test": 10}
        assert data.rule == "official" and data.names is not None and data.names[0] == "test.csv row 2"

    def test_days_and_months_are_told_apart_by_their_cells(self, table: Any) -> None:
        data = open_data(table(["d,x", *(f"{day}/3/2024,{day}" for day in range(1, 29))]), modality="table")
        assert data.field.facts["columns"][0]["pattern"] == "%d/%m/%Y"

    def test_arrays(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.arange(60).reshape(20, 3) + 0.5)
        assert kinds(open_data(tmp_path / "a.npy", modality="table")) == {
            "x1": "number",
            "x2": "number",
            "x3": "number",
        }

    def test_parquet(self, tmp_path: Path) -> None:
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        held = {"n": [1, 2, None, 4] * 8, "c": ["a", "b", "a", "b"] * 8}
        parquet.write_table(arrow.table(held), tmp_path / "t.parquet")
        data = open_data(tmp_path / "t.parquet", modality="table")
        assert kinds(data) == {"n": "integer", "c": "category"} and data.field.facts["columns"][0]["missing"]


BAD = [
    "id,age,age,colour,price,,when,fixed",
    *(
        f"{i},{20 + i % 30},{i % 5},{'red' if i % 2 else 'blue'},{1 + i / 10:.1f},{i % 3},2024-02-{1 + i % 28:02d},same"
        for i in range(60)
    ),
    "60,abc,1,red,2.0,1,2024-02-03,same",
    "61,30,1,red,2.0,1,03.02.2024,same",
    "62,30,1,red,2.0,1",
    "",
    "63,30,1,red,7000000.5,1,2024-02-03,same",
    "64,30,1, red,2.0,1,2024-02-03,same",
    "65,30,1,Red,2.0,1,2024-02-03,same",
    "66,,1,red,2.0,1,2024-02-03,same",
    "67,1,1,red,n/a,1,2024-02-03,same",
]


def test_the_faults_of_a_bad_table_are_named(tmp_path: Path) -> None:
    """Fourteen: BOM, empty name, double name, text among numbers, another form of date, ragged row, empty row, outlier,
    spaces, spelling, missing cells, constant column, column of row numbers, repeated rows, a leak between splits."""
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "train.csv").write_bytes(b"\xef\xbb\xbf" + "\n".join(BAD).encode())
    (folder / "test.csv").write_text("\n".join([BAD[0], *BAD[5:9], *BAD[5:7]]), encoding="utf-8")
    said = "\n".join(examine(folder, modality="table:drop=id").lines())
    for fault in (
        "train.csv begins with a byte order mark",
        "train.csv gives column 6 no name: it is called 'column 6'",
        "train.csv has the column name 'age' 2 times: column 3 is called 'age (2)'",
        "train.csv row 62: column 'age' holds 'abc', which is not a number",
        "train.csv row 63: column 'when' holds '03.02.2024', which is not of the form %Y-%m-%d",
        "train.csv row 64: 6 cells, where the header has 8",
        "train.csv has 1 empty row(s)",
        "column 'price': train.csv row 66 holds 7e+06",
        "1 cell(s) of 'colour' have spaces around them",
        "column 'colour' holds 'Red' and 'red', which count as different",
        "column 'age': 1 of 71 cells are missing, first in train.csv row 69",
        "column 'price': 1 of 71 cells are missing, first in train.csv row 70",
        "column 'fixed' is constant: 'same' everywhere",
        "6 rows repeat another; 4 group(s) lie across the splits",
        "test.csv row 2 = test.csv row 6 = train.csv row 6",
    ):
        assert fault in said, fault
    alone = "\n".join(open_data(folder, modality="table").notes)
    assert "column 'id'" not in alone  # two files, so the numbers begin again
    numbered = tmp_path / "numbered.csv"
    numbered.write_text("\n".join(BAD[:50]), encoding="utf-8")
    assert "column 'id' counts the rows: drop it" in "\n".join(open_data(numbered, modality="table").notes)


class TestRefused:
    @pytest.mark.parametrize(
        ("lines", "options", "message"),
        [
            (
                GOOD,
                {"modality": "table:most=20"},
                r"column 'name' holds 40 different texts.*--modality table:drop=name",
            ),
            (GOOD, {"labels": "color"}, "no column 'color'. Did you mean 'colour'"),
            (GOOD, {"modality": "table:drop=nam"}, "no column 'nam'.*Did you mean 'name'"),
            (GOOD, {"modality": "table:dorp=name"}, "no option 'dorp'"),
            (GOOD, {"modality": "tables"}, "no modality 'tables'"),
            (GOOD, {"modality": "table:drop=name+colour+age+height+since+note"}, "every column is dropped"),
            (GOOD, {"modality": "table:drop=name", "size": 32}, "--size 32 belongs to pictures"),
            (GOOD[:1], {}, "holds no rows below its header"),
            (["a,b", *["1/2/2024,3"] * 9], {}, "day and month cannot be told apart.*day_first=true"),
            (["a,b", *["1,"] * 9], {}, "column 'b' is empty.*drop=b"),
            (["a,b", *["1,x"] * 9], {"memory_budget": 10}, "too much|take more"),
        ],
    )
    def test_one_message(self, table: Any, lines: list[str], options: dict[str, Any], message: str) -> None:
        with pytest.raises((DataError, UsageError), match=message):
            open_data(table(lines), **{"modality": "table", **options})

    def test_another_encoding_says_how_to_save_it(self, table: Any) -> None:
        with pytest.raises(DataError, match=r"looks like LATIN1.*iconv"):
            open_data(table(["a,b", "größe,1"], encoding="latin-1"), modality="table")

    def test_files_of_other_columns(self, table: Any) -> None:
        folder = table(["a,b", "1,2"], "two/one.csv").parent
        table(["a,c", "1,2"], "two/two.csv")
        with pytest.raises(DataError, match=r"two\.csv has the columns a, c, but one\.csv has a, b"):
            open_data(folder, modality="table")

    @pytest.mark.parametrize("shape", [(8,), (5, 4, 3)])
    def test_arrays_that_are_no_rows(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        np.save(tmp_path / "a.npy", np.zeros(shape))
        with pytest.raises(DataError, match=r"two axes|\[rows, columns\]"):
            open_data(tmp_path / "a.npy", modality="table")

    def test_python_objects_are_never_loaded(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.array([[{"x": 1}]], dtype=object), allow_pickle=True)
        with pytest.raises(DataError, match="cannot be read as NumPy arrays"):
            open_data(tmp_path / "a.npy", modality="table")


class TestVectors:
    def test_rows_of_numbers(self, table: Any) -> None:
        data = open_data(
            table(["x,y,c", *(f"{i},{2 * i},{'ab'[i % 2]}" for i in range(30)), "5,?,a"]), modality="vector", labels="c"
        )
        assert data.shape == (2,) and len(data) == 30 and data.classes == ("a", "b")
        assert data.skipped == (("t.csv row 32", "column 'y' holds '?', which is not a number"),)
        assert data.batch(data.indices("train")).main.abs().max() == 1

    def test_arrays(self, tmp_path: Path) -> None:
        points = np.random.default_rng(0).normal(size=(40, 3))
        np.savez(tmp_path / "v.npz", x=points, y=np.arange(40) % 2)
        data = open_data(tmp_path / "v.npz", modality="vector")
        assert np.allclose(data.store.read(torch.arange(40)), points, atol=1e-6) and data.classes == ("0", "1")
