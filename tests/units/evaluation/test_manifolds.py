"""Neighbours against brute force, manifolds against closed forms and printed values."""

from __future__ import annotations

from functools import partial
from math import inf

import numpy as np
import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation import neighbours
from belamy.evaluation.clusters import centres_of, sizes_of
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics.density_coverage import Metric as DensityCoverage
from belamy.evaluation.metrics.precision_recall import Metric as PrecisionRecall
from belamy.evaluation.metrics.precision_recall import measure as precision_recall
from belamy.evaluation.metrics.precision_recall import realism
from belamy.evaluation.neighbours import closest_pairs, coverings, nearest, nearest_in_sum, nearest_within
from belamy.evaluation.statistics import Interval


def plain(count: int = 150) -> tuple[Tensor, Tensor]:
    return torch.randn(count, 20), torch.randn(2 * count, 20)


def far_off(count: int = 150) -> tuple[Tensor, Tensor]:
    """Clusters a hundred thousand times as far apart as they are wide."""
    queries, points = plain(count)
    return (each + 1e5 * torch.randint(0, 3, (len(each), 1)) for each in (queries, points))  # type: ignore[return-value]


def doubled(count: int = 150) -> tuple[Tensor, Tensor]:
    """Points that repeat, and queries that equal some of them."""
    _, points = plain(count)
    points[:count] = points[count:]
    return points[count : count + 50].clone(), points


def huge(count: int = 150) -> tuple[Tensor, Tensor]:
    queries, points = plain(count)
    return queries.double() * 1e30, points.double() * 1e30


def pixels(count: int = 150) -> tuple[Tensor, Tensor]:
    points = torch.randint(0, 4, (2 * count, 12), dtype=torch.uint8)
    return points[:count] // 2, points


def squared(queries: Tensor, points: Tensor) -> Tensor:
    """Distances pair by pair in float64, without a product of matrices."""
    return (queries.double()[:, None] - points.double()).square().sum(2).sqrt()


SETS = [plain, far_off, doubled, huge, pixels]
by_name = pytest.mark.parametrize("draw", SETS, ids=lambda draw: draw.__name__)


@pytest.fixture(params=[1 << 22, 1 << 10], ids=["one block", "many blocks"])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", request.param)


@pytest.mark.usefixtures("block")
class TestNeighbours:
    @by_name
    def test_distances_are_those_of_brute_force(self, draw: partial[tuple[Tensor, Tensor]]) -> None:
        queries, points = draw()
        expected = squared(queries, points).sort(1).values
        found = nearest(queries, points, 5)
        assert torch.equal(found.distances, expected[:, :5])
        assert torch.equal(squared(queries, points).gather(1, found.indices), found.distances)

    @by_name
    def test_a_row_is_not_its_own_neighbour_but_its_double_is(self, draw: partial[tuple[Tensor, Tensor]]) -> None:
        _, points = draw()
        expected = squared(points, points).fill_diagonal_(inf).sort(1).values
        found = nearest_within(points, 3)
        assert torch.equal(found.distances, expected[:, :3])
        assert not (found.indices == torch.arange(len(points))[:, None]).any()

    @by_name
    def test_balls_are_closed(self, draw: partial[tuple[Tensor, Tensor]]) -> None:
        queries, points = draw()
        radii = nearest(points, queries, 2).distances[:, 1]  # each passes exactly through a query
        expected = (squared(queries, points) <= radii).sum(1)
        assert torch.equal(coverings(queries, centres=points, radii=radii), expected)
        assert expected.sum() >= 2 * len(points)

    @by_name
    def test_the_closest_pairs_are_those_of_brute_force(self, draw: partial[tuple[Tensor, Tensor]]) -> None:
        _, points = draw()
        rows, columns = torch.triu_indices(len(points), len(points), 1)
        everything = squared(points, points)[rows, columns]
        distances, pairs = closest_pairs(points, 25)
        assert torch.equal(distances, everything.sort().values[:25])
        assert torch.equal(squared(points, points)[pairs[:, 0], pairs[:, 1]], distances)
        assert (pairs[:, 0] < pairs[:, 1]).all() and len({tuple(pair) for pair in pairs.tolist()}) == 25

    def test_the_k_smallest_sums_are_chosen_and_sorted(self) -> None:
        queries, points = pixels()
        expected = (queries.int()[:, None] - points.int()).abs().sum(2)
        found = nearest_in_sum(queries, points, 4)
        assert torch.equal(found.distances, expected.sort(1).values[:, :4].double())
        assert torch.equal(expected.gather(1, found.indices).double(), found.distances)

    def test_equal_rows_are_at_distance_zero_in_many_dimensions(self) -> None:
        rows = torch.randn(40, 2048) + 100  # where float32 products give 0.05
        assert nearest(rows, rows.clone()).distances.max() == 0


