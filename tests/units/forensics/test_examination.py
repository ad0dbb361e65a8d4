"""The whole examination: what is there is found, what is not is not, and the format does not decide."""

from __future__ import annotations

import json
import re

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from belamy.errors import DataError, UsageError
from belamy.evaluation.statistics import Interval
from belamy.forensics.comparison import DETECTOR, RULES, TOGETHER, Sets, compare
from belamy.forensics.detector import DetectorData, calibration_error, detect, join
from belamy.forensics.examination import AS_GIVEN, ForensicExamination, ForensicsSettings, examine, said
from belamy.forensics.neighbours import describe, nearest
from belamy.forensics.page import render
from belamy.forensics.scores import deal
from belamy.forensics.treatments import jpeg, rounded
from belamy.seeds import generator

QUICK = ForensicsSettings(permutations=199, robustness=False)


def blots(count: int, stream: str, side: int = 16) -> Tensor:
    """Smooth light spots on black, 256 values.  # [n, 1, side, side]"""
    source = generator(0, stream)
    coarse = torch.rand(count, 1, side // 4, side // 4, generator=source)
    coarse = coarse * (torch.rand(count, 1, side // 4, side // 4, generator=source) > 0.6)
    return rounded(avg_pool2d(interpolate(coarse, side, mode="nearest"), 3, 1, 1).clamp(0, 1))


def checkered(images: Tensor, strength: float) -> Tensor:
    """With the faint grid of an enlarging layer."""
    grid = (torch.arange(images.shape[2])[:, None] + torch.arange(images.shape[3])) % 2 * 2.0 - 1
    return (images + strength * grid).clamp(0, 1)


@pytest.fixture(scope="module")
def real() -> Tensor:
    return blots(300, "real")


@pytest.fixture(scope="module")
def gridded(real: Tensor) -> ForensicExamination:
    return examine(rounded(checkered(blots(120, "fake"), 0.03)), real, QUICK)


@pytest.fixture(scope="module")
def honest(real: Tensor) -> ForensicExamination:
    return examine(blots(120, "more"), real, QUICK)


def test_a_faint_grid_is_found(gridded: ForensicExamination) -> None:
    assert gridded.given is None, "values came rounded"
    assert gridded.matched.headline.name == DETECTOR and gridded.matched.headline.auroc.low > 0.9
    assert gridded.matched.tests["spectrum"].auroc.value > 0.9 and gridded.separating >= 3
    assert gridded.control_alarms == 0
    assert gridded.facts()["generated"] and "told from real images" in gridded.verdict


def test_real_images_are_left_alone(honest: ForensicExamination) -> None:
    assert honest.separating == 0 and honest.verdict.startswith("Nothing tells the 120 suspects from real images")
    assert honest.matched.headline.auroc.low < 0.5 < honest.matched.headline.auroc.high
    assert honest.matched.headline.operating.false_alarms.value < 0.15
    assert not any("rounded" in note for note in honest.notes)


def test_values_between_levels_give_suspects_away_only_until_they_are_rounded(real: Tensor) -> None:
    """Real images plus less than half a level: the support tells everything, and nothing is left after rounding."""
    noise = (torch.rand(120, 1, 16, 16, generator=generator(0, "noise")) - 0.5) * 0.9 / 255
    found = examine((blots(120, "more") + noise).clamp(0, 1), real, QUICK)
    assert found.given is not None and found.given.format == AS_GIVEN
    assert found.given.tests["discrete-support"].auroc.value > 0.99 and found.given.headline.auroc.value > 0.95
    assert "discrete-support" in found.matched.silent and not found.given.rules
    assert found.matched.headline.auroc.low < 0.6
    assert all(found.correction(found.matched, test) > 0.05 for test in found.matched.tests.values())
    assert any("never rounded" in note for note in found.notes)


def test_what_is_hidden_is_not_looked_at(real: Tensor) -> None:
    suspect = checkered(blots(30, "fake"), 0.004)
    found = examine(suspect, real[:90], ForensicsSettings(permutations=99, hide=jpeg(50), robustness=True))
    assert found.given is None and found.matched.format == "jpeg:50" and not found.survival
    assert "after jpeg:50" in found.verdict


def test_hiding_washes_a_grid_out(real: Tensor) -> None:
    """The grid's share of the score falls with every treatment that blurs it."""
    from belamy.forensics.robustness import survey
    from belamy.forensics.treatments import blur, rounding

    fake = checkered(blots(100, "fake"), 0.03)
    found = survey(real[:100], fake, 0, (rounding(), jpeg(50), blur(1.5)))
    assert found[0].knowing.value > 0.95 and found[0].knowing == found[0].unknowing
    assert found[2].knowing.value < found[0].knowing.value - 0.1
    assert found[1].unknowing.value < found[0].unknowing.value


def test_an_examination_is_a_function_of_its_seed(real: Tensor) -> None:
    settings, state = ForensicsSettings(permutations=49, robustness=False, seed=1), torch.get_rng_state()
    first, again = (examine(blots(30, "more"), real[:90], settings).facts() for _ in range(2))
    assert first == again and torch.equal(state, torch.get_rng_state()), "no global generator is touched"


def test_facts_are_json_and_the_page_holds_everything(gridded: ForensicExamination) -> None:
    facts = json.loads(json.dumps(gridded.facts(), allow_nan=False))
    assert facts["counts"] == {"reference": 150, "real": 150, "suspects": 120}
    tests = {each["name"]: each for each in facts["comparisons"][0]["tests"]}
    assert {DETECTOR, TOGETHER, RULES, "neighbours", "spectrum"} <= tests.keys()
    assert all(
        0 <= each["auroc"]["low"] <= each["auroc"]["value"] <= each["auroc"]["high"] <= 1 for each in tests.values()
    )
    assert all(each["p"] <= each["corrected_p"] for each in tests.values())
    page = render(gridded, "fakes <b>", "real & true", {"where": "here"})
    assert "fakes &lt;b&gt;" in page and "real &amp; true" in page and "default-src 'none'" in page
    assert not re.search(r"(src|href)=\"?https?:", page) and page.count("<svg") > 8
    for section in ("pictures", "tests", "roc", "traces", "rules", "neighbours", "control", "method"):
        assert f'<section id="{section}">' in page


def test_rules_that_are_broken_are_named(real: Tensor) -> None:
    dim = rounded(blots(60, "dim") * 0.4)
    found = compare(
        Sets(real[:150], real[150:], dim), "uint8", rounded=True, false_alarms=0.05, seed=0, permutations=99
    )
    rule = found.rules["brightest"]
    assert rule.p < 1e-3 and rule.suspect.value > 0.3 and rule.real.value <= 0.05
    assert rule.broken.double().mean() == rule.suspect.value and "the largest value is" in rule.says
    assert found.tests[RULES].auroc.value > 0.7


def test_the_detector_is_calibrated() -> None:
    """Numbers that overlap by a known amount: probabilities near the true ones, and no help from the pixels."""
    source = generator(0, "numbers")
    images = torch.rand(600, 1, 8, 8, generator=source)
    numbers = torch.randn(600, 3, generator=source).double()
    numbers[200:400, 0] += 2
    parts = [DetectorData(images[start : start + 200], numbers[start : start + 200]) for start in (0, 200, 400)]
    found = detect(*parts, deal(200, 200, 200, 0, 3), 0)
    assert found.calibration_error < 0.12 and 0.05 < found.brier < 0.2 and found.scores.p < 1e-6
    assert len(found.scores.fresh) == 200 and abs(float(found.scores.fresh.mean() - found.scores.real.mean())) < 0.5


def test_joining_scores_is_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    scores = torch.randn(4000, 2, generator=generator(0, "scores")).double()
    chance = (1.5 * scores[:, 0] - 0.5 * scores[:, 1] + 0.3).sigmoid()
    labels = (torch.rand(4000, generator=generator(0, "labels")) < chance).double() * 2 - 1
    ours = join(scores, labels)
    theirs = LogisticRegression(C=1e6, class_weight="balanced").fit(scores.numpy(), labels.numpy())
    assert ours[:2].tolist() == pytest.approx(theirs.coef_[0].tolist(), abs=0.02)
    assert float(ours[2]) == pytest.approx(float(theirs.intercept_[0]), abs=0.02)
    apart = join(torch.cat([torch.zeros(10, 1), torch.ones(10, 1)]), torch.cat([-torch.ones(10), torch.ones(10)]))
    assert bool(torch.isfinite(apart).all()), "kinds without overlap leave finite weights"
    honest = calibration_error(chance, labels > 0)
    assert honest < 0.03 and calibration_error(chance.square(), labels > 0) > honest


def test_neighbours_are_exact() -> None:
    reference, values = blots(30, "reference"), blots(20, "values")
    values[3] = reference[7]
    found = nearest(values, reference)
    distances, places = found.distances, found.indices
    apart = (values[:, None] - reference[None]).flatten(2).double().square().mean(2).sqrt()
    torch.testing.assert_close(distances, apart.sort(1).values[:, :2])
    assert float(distances[3, 0]) == 0 and int(places[3, 0]) == 7
    assert float(nearest(reference, reference).distances.min()) > 0
    assert bool(torch.isfinite(describe(distances)).all())


@pytest.mark.parametrize(
    ("suspects", "reals", "says"),
    [
        (blots(20, "a"), blots(100, "b"), "20 suspects and 100 real images"),
        (blots(40, "a"), blots(80, "b"), "at least 30 and 90"),
        (blots(40, "a"), blots(100, "b", 12), "[1, 12, 12]"),
        (blots(40, "a") * 2, blots(100, "b"), "The suspects hold values"),
        (blots(40, "a") * torch.nan, blots(100, "b"), "The suspects hold values"),
    ],
)
def test_what_cannot_be_examined_is_refused(suspects: Tensor, reals: Tensor, says: str) -> None:
    with pytest.raises(DataError, match=re.escape(says)):
        examine(suspects, reals)


@pytest.mark.parametrize("rate", [0.0, 0.5, -1.0, 2.0])
def test_a_rate_is_a_rate(rate: float) -> None:
    with pytest.raises(UsageError, match="--false-alarms"):
        ForensicsSettings(false_alarms=rate)


def test_numbers_near_one_are_not_called_one() -> None:
    assert (
        said(Interval(0.99999, 0.9981, 1.0)) == "> 0.9999 (0.9981–1)" and said(Interval(0.5, 0.4, 0.6))[:5] == "0.500"
    )


@pytest.mark.slow
def test_false_alarms_stay_at_the_stated_rate() -> None:
    """Forty draws of blots against blots: any alarm after correction in one of twenty, images at the stated rate."""
    alarms, shares = 0, []
    from belamy.forensics.testing import holm

    for trial in range(40):
        images = blots(180, f"trial {trial}").split(60)
        found = compare(Sets(*images), "control", rounded=True, false_alarms=0.1, seed=trial, permutations=499)
        alarms += any(p <= 0.05 for p in holm(found.p_values()).values())
        shares.append(found.headline.operating.false_alarms.value)
    assert alarms <= 7, "a binomial of 40 and 0.05 exceeds 7 once in 1,500"
    assert sum(shares) / len(shares) == pytest.approx(0.1, abs=0.03)
