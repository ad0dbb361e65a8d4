"""Tests of copying on sets where the answer is known: fresh draws, copies with noise, and a collapsed generator."""

from __future__ import annotations

from collections.abc import Callable
from math import e, inf, log, pi, sqrt
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.metrics import METRICS, Metric
from belamy.evaluation.metrics.birthday import CollisionCounts
from belamy.evaluation.metrics.birthday import Metric as Birthday
from belamy.evaluation.metrics.data_copying import ranked
from belamy.evaluation.metrics.mifid import cosine_distances
from belamy.evaluation.metrics.modes import Metric as Modes
from belamy.evaluation.metrics.ndb import divergence, two_sided
from belamy.evaluation.metrics.neighbours import Metric as Neighbours
from belamy.evaluation.metrics.parzen import bandwidth, log_likelihood
from belamy.evaluation.statistics import Interval
from belamy.evaluation.two_samples import holm, share_deviates
from belamy.registry import Part

SIZE = 32


def shown(name: str, **sides: Any) -> Any:
    """A metric, with options, that has seen features or images of some sides."""
    seen = {
        side: each if isinstance(each, ExtractedFeatures) else ExtractedFeatures(each) for side, each in sides.items()
    }
    known = [each.probabilities.shape[1] for each in seen.values() if each.probabilities is not None]
    metric: Any = METRICS.build(Part.parse(name), classes=max(known, default=10))
    metric.update(**seen)
    return metric


def pictures(images: Tensor) -> ExtractedFeatures:
    """Images with their pixels for features."""
    return ExtractedFeatures(images.flatten(1).double() / 255, images=images)


@pytest.fixture(scope="module")
def toy() -> dict[str, Tensor]:
    """Of one Gaussian of 32 numbers: what was learned from, what was held out, and three generators."""
    source = torch.Generator().manual_seed(0)

    def draw(count: int) -> Tensor:
        return torch.randn(count, SIZE, dtype=torch.float64, generator=source)

    train = draw(3000)
    return {
        "train": train, "real": draw(1500), "fresh": draw(1500), "copies": train[:1500] + 0.05 * draw(1500),
        "collapsed": 0.5 * draw(1500),
    }  # fmt: skip


def told(toy: dict[str, Tensor], name: str, fake: str) -> dict[str, float]:
    values: dict[str, float] = shown(name, real=toy["real"], train=toy["train"], fake=toy[fake]).compute()
    return values


class TestToy:
    """The printed values: authenticity 78.6, 0.0, 9.8 %; C_T of one cell +1.4, -47.4, -46.6; 2, 0, 9 of 50 bins."""

    @pytest.mark.parametrize(
        ("fake", "share", "near"), [("fresh", 0.786, 0.03), ("copies", 0, 0), ("collapsed", 0.1, 0.06)]
    )
    def test_authenticity(self, toy: dict[str, Tensor], fake: str, share: float, near: float) -> None:
        values = told(toy, "authenticity", fake)
        assert values["authenticity"] == pytest.approx(share, abs=near)
        assert 0.7 < values["authenticity-held-out"] < 0.8
        assert (values["authenticity-p"] > 0.05) == (fake == "fresh")

    @pytest.mark.parametrize(
        ("fake", "low", "high"), [("fresh", -3, 3), ("copies", -47.5, -47.3), ("collapsed", -47.4, -46)]
    )
    def test_data_copying(self, toy: dict[str, Tensor], fake: str, low: float, high: float) -> None:
        values = told(toy, "data-copying:cells=1", fake)
        assert low <= values["c-t"] <= high
        assert (values["c-t-p"] < 1e-3) == (fake != "fresh")

    @pytest.mark.parametrize(("fake", "low", "high"), [("fresh", 0, 7), ("copies", 0, 3), ("collapsed", 8, 25)])
    def test_bins_see_collapse_but_no_copies(self, toy: dict[str, Tensor], fake: str, low: int, high: int) -> None:
        values = told(toy, "ndb:bins=50", fake)
        assert low <= values["ndb"] <= high
        assert values["ndb-holm"] <= values["ndb"] and (values["ndb-holm"] > 0) == (fake == "collapsed")

    def test_the_memorisation_distance_sees_copies_alone(self, toy: dict[str, Tensor]) -> None:
        values = {fake: told(toy, "mifid", fake) for fake in ("fresh", "copies", "collapsed")}
        held_out = values["fresh"]["memorisation-held-out"]
        assert values["copies"]["memorisation"] < 0.01 * held_out
        for fake in ("fresh", "collapsed"):
            assert values[fake]["memorisation"] == pytest.approx(held_out, rel=0.02)
        assert values["copies"]["mifid"] > 50 * values["fresh"]["mifid"]