@pytest.mark.parametrize("smooth", [True, False])
def test_a_sketch_of_many_rows_loses_no_pair(smooth: bool) -> None:
    """Of smooth rows it passes few pairs, of noise all, so that the rows themselves have to be looked at."""
    rows = torch.randn(2100, 300)
    rows = rows[:, :8] @ torch.randn(8, 300) + 0.01 * rows if smooth else rows
    first, second = torch.triu_indices(2100, 2100, 1)
    rows = rows.double()
    near = torch.cdist(rows, rows)[first, second].topk(60, largest=False).indices  # good to 1e-6 by products
    exact = (rows[first[near]] - rows[second[near]]).square().sum(1).sqrt().sort().values
    assert torch.equal(closest_pairs(rows, 30)[0], exact[:30])


def test_all_pairs_come_if_there_are_no_more() -> None:
    distances, pairs = closest_pairs(torch.tensor([[0.0], [5.0], [6.0]]), 20)
    assert distances.tolist() == [1, 5, 6] and pairs.tolist() == [[1, 2], [0, 1], [0, 2]]


def test_more_neighbours_than_there_are_is_a_message() -> None:
    with pytest.raises(UsageError, match="3 nearest neighbours are asked for, but there are 2 to choose from"):
        nearest_within(torch.zeros(3, 2), 3)
    with pytest.raises(UsageError, match="no distance"):
        nearest(torch.zeros(3, 2), torch.zeros(3, 4))


def test_k_means_finds_clusters_whatever_the_order() -> None:
    middles = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]]).double()
    rows = (middles.repeat(50, 1) + 0.3 * torch.randn(150, 2)).double()
    centres = centres_of(rows, 3)
    assert sorted(sizes_of(rows, centres)[1].tolist()) == [50, 50, 50]
    assert torch.allclose(centres, centres_of(rows.flip(0), 3))
    assert nearest(middles, centres).distances.max() < 0.2


def test_k_means_fills_empty_cells_and_takes_equal_rows() -> None:
    assert centres_of(torch.ones(20, 3), 4).shape == (4, 3)


def judged(metric: PrecisionRecall | DensityCoverage, real: Tensor, fake: Tensor) -> dict[str, float]:
    metric.update(real=ExtractedFeatures(real), fake=ExtractedFeatures(fake))
    return metric.compute()


