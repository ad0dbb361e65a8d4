"""The panel, its floor, and the card of what it finds."""

from __future__ import annotations

import pytest
import torch

from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.evaluation.candidate import Candidate, Stored
from belamy.evaluation.card import Card
from belamy.evaluation.features.classifier import ClassifierFeatures
from belamy.evaluation.features.pixels import PixelFeatures
from belamy.evaluation.panel import Panel, class_table
from belamy.networks.convnet import Classifier


def classifier(channels: int = 1, classes: int = 3) -> ClassifierFeatures:
    torch.manual_seed(0)
    return ClassifierFeatures(Classifier((channels, 8, 8), classes, width=4), "small")


def pixels(count: int, channels: int = 1) -> torch.Tensor:
    return torch.randint(0, 256, (count, channels, 8, 8), dtype=torch.uint8)


def candidate(data: Dataset, labels: str = "given", fmt: str = "PNG", resize: str = "none") -> Candidate:
    return Candidate(
        name="fakes", shape=data.shape, count=len(data), seed=None, labels=labels, classes=data.classes,
        quantisation="uint8", format=fmt, resize=resize, averaged=None, fingerprint="x",
        source=Stored(data, torch.arange(len(data))),
    )  # fmt: skip


class TestPanel:
    def test_real_images_are_at_no_distance_from_themselves(self, noise: Dataset) -> None:
        panel = Panel(classifier(), noise, split="train")
        judgement = panel.judge(Stored(noise, noise.indices("train")).chunks())
        assert judgement.values["frechet"] == 0 and judgement.values["kl"] == pytest.approx(0, abs=1e-12)
        assert judgement.values["diversity"] == pytest.approx(1)
        assert judgement.card.n_generated == judgement.card.n_real == len(noise.splits["train"])

    def test_judgements_do_not_touch_each_other(self, noise: Dataset) -> None:
        panel, images = Panel(classifier(), noise), pixels(30)
        first = panel.judge([(images, None)])
        assert panel.judge([(images[:10], None), (images[10:], None)]).values == pytest.approx(first.values, rel=1e-9)
        assert "label-fidelity" not in first.values

    def test_without_classes_only_features_are_judged(self) -> None:
        data = Dataset("noise", Memory(pixels(60)), labels=torch.zeros(60, dtype=torch.long), classes=["all"])
        values = Panel(PixelFeatures((1, 8, 8)), data).judge([(pixels(20), None)]).values
        assert set(values) == {"frechet", "diversity"}

    @pytest.mark.parametrize(
        ("split", "metrics", "says"),
        [
            ("validation", None, "no split 'validation'"),
            ("test", ["frechett"], "There is no metric 'frechett'. Did you mean 'frechet'"),
            ("test", ["frechet:size=3"], "'frechet' has no option 'size'"),
        ],
        ids=["split", "metric", "option"],
    )
    def test_what_is_unknown_is_refused(self, noise: Dataset, split: str, metrics: list[str] | None, says: str) -> None:
        with pytest.raises(UsageError, match=says):
            Panel(classifier(), noise, split, metrics)

    def test_a_split_of_one_image_is_refused(self) -> None:
        data = Dataset("two", Memory(pixels(2)), official={"train": torch.tensor([0]), "test": torch.tensor([1])})
        with pytest.raises(UsageError, match=r"holds 1 image\(s\), but a distribution needs at least 2"):
            Panel(PixelFeatures((1, 8, 8)), data)

    def test_options_are_on_the_card_whether_given_or_not(self, noise: Dataset) -> None:
        plain, set_ = (Panel(classifier(), noise, metrics=[name]) for name in ("modes", "modes:least=2"))
        assert plain.card(1, 0, "none").metrics == {"modes": "least=1"}
        assert set_.card(1, 0, "none").metrics == {"modes": "least=2"}
        assert plain.card(1, 0, "none").differences(set_.card(1, 0, "none")) == ["metrics"]

    @pytest.mark.parametrize(
        ("split", "metrics"),
        [("test", None), ("test", ["authenticity"]), ("test", ["frechet", "authenticity"]), ("all", ["frechet"])],
        ids=["usual", "of three sets", "both", "no others left"],
    )
    @pytest.mark.parametrize("count", [2, 10])
    def test_progress_counts_every_look(
        self, noise: Dataset, split: str, metrics: list[str] | None, count: int
    ) -> None:
        looks: list[int] = []
        panel = Panel(classifier(), noise, split, metrics, told=looks.append)
        panel.judge([(pixels(count), None)])
        panel.real_baseline(count)
        assert sum(looks) == panel.work(count, real_baseline=True)
        panel.controls(count)
        assert sum(looks) == panel.work(count, real_baseline=True, controls=True)