class TestAuthenticity:
    def test_by_hand(self) -> None:
        train = torch.tensor([[0.0], [1.0], [10.0]]).double()
        values = shown(
            "authenticity", train=train, fake=torch.tensor([[0.5], [2.5], [15.0], [-3.0]]).double()
        ).compute()
        assert values == {"authenticity": 0.5}  # 0.5 ≤ 1, 1.5 > 1, 5 ≤ 9, 3 > 1

    def test_copies_of_repeated_images_are_no_originals(self) -> None:
        train = torch.randn(20, 3).repeat(2, 1)
        assert shown("authenticity", train=train, fake=train[:7]).compute() == {"authenticity": 0.0}

    def test_shares_are_compared_as_by_hand(self) -> None:
        found = share_deviates(torch.tensor([10, 5]), 100, torch.tensor([20, 5]), 100)
        assert found.tolist() == pytest.approx([-0.1 / sqrt(0.15 * 0.85 * 2 / 100), 0])
        assert float(share_deviates(torch.tensor(5), 5, torch.tensor(5), 5)) == 0


class TestDataCopying:
    def test_ranks_as_scipy_has_them(self) -> None:
        from scipy import stats

        first, second = (torch.randint(0, 30, (n,)).double() for n in (60, 45))
        z, _ = ranked(first, second)
        theirs = stats.mannwhitneyu(second.numpy(), first.numpy(), use_continuity=False, method="asymptotic")
        assert 2 * float(torch.special.ndtr(torch.tensor(-abs(z)).double())) == pytest.approx(theirs.pvalue, rel=1e-6)

    def test_all_equal_distances_tell_nothing(self) -> None:
        assert ranked(torch.ones(30), torch.ones(40)) == (0.0, 0.0)

    def test_cells_with_few_images_are_left_out_and_noted(self) -> None:
        far = torch.cat([torch.randn(100, 2), torch.randn(100, 2) + 50])
        metric = shown("data-copying:cells=2", train=far, real=far + 0.1, fake=torch.randn(100, 2))
        assert metric.compute() and "50% of the held-out images" in metric.notes[0]

    def test_nothing_near_is_a_note(self) -> None:
        metric = shown("data-copying", train=torch.randn(50, 2), real=torch.randn(5, 2), fake=torch.randn(50, 2))
        assert metric.compute() == {} and "needs 20" in metric.notes[0]


class TestMemorisationDistance:
    def test_the_mean_is_over_generated_images(self) -> None:
        """Five training images again and again: over the training images the mean would hardly fall."""
        train, real = torch.randn(500, 16).double(), torch.randn(300, 16).double()
        metric = shown("mifid", train=train, real=real, fake=train[:5].repeat(60, 1))
        assert metric.compute()["memorisation"] == 0 and metric.compute()["mifid"] > 1e10
        assert "copies" in metric.notes[0]

    def test_cosines_have_no_sign(self) -> None:
        rows = torch.nn.functional.normalize(torch.randn(30, 8, dtype=torch.float64))
        train = torch.nn.functional.normalize(torch.randn(40, 8, dtype=torch.float64))
        expected = (1 - (rows @ train.T).abs()).amin(1)
        assert torch.allclose(cosine_distances(rows, train), expected, atol=1e-12)
        assert cosine_distances(-train, train).max() == 0

    def test_a_threshold_of_ones_own(self) -> None:
        with pytest.raises(UsageError, match="between 0 and 1"):
            shown("mifid:epsilon=2")


