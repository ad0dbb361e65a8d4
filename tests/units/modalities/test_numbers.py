"""Series, vectors, categories and tables: raw and float, files, pictures, facts, distances."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from belamy.data import Dataset, open_data
from belamy.errors import Unreadable, UsageError
from belamy.modalities import modality
from belamy.modalities.columns import TableColumn, columns_of, fitted
from belamy.modalities.fields import Field

SERIES = Field("series", (3, 2), ("a", "b"), facts={"low": [0.0, -4.0], "high": [10.0, 4.0]})
VECTOR = Field("vector", (2,), ("x", "y"), facts={"low": [0.0, 5.0], "high": [4.0, 5.0]})
CATEGORY = Field("category", (), ("cat", "dog", "emu"))
COLUMNS = (
    TableColumn("kind", "category", values=("a", "b", "c")),
    TableColumn("age", "integer", missing=True, knots=(0.0, 10.0, 100.0), levels=(-1.0, 0.0, 1.0)),
    TableColumn("day", "time", knots=(0.0, 864_000.0), levels=(-1.0, 1.0), pattern="%Y-%m-%d"),
    TableColumn("price", "number", knots=(0.5, 2.5), levels=(-1.0, 1.0), decimals=2),
)
TABLE = Field(
    "table", (7,), tuple(each.name for each in COLUMNS), facts={"columns": [each.as_json() for each in COLUMNS]}
)


class TestScaling:
    def test_the_range_of_the_training_split_becomes_minus_one_to_one(self) -> None:
        raw = torch.tensor([[[0.0, -4.0], [10.0, 4.0], [5.0, 0.0]]])
        seen = modality("series").to_float(raw, SERIES)
        assert seen.tolist() == [[[-1, -1], [1, 1], [0, 0]]] and seen.dtype == torch.float32
        assert torch.equal(modality("series").to_raw(seen, SERIES), raw)

    def test_what_networks_make_is_clipped_to_the_range(self) -> None:
        made = modality("series").to_raw(torch.full((1, 3, 2), 7.0), SERIES)
        assert made.tolist() == [[[10, 4]] * 3]

    def test_what_never_changes_is_nought_and_itself_again(self) -> None:
        raw = torch.tensor([[1.0, 5.0]])
        seen = modality("vector").to_float(raw, VECTOR)
        assert seen.tolist() == [[-0.5, 0.0]]
        assert torch.equal(modality("vector").to_raw(seen + 0.0, VECTOR), raw)

    def test_without_facts_values_stay_as_they_are(self) -> None:
        plain = Field("vector", (2,))
        raw = torch.tensor([[0.25, -3.0]])
        assert torch.equal(modality("vector").to_float(raw, plain), raw)
        assert torch.equal(modality("vector").to_raw(raw, plain), raw)


class TestTable:
    def test_a_row_by_hand(self) -> None:
        """Category b, 55 years, the third of January 1970, 1.50."""
        raw = torch.tensor([[0, 1, 0, 55, 0, 172_800, 1.5]], dtype=torch.float64)
        seen = modality("table").to_float(raw, TABLE)
        torch.testing.assert_close(seen, torch.tensor([[-1, 1, -1, 0.5, -1, -0.6, 0.0]]))
        assert torch.equal(modality("table").to_raw(seen, TABLE), raw)
        assert modality("table").encode(raw[0], TABLE) == b"kind,age,day,price\nb,55,1970-01-03,1.50\n"

    def test_a_missing_cell_stays_missing(self) -> None:
        row = modality("table").decode(b"kind,age,day,price\nc,,1970-01-11,0.50\n", TABLE)
        assert row.tolist() == [0, 0, 1, 10, 1, 864_000, 0.5]
        again = modality("table").to_raw(modality("table").to_float(row[None], TABLE), TABLE)
        assert modality("table").encode(again[0], TABLE).decode().splitlines()[1] == "c,,1970-01-11,0.50"

    def test_networks_make_whole_cells(self) -> None:
        """The likeliest category, a whole age, a whole day, two decimals, whatever the network says."""
        made = torch.tensor([[-0.9, -0.2, -0.3, 0.503, -0.4, -0.61, 0.1234]])
        raw = modality("table").to_raw(made, TABLE)
        assert raw.tolist() == [[0, 1, 0, 55, 0, 172_800, 1.62]]

    def test_numbers_beyond_the_training_split_are_its_ends(self) -> None:
        raw = torch.tensor([[1, 0, 0, 1e6, 0, -5, 9.0]], dtype=torch.float64)
        again = modality("table").to_raw(modality("table").to_float(raw, TABLE), TABLE)
        assert again.tolist() == [[1, 0, 0, 100, 0, 0, 2.5]]

    @pytest.mark.parametrize("seed", range(4))
    def test_whole_numbers_and_categories_survive_whatever_their_distribution(self, seed: int) -> None:
        source = np.random.default_rng(seed)
        drawn = [
            source.integers(0, 3, 500),
            source.geometric(0.01, 500) * 1000,
            np.round(source.standard_cauchy(500) * 50),
        ]
        values = drawn[seed % 3].astype(np.float64)
        knots, levels = fitted(values)
        column = TableColumn("n", "integer", knots=knots, levels=levels)
        field = Field("table", (1,), ("n",), facts={"columns": [column.as_json()]})
        raw = torch.from_numpy(values)[:, None]
        seen = modality("table").to_float(raw, field)
        assert seen.min() == -1 and seen.max() == 1
        assert torch.equal(modality("table").to_raw(seen, field), raw)

    def test_ranks_are_uniform_where_no_value_repeats(self) -> None:
        values = np.random.default_rng(0).lognormal(size=20_000)
        column = TableColumn("x", "number", knots=fitted(values)[0], levels=fitted(values)[1], decimals=-1)
        field = Field("table", (1,), ("x",), facts={"columns": [column.as_json()]})
        seen = modality("table").to_float(torch.from_numpy(values)[:, None], field)
        counts = torch.histc(seen, 10, -1, 1) / len(values)
        assert (counts - 0.1).abs().max() < 0.01

    def test_facts_survive_json(self) -> None:
        facts = json.loads(json.dumps(TABLE.facts))
        assert facts == TABLE.facts and columns_of(facts) == COLUMNS

    @pytest.mark.parametrize("facts", [{}, {"columns": [{"name": "x", "kind": "number"}]}, {"columns": [{"nam": 1}]}])
    def test_damaged_facts_are_one_message(self, facts: dict[str, object]) -> None:
        with pytest.raises(UsageError, match="columns of the table are damaged"):
            modality("table").to_float(torch.zeros(1, 1), TABLE._replace(facts=facts))

    def test_a_description(self) -> None:
        rows = torch.tensor(
            [[1, 0, 0, 4, 0, 0, 1.0], [0, 1, 0, 6, 0, 0, 2.0], [0, 1, 0, 10, 1, 0, 1.5]], dtype=torch.float64
        )
        found = modality("table").describe(rows, TABLE)
        assert found["columns"]["kind"]["counts"] == {"a": 1, "b": 2, "c": 0}
        assert found["columns"]["age"]["missing"] == 1 and found["columns"]["age"]["mean"] == 5
        assert found["columns"]["day"]["low"] == "1970-01-01"
        assert sum(found["columns"]["price"]["histogram"]) == 3
        assert json.loads(json.dumps(found)) == found

    def test_correlations_are_those_of_numpy_over_the_rows_that_have_both(self) -> None:
        rows = torch.tensor(
            [[1, 0, 0, age, gone, 0, price] for age, gone, price in ((1, 0, 1), (2, 0, 3), (5, 0, 2), (9, 1, 9))],
            dtype=torch.float64,
        )
        found = modality("table").describe(rows, TABLE)["correlations"]
        assert found == {"age ~ price": pytest.approx(np.corrcoef([1, 2, 5], [1, 3, 2])[0, 1])}


FIELDS = {"series": SERIES, "vector": VECTOR, "category": CATEGORY, "table": TABLE}


def samples(name: str, count: int) -> torch.Tensor:
    """Raw samples that a file can hold."""
    source = torch.Generator().manual_seed(3)
    if name == "category":
        return torch.randint(3, (count,), generator=source)
    values = torch.rand(count, *FIELDS[name].shape, generator=source) * 2 - 1
    return modality(name).to_raw(values, FIELDS[name])


@pytest.mark.parametrize("name", FIELDS)
class TestEach:
    def test_a_file_holds_the_sample(self, name: str) -> None:
        for raw in samples(name, 20):
            assert torch.equal(modality(name).decode(modality(name).encode(raw, FIELDS[name]), FIELDS[name]), raw)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"step,a\n0,1\n", b"kind,age\n1,2\n", b"x,y\nq,w\n"])
    def test_another_file_is_unreadable(self, name: str, content: bytes) -> None:
        with pytest.raises(Unreadable):
            modality(name).decode(content, FIELDS[name])

    @pytest.mark.parametrize("count", [1, 7, 300])
    def test_a_sheet_is_a_picture_of_bounded_size(self, name: str, count: int) -> None:
        sheet = modality(name).sheet(samples(name, count), FIELDS[name])
        assert sheet.dtype == np.uint8 and sheet.ndim == 3 and sheet.shape[2] == 3
        assert max(sheet.shape) <= 4096 and sheet.std() > 1

    def test_distances_are_those_of_single_samples(self, name: str) -> None:
        a, b = samples(name, 4), samples(name, 3)
        found = modality(name).distances(a, b, FIELDS[name])
        assert found.shape == (4, 3) and (found >= 0).all()
        assert modality(name).distances(a, a, FIELDS[name]).diagonal().abs().max() < 1e-3
        single = modality(name).distances(a[2:3], b[1:2], FIELDS[name])
        torch.testing.assert_close(found[2:3, 1:2], single, rtol=1e-4, atol=1e-5)

    def test_facts_are_json(self, name: str) -> None:
        found = modality(name).describe(samples(name, 9), FIELDS[name])
        assert json.loads(json.dumps(found)) == found

    def test_nothing_is_written_to(self, name: str) -> None:
        raw = samples(name, 5)
        before = raw.clone()
        modality(name).to_raw(modality(name).to_float(raw, FIELDS[name]), FIELDS[name])
        assert torch.equal(raw, before)


class TestSources:
    @pytest.mark.parametrize("name", ["sines", "waves"])
    def test_they_are_scaled_by_the_training_split(self, name: str) -> None:
        data: Dataset = open_data(f"{name}:count=200")
        train = data.batch(data.indices("train")).main
        assert train.min() == -1 and train.max() == 1 and train.shape == (180, 30, 1)

    def test_a_sine_obeys_its_equation(self) -> None:
        """x(t-1) + x(t+1) = 2 cos(ω) x(t) with one ω in [1, 5] periods for each series."""
        data = open_data("sines:count=50,steps=40")
        values = data.store.read(torch.arange(50))[:, :, 0].double()
        ratio = ((values[:, :-2] + values[:, 2:]) * values[:, 1:-1]).sum(1) / values[:, 1:-1].square().sum(1)
        torch.testing.assert_close(values[:, :-2] + values[:, 2:], ratio[:, None] * values[:, 1:-1], rtol=0, atol=1e-5)
        periods = torch.acos(ratio / 2) * 40 / (2 * torch.pi)
        assert periods.min() >= 1 - 1e-3 and periods.max() <= 5 + 1e-3 and periods.std() > 0.8

    def test_waves_have_the_shape_of_their_class(self) -> None:
        data = open_data("waves:count=300,noise=0")
        values = data.store.read(torch.arange(300))[:, :, 0]
        distinct = torch.tensor([len(each.unique()) for each in values])
        assert data.labels is not None
        assert (distinct[data.labels == 1] == 2).all() and (distinct[data.labels != 1] > 6).all()

    @pytest.mark.parametrize("wrong", ["sines:count=1", "sines:steps=0", "waves:count=2", "waves:noise=-1"])
    def test_wrong_numbers_are_refused(self, wrong: str) -> None:
        with pytest.raises(UsageError, match="must be in"):
            open_data(wrong)