class TestFloor:
    """The floor is a judgement of real images that are not among those compared with."""

    @pytest.fixture
    def numbered(self) -> Dataset:
        """Each image is of one grey level of its own; the official test images are the dark ones."""
        grey = torch.arange(60, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
        splits = {"test": torch.arange(20), "train": torch.arange(20, 60)}
        return Dataset("numbered", Memory(grey), official=splits)

    def test_it_takes_other_images(self, numbered: Dataset) -> None:
        panel = Panel(PixelFeatures((1, 8, 8), side=1), numbered, metrics=["frechet"])
        real_baseline = panel.real_baseline(40)
        expected = panel.judge([(numbered.images(numbered.indices("train")), None)])
        assert real_baseline.values == pytest.approx(expected.values) and real_baseline.values["frechet"] > 0
        assert real_baseline.card.n_generated == 40 and real_baseline.card.labels == "real"

    def test_of_more_than_wanted_it_chooses_by_the_seed(self, numbered: Dataset) -> None:
        panel = Panel(PixelFeatures((1, 8, 8), side=1), numbered, metrics=["frechet"])
        assert (
            panel.real_baseline(10).values == panel.real_baseline(10).values != panel.real_baseline(10, seed=1).values
        )
        assert panel.real_baseline(10).card.n_generated == 10

    def test_where_no_others_are_left_halves_are_compared(self, numbered: Dataset) -> None:
        panel = Panel(PixelFeatures((1, 8, 8), side=1), numbered, "all", metrics=["frechet"])
        real_baseline = panel.real_baseline(1000)
        assert real_baseline.card.n_generated == 30 and real_baseline.values["frechet"] > 0


class TestLabels:
    def test_labels_are_matched_by_name(self) -> None:
        assert class_table(["b", "a"], ["a", "b", "c"]) is not None
        assert class_table(["b", "z"], ["a", "b"]) is None and class_table([], ["a"]) is None
        assert class_table(["7"], ["a", "b"]) is None

    def test_foreign_labels_are_left_out_and_said_to_be(self, noise: Dataset) -> None:
        renamed = Dataset("fakes", noise.store, labels=noise.labels, classes=["x", "y", "z"])
        found = Panel(classifier(), noise).judge_candidate(candidate(renamed))
        assert "label-fidelity" not in found.values and found.card.labels == "none"
        assert any("are not those of noise: its labels are left out" in note for note in found.notes)
        same = Panel(classifier(), noise).judge_candidate(candidate(noise))
        assert same.values["label-fidelity"] == same.values["label-fidelity-real"] or len(noise.indices("test")) < 60

    def test_a_codec_that_loses_pixels_is_on_the_card(self, noise: Dataset) -> None:
        panel = Panel(PixelFeatures((1, 8, 8)), noise)
        cards = [panel.judge_candidate(candidate(noise, fmt=fmt)).card for fmt in ("PNG", "run", "JPEG")]
        assert cards[0].differences(cards[1]) == [] and cards[0].differences(cards[2]) == ["quantisation"]
        assert panel.judge_candidate(candidate(noise, resize="crop to 8")).card.fit == "crop to 8"


def test_cards_tell_what_differs_and_survive_json() -> None:
    card = Card("judge", "abc", 128, "data", "test", 10_000, 10_000, 1, "in turn")
    other = Card.parse({**card.as_json(), "n_generated": 500, "divisor": "n", "newer": 1})
    assert card.differences(other) == ["n_generated", "divisor"] and Card.parse(card.as_json()) == card
    assert str(card) == "[judge@abc, d=128, uint8, test of data, N=10000/10000, seed=1, labels in turn, n-1]"


def test_who_drew_does_not_make_numbers_incomparable() -> None:
    card = Card("judge", "abc", 128, "data", "test", 10, 10, 1, "in turn", averaged=True)
    other = Card.parse({**card.as_json(), "seed": 5, "labels": "none", "averaged": None, "versions": {"torch": "9"}})
    assert card.differences(other) == [] and "averaged weights" in str(card)