class TestBirthday:
    @pytest.mark.parametrize(("support", "batch", "printed"), [(1000, 40, 873), (10_000, 118, 9006)])
    def test_the_known_answers_lie_in_the_interval(self, support: int, batch: int, printed: int) -> None:
        pool = torch.rand(support, 4)
        fake = pool[torch.randint(support, (150 * batch,))]
        images = torch.zeros(len(fake), 1, 1, 1, dtype=torch.uint8)
        metric = shown(f"birthday:by=features,batch={batch},threshold=0", fake=ExtractedFeatures(fake, images=images))
        _, low, high = metric.intervals()["birthday-support"]
        assert low < printed < high and low < support < high

    def test_the_formula(self) -> None:
        found = CollisionCounts(40, 100, 55).support
        assert found.value == pytest.approx(-1600 / (2 * log(0.45)))
        assert found.low < found.value < found.high
        assert CollisionCounts(2, 50, 50).support.value == 1 and CollisionCounts(9, 20, 0).support[0::2] == (inf, inf)

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_the_interval_holds_the_truth_at_every_seed(self, seed: int) -> None:
        """One order for all data sets parts equal rows, which lie side by side once sorted, too often in every one."""
        found = []
        for _ in range(100):
            fake = ExtractedFeatures(torch.randint(300, (1500, 1)).double(), images=torch.zeros(1500, 1, 1, 1).byte())
            metric = shown(f"birthday:by=features,threshold=0,seed={seed}", fake=fake)
            found.append(metric.intervals()["birthday-support"])
        covered = sum(low <= 300 <= high for _, low, high in found)
        assert covered >= 93, f"{covered} of 100"
        assert sum(each.value for each in found) / 100 == pytest.approx(300, rel=0.06)

    def test_each_table_is_parted_in_another_way_whatever_order_it_came_in(self) -> None:
        metric, table = Birthday(), torch.arange(200.0)[:, None]
        order = metric._order(table, "batches", 10)
        assert torch.equal(order, metric._order(table.flip(0), "batches", 10))
        assert not torch.equal(order, metric._order(table + 1, "batches", 10))
        assert not torch.equal(order, metric._order(table, "batches", 11))

    def test_the_batch_is_found_and_a_collapsed_generator_seen(self) -> None:
        real = torch.randint(0, 256, (400, 1, 6, 6), dtype=torch.uint8)
        fake = real[torch.randint(30, (2000,))].clone()
        fake[:, 0, 0, 0] ^= 1  # not quite the same
        metric = shown("birthday", real=pictures(real), fake=pictures(fake))
        values, interval = metric.compute(), metric.intervals()["birthday-support"]
        assert 5 <= values["birthday-batch"] <= 9 and interval.low < 40 and interval.high > 25
        assert values["birthday-support-real"] > 1000

    def test_the_closest_pairs_are_shown(self) -> None:
        fake = torch.randint(0, 256, (60, 3, 8, 8), dtype=torch.uint8)
        fake[7] = fake[41]
        found = shown("birthday:shown=1", fake=pictures(fake))._found().closest["fake"]
        assert found[0].tolist() == [0.0] and torch.equal(found[1], fake[[7, 41]])

    def test_real_images_set_the_threshold_and_its_reach_is_told(self) -> None:
        real = torch.randint(0, 256, (50, 1, 4, 4), dtype=torch.uint8)
        metric = shown("birthday", real=pictures(real), fake=pictures(real.repeat(4, 1, 1, 1)))
        closest = torch.pdist(real.flatten(1).double() / 255).min()
        assert metric._found().threshold == pytest.approx(float(closest), rel=1e-12)
        assert metric._found().resolution == 50 * 49 / 2

    def test_no_pair_is_a_bound_and_a_note(self) -> None:
        fake = torch.randint(0, 256, (100, 1, 8, 8), dtype=torch.uint8)
        metric = shown("birthday", fake=pictures(fake))
        value, low, high = metric.intervals()["birthday-support"]
        assert value == high == inf and 10 < low < inf
        assert any("no batch has a pair" in note for note in metric.notes)
        assert any("equal throughout" in note for note in metric.notes)

    def test_options(self) -> None:
        for options, wrong in (("batch=1", "2 or more"), ("quantile=0", "between 0 and 1"), ("shown=0", "1 or more")):
            with pytest.raises(UsageError, match=wrong):
                shown(f"birthday:{options}")


