"""Two plain sentences: what they say of real digits that were spoilt in a known way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, one_hot

from belamy.data import open_data
from belamy.data.dataset import Dataset, Memory
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.findings import BY_DEFAULT, Observations, distance, faults
from belamy.evaluation.measures import Measure, measures
from belamy.evaluation.neighbours import nearest
from belamy.evaluation.panel import Judgement, Panel
from belamy.evaluation.statistics import Interval
from belamy.evaluation.verdict import Verdict

METRICS = ("frechet", "kernel:subsets=0", "precision-recall", "modes", "diversity", "sharpness", "neighbours",
           "saturation", "authenticity", "label-fidelity")  # fmt: skip
TRAIN, TEST, JUDGED, KNOWN = slice(0, 1500), slice(1500, 2100), slice(2100, 2700), slice(2700, 4700)


class Means:
    """Sees an image as means of 7x7 fields, and takes it for what the nearest of some other images is."""

    name, digest, size, classes, layer, resize = "means", "7x7", 49, 10, "", ""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.known, self.labels = self.fields(images), labels

    def fields(self, images: Tensor) -> Tensor:
        return avg_pool2d(images.double() / 255, 4).flatten(1)

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        fields = self.fields(images)
        told = self.labels[nearest(fields, self.known).indices[:, 0]]
        return ExtractedFeatures(fields, one_hot(told, 10).double(), labels, images)


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    data = open_data("mnist", offline=True)
    assert data.labels is not None
    kept = data.indices("train")[:4700]
    return data.images(kept), data.labels[kept]


@pytest.fixture(scope="module")
def panel(digits: tuple[Tensor, Tensor]) -> Panel:
    images, labels = digits
    splits = {"train": torch.arange(1500), "test": torch.arange(1500, 2100)}
    data = Dataset("digits", Memory(images[:2100]), labels=labels[:2100], classes=list("0123456789"), official=splits)
    return Panel(Means(images[KNOWN], labels[KNOWN]), data, "test", METRICS)


@pytest.fixture(scope="module")
def baseline(panel: Panel) -> Judgement:
    return panel.real_baseline(600, detail=True)


def blurred(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return avg_pool2d(images[JUDGED].float(), 3, 1, 1).to(torch.uint8), labels[JUDGED]


def without_fours(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    kept = labels[JUDGED] != 4
    return images[JUDGED][kept], labels[JUDGED][kept]


def copies(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return images[:600], labels[:600]


def near_copies(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return (images[:600] // 2 * 2).clamp(1), labels[:600]


def noisy(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return (images[JUDGED].float() + 40 * torch.randn(600, 1, 28, 28)).clamp(0, 255).to(torch.uint8), labels[JUDGED]


def clipped(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return ((images[JUDGED].float() - 127.5) * 8 + 127.5).clamp(0, 255).to(torch.uint8), labels[JUDGED]


def few(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    kept = torch.arange(2100, 2130).repeat(20)
    return images[kept], labels[kept]


def honest(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return images[JUDGED], labels[JUDGED]


def same(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return images[TEST], labels[TEST]


@pytest.mark.parametrize(
    ("spoilt", "far", "wrong", "not_said"),
    [
        (blurred, "real ones", "they are blurred, with ", "nois"),
        (without_fours, "real ones", "kinds are missing: “4”", "blur"),
        (copies, "cannot be told from real ones", "100% are copies of training images, pixel for pixel", "blur"),
        (near_copies, "cannot be told from real ones", "are nearly training images", "vary"),
        (noisy, "from real ones", "they are noisy or grainy, with ", "blur"),
        (clipped, "real ones", "they are saturated: 99% of their values are black or white, of real ones 86%", "blur"),
        (few, "real ones", "they vary little", "training"),
        (honest, "cannot be told from real ones by Fréchet distance and kernel distance", "Nothing", "What is wrong"),
        (same, "are the very ones that they are compared with", "Nothing", "What is wrong"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_wrong_is_said(
    panel: Panel,
    baseline: Judgement,
    digits: tuple[Tensor, Tensor],
    spoilt: Callable[..., tuple[Tensor, Tensor]],
    far: str,
    wrong: str,
    not_said: str,
) -> None:
    images, labels = spoilt(*digits)
    found = panel.judge([(images, labels)], labels="given", detail=True)
    against = {"name": "digits", "split": "test"}
    verdict = Verdict(
        {"name": "spoilt"}, against, found.card, measures(found, baseline), copies=found.copies, missing=found.missing
    )
    told = " ".join(verdict.says)
    assert far in verdict.says[0] and wrong in verdict.says[1] and not_said not in told
    assert verdict.table().splitlines()[1:3] == list(verdict.says)
    assert any("same pictures" in note for note in found.notes) == (spoilt is same)
    assert any("100% of the 600 judged" in note for note in found.notes) == (spoilt is copies)


def test_options_that_cost_variety_are_named() -> None:
    def drawn(recall: float, white: float) -> dict[str, Measure]:
        told = {"recall": measure("recall", recall, 0.05, 0.9), "saturation": measure("saturation", white, 0.01, 0.7)}
        usual = {"recall": 0.7, "saturation": 0.4}
        return {name: replace(each, controls={BY_DEFAULT: usual[name]}) for name, each in told.items()}

    said = faults(Observations(100, drawn(0.1, 0.5)))
    assert "the sampler's options cost variety: they cover 10% of real images, by default 70%" in said
    assert "and 50% of their values are black or white instead of 40%" in said
    assert "black or white" not in faults(Observations(100, drawn(0.1, 0.4)))
    assert "options" not in faults(Observations(100, drawn(0.5, 0.6))), "the interval reaches three quarters"


def measure(name: str, value: float, reach: float, floor: float | None, of_floor: float = 0.0) -> Measure:
    around = None if floor is None else Interval(floor, floor - of_floor, floor + of_floor)
    return Measure(name, value, Interval(value, value - reach, value + reach), floor, around)


@pytest.mark.parametrize(
    ("value", "floor", "says"),
    [
        (1.0, 0.9, "cannot be told from real ones by Fréchet distance"),
        (2.0, 0.9, "are close to real ones: Fréchet distance 2, where other real images are at 0.9"),
        (6.0, 0.9, "clearly apart from"),
        (60.0, 0.9, "far from real ones"),
        (0.4, 0.9, "cannot be told"),
        (3.0, None, "at a Fréchet distance of 3; what real images reach was not measured"),
    ],
)
def test_how_far(value: float, floor: float | None, says: str) -> None:
    assert says in distance(Observations(100, {"frechet": measure("frechet", value, 0.2, floor, 0.2)}))


@pytest.mark.parametrize(("recall", "says"), [(0.8, "close to"), (0.3, "clearly apart from"), (0.01, "far from")])
def test_what_lies_outside_is_not_close_whatever_the_distance(recall: float, says: str) -> None:
    """Where images are few, real ones are far from each other too, and the distances' ratio is small."""
    found = {"frechet": measure("frechet", 2.0, 0.1, 0.9, 0.1), "recall": measure("recall", recall, 0.01, 0.9, 0.05)}
    assert says in distance(Observations(100, found))


