"""The classifier accuracy score, on images whose classes are plain to see."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import pytest
import torch
from torch import Tensor, nn

from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.judges import judge as judges
from belamy.judges.classifier_score import Samples, by_class, classifier_score, conditional_samples, learned
from belamy.methods import gan
from belamy.methods.base import DataSpec
from belamy.methods.classifier import Recipe
from belamy.registry import Part

CLASSES = ("dark", "grey", "white")
QUICK = Recipe(classifier=Part(name="convnet", width=4), batch=32, samples=1600, ema_half_life=200,
               optimizer=Part(name="adam", lr=5e-3))  # fmt: skip


def images(labels: Tensor, seed: int, deviation: float = 25) -> Tensor:
    """Even pictures with noise, dark, grey or white by class."""
    noise = deviation * torch.randn(len(labels), 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    return (40 + 85 * labels.view(-1, 1, 1, 1) + noise).clamp(0, 255).to(torch.uint8)


@pytest.fixture(scope="module")
def data() -> Dataset:
    labels = torch.arange(300) % 3
    return Dataset("shades", Memory(images(labels, 0)), labels=labels, classes=CLASSES)


@pytest.fixture(scope="module")
def judge(data: Dataset) -> nn.Module:
    return learned(data, QUICK)


def generated(data: Dataset, mistaken: Tensor | None = None, kept: int = 3) -> Samples:
    """Samples like the data's; for classes from ``kept`` on the first is drawn, and labels may be mistaken."""
    assert data.labels is not None
    asked = data.labels[data.indices("train")]

    def samples(seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        shown = asked if mistaken is None else mistaken[asked]
        pixels = images(shown.where(shown < kept, 0), 100 + seed)
        yield pixels[:100], asked[:100]
        yield pixels[100:], asked[100:]

    return samples


def test_good_samples_teach_what_real_images_do(data: Dataset, judge: nn.Module) -> None:
    found = classifier_score(generated(data), data, judge, seeds=2, recipe=QUICK)
    assert found.real.value == 1 and min(found.by_seed) > 0.95 and found.gan_test.value > 0.99
    assert found.accuracy.value == pytest.approx(sum(found.by_seed) / 2)
    assert found.count == len(data.indices("train")) and list(found.per_class) == list(CLASSES)
    assert json.loads(json.dumps(found.facts(), allow_nan=False))["classifier-score"][0] == found.accuracy.value


def test_a_dropped_class_is_not_learned(data: Dataset, judge: nn.Module) -> None:
    """Its label is taught with pictures of another: its own are never seen."""
    found = classifier_score(generated(data, kept=2), data, judge, recipe=QUICK)
    assert found.per_class["white"].value < 0.5 and found.accuracy.value < 0.85
    assert found.gan_test.value == pytest.approx(2 / 3, abs=0.02)
    assert found.real_per_class["white"].value == 1


def test_mistaken_labels_are_taught(data: Dataset, judge: nn.Module) -> None:
    found = classifier_score(generated(data, mistaken=torch.tensor([1, 2, 0])), data, judge, recipe=QUICK)
    assert found.accuracy.value < 0.1 and found.gan_test.value < 0.1
    assert found.accuracy.low <= found.accuracy.value <= found.accuracy.high < 0.35


def test_it_can_be_repeated_and_seeds_are_others(data: Dataset, judge: nn.Module) -> None:
    drawn: list[int] = []

    def noted(seed: int) -> Iterable[tuple[Tensor, Tensor]]:
        drawn.append(seed)
        return generated(data)(seed)

    said: list[str] = []
    short = QUICK.changed(samples=96)
    once, again = (
        classifier_score(noted, data, judge, seeds=2, seed=5, recipe=short, say=said.append) for _ in range(2)
    )
    assert once == again and drawn == [5, 6, 5, 6]
    assert said[0] == "Classifier 1 of 2 learns from 270 generated images …"
    first = classifier_score(generated(data), data, judge, seed=6, recipe=short)
    assert first.by_seed[0] == once.by_seed[1]


def test_the_judges_recipe_is_the_usual_one(data: Dataset, judge: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Dataset] = []
    monkeypatch.setattr(judges, "recipe", lambda data: asked.append(data) or QUICK.changed(samples=64))
    assert classifier_score(generated(data), data, judge).recipe.train_samples == 64
    assert asked == [data]


def test_samples_of_a_method_have_the_classes_of_the_training_images(data: Dataset) -> None:
    recipe = gan.Recipe.tiny().changed(generator_condition="embedding")
    method = gan.Method(recipe, DataSpec.pictures((1, 8, 8), CLASSES))
    with torch.no_grad():
        for parameter in method.generator.parameters():
            parameter.mul_(3)
    assert data.labels is not None
    chunks = list(conditional_samples(method, data)(0))
    assert torch.equal(torch.cat([labels for _, labels in chunks]), data.labels[data.indices("train")])
    pixels = torch.cat([part for part, _ in chunks])
    assert pixels.shape == (270, 1, 8, 8) and pixels.dtype == torch.uint8
    assert not torch.equal(pixels, torch.cat([part for part, _ in conditional_samples(method, data)(1)]))


def test_shares_by_class() -> None:
    found = by_class(torch.tensor([1.0, 0.5, 0.0]).double(), torch.tensor([0, 0, 2]), CLASSES)
    assert {name: share.value for name, share in found.items()} == {"dark": 0.75, "white": 0}


class TestWrongUses:
    def test_networks_without_labels(self, data: Dataset) -> None:
        recipe = gan.Recipe.tiny().changed(
            generator_condition="unconditional", discriminator_condition="unconditional", auxiliary=0.0
        )
        with pytest.raises(UsageError, match="do not use labels, so its samples teach no classifier"):
            conditional_samples(gan.Method(recipe, DataSpec.pictures((1, 8, 8), CLASSES)), data)

    def test_other_classes(self, data: Dataset) -> None:
        method = gan.Method(gan.Recipe.tiny(), DataSpec.pictures((1, 8, 8), ("a", "b")))
        with pytest.raises(UsageError, match="classes are not those of shades"):
            conditional_samples(method, data)

    def test_data(self, data: Dataset, judge: nn.Module) -> None:
        bare = Dataset("bare", Memory(torch.zeros(40, 1, 8, 8, dtype=torch.uint8)))
        few = Dataset("few", data.store, labels=data.labels, classes=CLASSES, official={"train": torch.arange(300)})
        for wrong, says in ((bare, "bare has no labels"), (few, "few holds no images out")):
            with pytest.raises(UsageError, match=says):
                classifier_score(generated(data), wrong, judge)
        with pytest.raises(UsageError, match="seeds is 0, but it must be at least 1"):
            classifier_score(generated(data), data, judge, seeds=0)

    def test_samples(self, data: Dataset, judge: nn.Module) -> None:
        pixels = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
        for chunk, says in (
            ((pixels, None), "samples have no labels"),
            ((pixels, torch.tensor([0, 1, 2, 3])), r"in 4 classes, but shades has \[1, 8, 8\] in 3"),
            ((pixels[..., :4], torch.arange(4) % 3), r"of shape \[1, 8, 4\]"),
        ):
            with pytest.raises(UsageError, match=says):
                classifier_score(lambda _seed, chunk=chunk: [chunk], data, judge, recipe=QUICK)