class TestNeighbours:
    def metric(self) -> Neighbours:
        train = torch.randint(0, 256, (40, 1, 6, 6), dtype=torch.uint8)
        real = torch.randint(0, 256, (30, 1, 6, 6), dtype=torch.uint8)
        fake = torch.cat([torch.randint(0, 256, (10, 1, 6, 6), dtype=torch.uint8), train[[12, 3]]])
        found: Neighbours = shown(
            "neighbours:k=3,shown=2", train=pictures(train), real=pictures(real), fake=pictures(fake)
        )
        return found

    def test_copies_are_shown_first_beside_their_originals(self) -> None:
        metric = self.metric()
        found = metric.sides.once(metric._measured)
        assert found.suspects.tolist() == [10, 11]
        for near in (found.in_features, found.in_pixels):
            assert near.indices[:, 0].tolist() == [12, 3] and near.distances[:, 0].tolist() == [0, 0]
        assert len(metric.figures()) == 2

    def test_numbers(self) -> None:
        metric = self.metric()
        values, intervals = metric.compute(), metric.intervals()
        far = {
            side: torch.cdist(*(metric.sides.table(each) for each in (side, "train"))).amin(1)
            for side in ("fake", "real")
        }
        assert values["nearest-features"] == pytest.approx(float(far["fake"].median() / far["real"].median()), rel=1e-6)
        assert values["nearest-close"] == int((far["fake"] <= far["real"].quantile(0.01)).sum()) / 12 >= 2 / 12
        assert 0.8 < values["nearest-pixels"] < 1.2 and 0.8 < values["nearest-features"] < 1.2
        assert all(low <= values[name] <= high for name, (_, low, high) in intervals.items())
        assert "hardly tell" in metric.notes[0]


class TestParzen:
    def test_the_likelihood_is_that_of_the_mixture(self) -> None:
        rows, windows = torch.randn(7, 3).double(), torch.randn(5, 3).double()
        densities = (-(rows[:, None] - windows).square().sum(2) / (2 * 0.4**2)).exp() / (2 * pi * 0.4**2) ** 1.5
        assert torch.allclose(log_likelihood(rows, windows, 0.4), densities.mean(1).log())

    def test_no_width_is_better(self) -> None:
        rows, windows = torch.randn(40, 3).double(), torch.randn(50, 3).double()
        best = bandwidth(rows, windows, 1e-6)
        score = {
            factor: float(log_likelihood(rows, windows, best * factor).mean()) for factor in (0.5, 0.99, 1, 1.01, 2)
        }
        assert max(score, key=lambda factor: score[factor]) == 1

    def test_a_gaussian_comes_near_its_entropy_from_below(self) -> None:
        values = shown(
            "parzen:by=features", real=torch.randn(1500, 1).double(), fake=torch.randn(1500, 1).double()
        ).compute()
        assert values["parzen"] == pytest.approx(-0.5 * log(2 * pi * e), abs=0.08)
        assert 0.05 < values["parzen-bandwidth"] < 0.6

    def test_it_is_labelled_historical(self) -> None:
        images = torch.randint(0, 256, (20, 1, 4, 4), dtype=torch.uint8)
        metric = shown("parzen", real=pictures(images), fake=pictures(images.flip(0)))
        assert "historical" in metric.notes[0] and metric.compute()