class TestManifolds:
    def test_identical_sets(self) -> None:
        rows = torch.randn(200, 8)
        values = judged(PrecisionRecall(), rows, rows)
        assert values["precision"] == values["recall"] == values["f1"] == 1
        values = judged(DensityCoverage(k=4), rows, rows)
        assert values == {"density": pytest.approx(5 / 4), "coverage": 1.0}  # its k neighbours and itself

    def test_points_that_repeat_lie_in_their_own_balls(self) -> None:
        """With open balls, as in the published program, all of these are 0."""
        prdc = pytest.importorskip("prdc")
        ones = torch.ones(30, 4)
        values = judged(PrecisionRecall(), ones, ones) | judged(DensityCoverage(k=5), ones, ones)
        assert values["precision"] == values["recall"] == values["coverage"] == 1 and values["density"] == 30 / 5
        theirs = prdc.compute_prdc(ones.numpy(), ones.numpy(), 5)
        assert theirs["density"] == theirs["coverage"] == theirs["precision"] == 0

    def test_sets_far_apart(self) -> None:
        values = judged(PrecisionRecall(), torch.randn(50, 3), torch.randn(60, 3) + 100)
        assert values["precision"] == values["recall"] == values["f1"] == 0 and values["realism"] < 0.1

    def test_collapse_and_scatter_are_told_apart(self) -> None:
        real = torch.randn(300, 8)
        collapsed = judged(PrecisionRecall(), real, 0.1 * torch.randn(300, 8))
        strewn = judged(PrecisionRecall(), real, 3 * torch.randn(300, 8))
        assert collapsed["precision"] == 1 and collapsed["recall"] < 0.02
        assert strewn["precision"] < 0.2 and strewn["recall"] > 0.9

    def test_as_the_published_program(self) -> None:
        prdc = pytest.importorskip("prdc")
        real, fake = torch.randn(400, 16), 1.1 * torch.randn(300, 16) + 0.1
        theirs = prdc.compute_prdc(real.numpy(), fake.numpy(), 5)
        ours = judged(PrecisionRecall(k=5), real, fake) | judged(DensityCoverage(k=5), real, fake)
        for name in ("precision", "recall", "density", "coverage"):
            assert ours[name] == pytest.approx(float(theirs[name]), abs=1e-5), name

    def test_coverage_of_one_distribution_is_one_less_two_to_the_minus_k(self) -> None:
        values = judged(DensityCoverage(k=3), torch.rand(3000, 2), torch.rand(3000, 2))
        assert values["coverage"] == pytest.approx(1 - 2**-3, abs=0.02)
        assert values["density"] == pytest.approx(1, abs=0.08)

    def test_realism_is_the_largest_ratio_over_the_narrower_balls(self) -> None:
        centres, radii = torch.tensor([[0.0], [10.0], [20.0]]), torch.tensor([2.0, 1.0, 50.0]).double()
        found = realism(torch.tensor([[4.0], [9.5], [10.0]]), centres=centres, radii=radii)
        assert found.tolist() == [0.5, 2.0, inf]

    def test_intervals_and_notes(self) -> None:
        metric = PrecisionRecall()
        values = judged(metric, torch.randn(200, 4), torch.randn(200, 4))
        intervals = metric.intervals()
        assert intervals.keys() == values.keys()
        assert all(low <= value <= high for value, low, high in intervals.values())
        assert intervals["precision"].high <= 1 and intervals["precision"].low < values["precision"]
        assert any("200 are fewer than 10,000" in note for note in metric.notes)

    def test_too_few(self) -> None:
        metric = PrecisionRecall(k=3)
        assert judged(metric, torch.randn(3, 4), torch.randn(50, 4)) == {} == metric.intervals()
        assert "at least 4 images" in metric.notes[0]

    @pytest.mark.parametrize("metric", [PrecisionRecall, DensityCoverage], ids=["precision-recall", "density-coverage"])
    def test_no_neighbour_is_a_message(self, metric: type[PrecisionRecall] | type[DensityCoverage]) -> None:
        with pytest.raises(UsageError, match="k is 0"):
            metric(k=0)

    @pytest.mark.slow
    def test_the_printed_values(self) -> None:
        """README of the program of Naeem et al. 2020: two sets of 10,000 draws of one Gaussian of 1,000 numbers."""
        source = np.random.default_rng(0)
        real, fake = (torch.from_numpy(source.standard_normal((10_000, 1000), dtype=np.float32)) for _ in range(2))
        values = precision_recall(real, fake, k=5) | judged(DensityCoverage(k=5), real, fake)
        assert values["precision"] == pytest.approx(0.477, abs=0.02)
        assert values["recall"] == pytest.approx(0.471, abs=0.02)
        assert values["density"] == pytest.approx(1.056, abs=0.05)
        assert values["coverage"] == pytest.approx(0.974, abs=0.01)

    @pytest.mark.slow
    @pytest.mark.parametrize("scale", [1.0, 0.8])
    def test_intervals_cover(self, scale: float) -> None:
        """Over draws of both sets; drawing quarters overstates the error rather than understating it."""
        found: dict[str, list[Interval]] = {}
        for _ in range(100):
            for metric in (PrecisionRecall(), DensityCoverage()):
                judged(metric, torch.randn(300, 8), scale * torch.randn(240, 8))
                for name, interval in metric.intervals().items():
                    found.setdefault(name, []).append(interval)
        for name, each in found.items():
            truth = sum(interval.value for interval in each) / len(each)
            covered = sum(low <= truth <= high for _, low, high in each)
            assert covered >= 90, f"{name}: {covered} of 100"
