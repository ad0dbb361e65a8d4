"""A judge that is blind says so: it learns from few pictures, is tested beside a linear model, and gives way."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from belamy.data.dataset import Dataset, Memory
from belamy.evaluation.panel import Panel
from belamy.judges import judge
from belamy.judges.classifier_score import learned
from belamy.judges.extractors import choose
from belamy.judges.judge import HeldOut, examined, extractor, held_out, recipe, trained_judge
from belamy.methods.base import DataSpec
from belamy.methods.classifier import Method, Recipe
from belamy.networks.layers import moving_share
from belamy.registry import Part
from belamy.seeds import Draws

SIDE = 8


def bars(count: int, blind: bool = False) -> Dataset:
    """Bars in one of four columns, at any height and of either sign; blind, with labels that say nothing."""
    source = torch.Generator().manual_seed(1)
    labels = torch.arange(count) % 4
    pixels = torch.full((count, 1, SIDE, SIDE), 128.0)
    tops = torch.randint(0, SIDE - 3, (count,), generator=source)
    signs = torch.randint(0, 2, (count,), generator=source) * 2 - 1
    for row, (label, top, sign) in enumerate(zip(labels, tops, signs, strict=True)):
        pixels[row, 0, top : top + 4, 2 * label : 2 * label + 2] += 90 * sign
    pixels += 20 * torch.randn(pixels.shape, generator=source)
    if blind:
        labels = labels[torch.randperm(count, generator=source)]
    images = pixels.clamp(0, 255).to(torch.uint8)
    return Dataset("bars", Memory(images), labels=labels, classes=("a", "b", "c", "d"))


@pytest.mark.parametrize("count", [2, 45, 742, 1617, 10_000, 19_999, 20_000, 60_000, 100_000])
def test_however_short_the_run_its_statistics_forget_their_beginning(count: int) -> None:
    made = recipe(count, 32)
    steps, momentum = made.train_samples // made.batch, made.classifier.options["momentum"]
    assert (1 - momentum) ** steps < 1e-6
    assert 32_000 <= made.train_samples <= 240_000 and steps >= 500


def test_few_pictures_are_varied_and_many_are_not() -> None:
    few, many = recipe(1000, 32), recipe(60_000, 28)
    assert few.shift and few.noise and few.batch == 64
    assert (many.shift, many.noise, many.batch, many.train_samples) == (0, 0.0, 128, 240_000)
    assert many.classifier.options["momentum"] == 0.01


@pytest.mark.parametrize(("momentum", "sees"), [(moving_share(62), True), (0.01, False)])
def test_a_short_run_sees_by_statistics_that_fit_it(momentum: float, sees: bool) -> None:
    """With Keras' momentum half of the initial statistics are left, and nearly all images are called one class."""
    data, network = bars(400), Part(name="convnet", momentum=momentum)
    found = examined(learned(data, recipe(360, SIDE).changed(train_samples=62 * 64, classifier=network)), data)
    assert found.count == 40 and (found.right >= 36) is sees, found


@pytest.mark.parametrize(
    ("right", "linear", "count", "trusted"),
    [(90, 80, 100, True), (80, 90, 100, False), (80, 80, 100, False), (95, 95, 100, True), (0, 0, 0, False)],
)
def test_a_judge_is_trusted_where_it_is_better_than_a_linear_model(
    right: int, linear: int, count: int, trusted: bool
) -> None:
    assert HeldOut(right, linear, count).trusted is trusted


def test_what_a_judge_is_worth_is_said_in_words() -> None:
    assert str(HeldOut(7, 15, 20)) == "35.0% of 20 held-out images told right, a linear model 75.0%"
    assert str(HeldOut(0, 0, 0)) == "no image was held out to test it"


def test_naming_the_commonest_class_is_no_sight() -> None:
    """A constant is a linear model too: four of five images are of one class."""
    images = torch.randint(0, 256, (300, 1, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    data = Dataset("noise", Memory(images), labels=(torch.arange(300) % 5 == 0).long(), classes=("x", "y"))
    held = data.indices("test")
    assert data.labels is not None
    assert examined(Constant(), data).linear >= int((data.labels[held] == 0).sum())


class Constant(torch.nn.Module):
    """Always says the first class."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[1.0, 0.0]]).expand(len(images), -1)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges that learn next to nothing, in a moment."""
    made = recipe(100, SIDE).changed(train_samples=256)
    monkeypatch.setattr(judge, "recipe", lambda count, side: made)


@pytest.mark.usefixtures("short")
def test_a_blind_judge_gives_way_and_says_so(tmp_path: Path) -> None:
    data, said = bars(100, blind=True), []
    run = trained_judge(data, tmp_path)
    assert not held_out(run).trusted and held_out(run).count == 10
    chosen = choose(None, data, cache=tmp_path, say=said.append)
    assert chosen.name == "efficientnet-lite0"
    assert "cannot be trusted" in said[-1] and "10 held-out images told right, a linear model" in said[-1]
    found = Panel(chosen, data, "train", ["diversity"]).judge([(data.images(torch.arange(20)), None)])
    assert said[-1] in found.notes
    asked = choose("classifier", data, cache=tmp_path, say=said.append)
    assert asked.name == "judge-convnet"
    card = Panel(asked, data, "train", ["diversity"]).card(20, 0, "none")
    assert f"({held_out(run)})" in str(card)


@pytest.mark.usefixtures("short")
def test_a_judge_without_held_out_images_is_not_trusted(tmp_path: Path) -> None:
    data = bars(12)
    assert "test" not in data.splits
    assert extractor(data, trained_judge(data, tmp_path)).name == "efficientnet-lite0"


def test_accuracy_is_no_difference_between_protocols() -> None:
    data = bars(40)
    panel = Panel(choose("pixels", data), data, "train", ["diversity"])
    one, other = (panel.card(20, 0, "none") for _ in range(2))
    object.__setattr__(other, "accuracy", "90.0% of 20 held-out images told right")
    assert one.differences(other) == []


class TestVaried:
    IMAGES = torch.arange(16.0).reshape(1, 1, 4, 4).expand(200, -1, -1, -1)

    def method(self, **fields: float) -> Method:
        return Method(Recipe().changed(**fields), DataSpec((1, 4, 4), ("a", "b")))

    def test_by_default_images_are_as_they_are(self) -> None:
        assert self.method().varied(self.IMAGES, Draws(0, 0)) is self.IMAGES

    def test_each_is_moved_by_its_own_whole_pixels_with_its_edge_repeated(self) -> None:
        moved = self.method(shift=1).varied(self.IMAGES, Draws(0, 0))
        wide = torch.nn.functional.pad(self.IMAGES[:1], (1, 1, 1, 1), mode="replicate")[0, 0]
        allowed = {tuple(wide[y : y + 4, x : x + 4].flatten().tolist()) for y in range(3) for x in range(3)}
        assert {tuple(image.flatten().tolist()) for image in moved} == allowed

    def test_noise_has_the_deviation_asked_for(self) -> None:
        noise = self.method(noise=0.5).varied(self.IMAGES, Draws(0, 0)) - self.IMAGES
        assert 0.47 < noise.std() < 0.53