def test_one_distance_that_tells_them_apart_is_enough() -> None:
    both = {"frechet": measure("frechet", 1, 1, 1, 1), "kernel": measure("kernel", 0.5, 0.1, 0.0, 0.1)}
    assert "cannot be told" not in distance(Observations(100, both))


def test_images_unlike_real_ones_are_not_said_to_lack_variety() -> None:
    recall = measure("recall", 0.0, 0.0, 0.9)
    assert "vary little" in faults(Observations(100, {"recall": recall}))
    assert "vary" not in faults(Observations(100, {"recall": recall, "precision": measure("precision", 0, 0, 0.9)}))


def test_without_a_distance_or_intervals_nothing_is_claimed() -> None:
    assert "ask for --metrics frechet" in distance(Observations(100, {"modes": measure("modes", 3, 0, 10)}))
    assert faults(Observations(100, {"sharpness": Measure("sharpness", 0.1)})).startswith("Nothing that was measured")
    white = {"saturation": measure("saturation", 0.97, 0.01, 0.96, 0.01)}
    assert faults(Observations(100, white)).startswith("Nothing"), "real ones are as white"
    unsure = {"sharpness": measure("sharpness", 0.5, 0.5, 1.0)}
    assert faults(Observations(100, unsure)).startswith("Nothing"), "the interval reaches to real images"