class TestBins:
    def test_equal_shares_differ_in_five_percent_of_bins(self) -> None:
        draws = torch.distributions.Multinomial(5000, torch.ones(100) / 100)
        tests = torch.cat([two_sided(draws.sample().long(), draws.sample().long()) for _ in range(40)])
        assert float((tests < 0.05).double().mean()) == pytest.approx(0.05, abs=0.012)

    def test_the_expectation_of_the_divergence(self) -> None:
        """(K - 1)(1/n + 1/m)/8 for equal shares, as the paper's own validation set shows: 0.0014."""
        one, other = (torch.distributions.Multinomial(n, torch.ones(100) / 100) for n in (50_000, 10_000))
        found = [divergence(one.sample(), other.sample())[0] for _ in range(30)]
        assert sum(found) / 30 == pytest.approx(99 / 8 * (1 / 50_000 + 1 / 10_000), rel=0.1)
        assert divergence(torch.tensor([1, 0]), torch.tensor([0, 1]))[0] == pytest.approx(log(2))

    @pytest.mark.parametrize("tilt", [0.0, 1.0])
    def test_the_error_of_the_divergence(self, tilt: float) -> None:
        one = torch.distributions.Multinomial(3000, torch.ones(50))
        other = torch.distributions.Multinomial(2000, torch.linspace(1, 1 + tilt, 50))
        found = torch.tensor([divergence(one.sample(), other.sample()) for _ in range(200)])
        assert float(found[:, 1].square().mean().sqrt()) == pytest.approx(float(found[:, 0].std()), rel=0.2)

    def test_holm_stops_at_the_first_that_fails(self) -> None:
        assert int((holm(torch.tensor([0.001, 0.02, 0.0249, 0.9])) <= 0.05).sum()) == 1
        assert holm(torch.zeros(4)).tolist() == [0, 0, 0, 0]

    def test_a_missing_class_is_seen(self) -> None:
        middles = 20 * torch.randn(10, 4)
        draw: Callable[[int, int], Tensor] = lambda n, k: middles[torch.randint(k, (n,))] + torch.randn(n, 4)  # noqa: E731
        values = shown("ndb:bins=10", train=draw(2000, 10), real=draw(1000, 10), fake=draw(1000, 9)).compute()
        assert values["ndb-holm"] >= 1 and values["ndb-held-out"] <= 3


def classes(shares: Tensor, count: int) -> ExtractedFeatures:
    told = torch.multinomial(shares, count, replacement=True)
    return ExtractedFeatures(torch.zeros(count, 1), torch.nn.functional.one_hot(told, len(shares)).double())


class TestModes:
    def test_all_classes_often_seen_leave_no_doubt(self) -> None:
        metric = Modes(4)
        metric.update(fake=classes(torch.tensor([1.0, 1, 1, 0]), 300))
        assert metric.intervals()["modes"] == Interval(3, 3, 3)

    def test_classes_seen_once_leave_doubt(self) -> None:
        metric = Modes(1000)
        metric.update(fake=classes(torch.ones(1000), 500))
        value, low, high = metric.intervals()["modes"]
        assert low < value - 10 and high > value + 10


DRAWS: dict[str, tuple[str, str, Callable[[], dict[str, Any]]]] = {
    "authenticity": (
        "authenticity", "authenticity-held-out",
        lambda: {side: torch.randn(n, 8) for side, n in (("train", 1500), ("real", 150), ("fake", 2))},
    ),
    "c-t": (
        "data-copying", "c-t",
        lambda: {"train": torch.randn(2000, 8), "real": torch.randn(200, 8), "fake": 0.9 * torch.randn(200, 8)},
    ),
    "memorisation": (
        "mifid", "memorisation",
        lambda: {side: torch.randn(n, 8) for side, n in (("train", 1500), ("real", 20), ("fake", 150))},
    ),
    "modes": ("modes", "modes", lambda: {"fake": classes(torch.arange(1, 401).float(), 600)}),
    "kl-equal": ("modes", "kl", lambda: {side: classes(torch.ones(10), 500) for side in ("real", "fake")}),
    "kl": (
        "modes", "kl",
        lambda: {"real": classes(torch.ones(10), 900), "fake": classes(torch.arange(1, 11).float(), 500)},
    ),
    "birthday": (
        "birthday:by=features,threshold=0", "birthday-support",
        lambda: {
            "fake": ExtractedFeatures(torch.randint(300, (1500, 1)).double(), images=torch.zeros(1500, 1, 1, 1).byte())
        },
    ),
    "parzen": ("parzen:by=features", "parzen", lambda: {side: torch.randn(300, 2) for side in ("real", "fake")}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", list(DRAWS))
def test_intervals_cover(case: str) -> None:
    """Training images, cells and windows are those of each draw: the intervals leave their part out, and say so."""
    name, key, draw = DRAWS[case]
    found: list[Interval] = []
    for _ in range(150):
        metric: Metric = shown(name, **draw())
        found.append(metric.intervals()[key])
    truth = 300.0 if case == "birthday" else sum(each.value for each in found) / len(found)
    covered = sum(low <= truth <= high for _, low, high in found) / len(found)
    most = 0.985 if key == "kl" else 1.0  # the others may be too wide where few or all of the images count
    assert 0.9 <= covered <= most, f"{covered:.3f} of the intervals hold {truth:.4g}"
