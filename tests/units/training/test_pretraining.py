"""Few labels: what is drawn, what learns, and that a good encoder pays."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from belamy.data import to_float
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.judges.judge import right
from belamy.judges.pretraining import STARTS, Gain, Learning, classifier, drawn, evaluation_rows, few_labels
from belamy.methods.base import BaseMethod, DataSpec
from belamy.networks.layers import BatchNorm

QUICK = Learning(steps=40)


class Knowing(BaseMethod):
    """Its weights, once ``taught``, tell the bright half from the dark one; fresh ones are all noise."""

    def __init__(self, recipe: object = None, spec: DataSpec = DataSpec.pictures((1, 8, 8))) -> None:  # noqa: B008
        super().__init__(recipe, spec)
        self.encoder = nn.Linear(64, 2)

    def encode(self, images: Tensor) -> Tensor:
        codes: Tensor = self.encoder(images.flatten(1))
        return codes

    def taught(self) -> Knowing:
        left = torch.zeros(8, 8)
        left[:, :4] = 1
        with torch.no_grad():
            self.encoder.weight.copy_(torch.stack([left.flatten(), 1 - left.flatten()]))
        return self


class Normalising(BaseMethod):
    """An encoder with batch normalisation."""

    def __init__(self, recipe: object = None, spec: DataSpec = DataSpec.pictures((1, 8, 8))) -> None:  # noqa: B008
        super().__init__(recipe, spec)
        self.encoder = nn.Sequential(nn.Linear(64, 2), BatchNorm(2))

    def encode(self, images: Tensor) -> Tensor:
        codes: Tensor = self.encoder(images.flatten(1))
        return codes


@pytest.fixture
def halves() -> Dataset:
    """400 images of noise, brighter on the left or on the right."""
    numbers = torch.Generator().manual_seed(2)
    pixels, labels = torch.randint(0, 200, (400, 1, 8, 8), generator=numbers), torch.arange(400) % 2
    pixels[labels == 0, :, :, :4] += 20
    pixels[labels == 1, :, :, 4:] += 20
    return Dataset("halves", Memory(pixels.to(torch.uint8)), labels=labels, classes=("left", "right"))


def test_as_many_of_every_class_are_drawn(halves: Dataset) -> None:
    assert halves.labels is not None
    train = halves.indices("train")
    chosen = drawn(halves.labels, train, 7, 0)
    assert torch.bincount(halves.labels[chosen]).tolist() == [7, 7] and len(chosen.unique()) == 14
    assert set(chosen.tolist()) <= set(train.tolist())
    assert torch.equal(chosen, drawn(halves.labels, train, 7, 0))
    assert not torch.equal(chosen, drawn(halves.labels, train, 7, 1))


def test_a_pretrained_encoder_pays(halves: Dataset) -> None:
    said: list[str] = []
    found = few_labels(Knowing().taught(), halves, per_class=4, seeds=3, learning=QUICK, say=said.append)
    assert set(found.accuracies) == set(STARTS) and len(said) == 3 and found.tested == 392
    assert found.note.startswith("halves holds only 40 images out, so all 392 that were not learned from are tested on")
    assert sum(found.accuracies["frozen"]) / 3 > 0.8 and found.gain.value > 0.1
    assert found.facts()["gain"][0] == pytest.approx(found.gain.value)


def test_the_gain_is_over_seeds() -> None:
    found = Gain({"scratch": (0.5, 0.7), "frozen": (0.1, 0.1), "pretrained": (0.6, 1.0)}, 10, 100)
    assert found.gain.value == pytest.approx(0.2)
    assert found.gain.high - found.gain.value == pytest.approx(12.706 * 0.1, rel=1e-3)  # Student's t, s/√2 = 0.1


def test_what_learns_and_what_stays(halves: Dataset) -> None:
    method, chosen = Knowing().taught(), halves.indices("train")[:40]
    before = method.encoder.weight.clone()
    frozen, tuned, fresh = (
        classifier(method, halves, chosen, start, 0, QUICK) for start in ("frozen", "pretrained", "scratch")
    )
    assert torch.equal(method.encoder.weight, before)
    assert torch.equal(frozen.method.encoder.weight, before)
    assert not torch.equal(tuned.method.encoder.weight, before)
    assert (fresh.method.encoder.weight - before).norm() > 1
    again = classifier(method, halves, chosen, "scratch", 0, QUICK)
    assert torch.equal(again.head.weight, fresh.head.weight)
    assert 0.8 < right(tuned, halves, halves.indices("test")).float().mean() <= 1


def test_what_is_held_out_tests_alone_where_it_is_enough(halves: Dataset) -> None:
    assert halves.labels is not None
    many = Dataset("many", halves.store, labels=halves.labels, classes=halves.classes,
                   official={"train": torch.arange(200), "test": torch.arange(200, 400)})  # fmt: skip
    rows, note = evaluation_rows(many, torch.arange(8))
    assert torch.equal(rows, torch.arange(200, 400)) and note == ""
    rows, note = evaluation_rows(halves, torch.arange(8))
    assert torch.equal(rows, torch.arange(8, 400)) and "without labels" in note


def test_statistics_of_a_fresh_encoder_are_those_of_its_last_steps(halves: Dataset) -> None:
    """With Keras' momentum a fifth of the initial statistics would be left after 150 steps, against scratch alone."""
    network = classifier(Normalising(), halves, halves.indices("train")[:40], "scratch", 0, QUICK)
    images = to_float(halves.images(halves.indices("train")[:40])).flatten(1)
    inside = network.method.encoder[0](images)
    torch.testing.assert_close(network.method.encoder[1].running_mean, inside.mean(0), rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"per_class": 1000}, "one class has"), ({"seeds": 1}, "2 and 1 or more"), ({"per_class": 0}, "2 and 1 or more")],
)
def test_wrong_numbers_are_told(halves: Dataset, changes: dict[str, int], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        few_labels(Knowing(), halves, **changes)  # type: ignore[arg-type]


def test_wrong_data_are_told(halves: Dataset) -> None:
    unlabelled = Dataset("unlabelled", Memory(halves.images(torch.arange(40))))
    with pytest.raises(UsageError, match="has no labels"):
        few_labels(Knowing(), unlabelled)
    with pytest.raises(UsageError, match="no encoder"):
        few_labels(BaseMethod(None, DataSpec.pictures((1, 8, 8))), halves)
    with pytest.raises(UsageError, match="but this run's images are"):
        few_labels(Knowing(spec=DataSpec.pictures((1, 4, 4))), halves)
    whole = Dataset("whole", Memory(halves.images(torch.arange(40))), labels=torch.arange(40) % 2, classes=("a", "b"),
                    official={"train": torch.arange(40)})  # fmt: skip
    with pytest.raises(UsageError, match="leave none of 40 images to test on"):
        few_labels(Knowing(), whole, per_class=20)
