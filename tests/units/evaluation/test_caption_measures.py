"""Measures of pictures of captions: places of own captions, variety, attributes that are there, and the matcher."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.api.judged import Protocol
from belamy.api.judged_texts import TextJudge, asked_measures, check_names, drawable
from belamy.data.attribute_captions import attribute_captions, named_attributes
from belamy.data.captions import with_captions
from belamy.data.dataset import Attribute, Dataset, Memory
from belamy.editing.attribute_predictors import ClassifierPredictor
from belamy.errors import UsageError
from belamy.evaluation.caption_ranks import own_ranks, retrieval
from belamy.evaluation.caption_variety import apart, variety
from belamy.evaluation.features.pixels import PixelFeatures
from belamy.judges import caption_matcher, captioned_attributes
from belamy.judges.caption_matcher import CaptionMatcher, halves
from belamy.judges.captioned_attributes import CaptionedAttributes, made_of_attributes
from belamy.methods import text_to_image
from belamy.modalities.text import strings

SIDE, COUNT = 8, 400
VALUES = {"skin": ("5c3829", "f1c3a5"), "hat": ("no", "yes"), "beard": ("no", "yes")}


def faces() -> Dataset:
    """Pictures in whose corners attributes are painted; a tenth is held out, and a hat with dark skin only there."""
    source = torch.Generator().manual_seed(0)
    codes = {name: torch.randint(2, (COUNT,), generator=source) for name in VALUES}
    train = torch.arange(COUNT - 100)
    codes["hat"][train] *= codes["skin"][train]
    attributes = {name: Attribute(VALUES[name], code) for name, code in codes.items()}
    official = {"train": train, "test": torch.arange(COUNT - 100, COUNT)}
    data = Dataset("faces", Memory(painted(codes)), attributes=attributes, official=official)
    return with_captions(data, attribute_captions(attributes), unit="words")


def painted(codes: dict[str, Tensor]) -> Tensor:
    """Pictures of attributes, each in a place of its own."""
    pixels = torch.full((len(codes["skin"]), 3, SIDE, SIDE), 40, dtype=torch.uint8)
    for place, name in enumerate(VALUES):
        pixels[:, place, 2 * place : 2 * place + 3] += (150 * codes[name])[:, None, None].to(torch.uint8)
    return pixels


def codes_of(texts: list[str]) -> dict[str, Tensor]:
    """The attributes that captions name."""
    read = [named_attributes(text) for text in texts]
    wanted = {"skin": ("skin", "fair"), "hat": ("hat", "yes"), "beard": ("beard", "yes")}
    return {name: torch.tensor([int(each.get(key) == value) for each in read]) for name, (key, value) in wanted.items()}


@pytest.fixture(scope="module")
def data() -> Dataset:
    return faces()


@pytest.fixture
def judge(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> CaptionedAttributes:
    """Judges that read the places."""

    def seeing(place: int) -> Any:
        return lambda pictures: torch.nn.functional.one_hot((pictures[:, place, 2 * place + 1, 0] > 100).long(), 2)

    def predictors(*_: Any) -> list[ClassifierPredictor]:
        return [ClassifierPredictor(name, VALUES[name], seeing(place)) for place, name in enumerate(VALUES)]

    monkeypatch.setattr(captioned_attributes, "attribute_predictors", predictors)
    return CaptionedAttributes(data)


class TestOwnRanks:
    def test_equal_captions_are_no_candidates_and_ties_are_shared(self) -> None:
        captions = torch.tensor([[3, 1], [4, 1], [3, 1], [5, 1]])
        scores = torch.tensor([[0.5, 0.1, 0.9, 0.5], [0.1, 0.2, 0.3, 0.4]])
        assert own_ranks(scores, torch.tensor([0, 1]), captions).tolist() == [1.5, 3.0]

    def test_by_chance_a_caption_is_the_first_in_one_of_so_many(self) -> None:
        source = torch.Generator().manual_seed(1)
        captions = torch.arange(400)[:, None]
        ranks = own_ranks(torch.rand(400, 400, generator=source), torch.arange(400), captions, 20, seed=3)
        found = retrieval(ranks)
        assert ranks.min() >= 1 and ranks.max() <= 20
        assert found["r-precision"].low < 1 / 20 < found["r-precision"].high
        assert found["caption-recall-5"].low < 5 / 20 < found["caption-recall-5"].high
        assert found["caption-rank"].low < 10.5 < found["caption-rank"].high
        assert found["r-precision"].value == float((ranks == 1).double().mean())


class TestVariety:
    def test_by_hand(self) -> None:
        rows = torch.tensor([[10.0 * text + step] for text in range(12) for step in (0.0, 3.0, 4.0)])
        found = variety(rows, [text for text in range(12) for _ in range(3)], unit=2.0)
        assert found["caption-variety"].value == pytest.approx((3 + 4 + 1) / 3 / 2)
        assert found["caption-variety"].low == found["caption-variety"].high
        assert found["between-captions"].value > 10
        assert apart(torch.tensor([[0.0], [1.0], [3.0]])) == 2.0

    def test_of_few_captions_with_several_pictures_nothing_is_said(self) -> None:
        assert variety(torch.rand(9, 2), [0, 0, 1, 1, 2, 3, 4, 5, 6], 1.0).keys() == {"between-captions"}


class TestCaptionedAttributes:
    def test_what_is_asked_for_is_counted(self, judge: CaptionedAttributes) -> None:
        captions = ["a face with dark skin", "a face with fair skin and a hat", "a face with fair skin and a cap"]
        right = judge.agreement(painted(codes_of(captions)), captions)
        assert all(right[name].value == 1 for name in right if name != "attributes-added")
        assert right["attributes-added"].value == 0
        bare = painted({name: torch.tensor([0, 1, 0]) * (name == "skin") for name in VALUES})
        found = judge.agreement(bare, captions, "here")
        assert found["here"].value == pytest.approx((1 + 1 / 2 + 0) / 3)
        assert found["here-at-once"].value == pytest.approx(1 / 3)
        assert found["here hat"].value == 0 and found["here skin"].value == pytest.approx(2 / 3)
        bearded = painted({"skin": torch.tensor([0]), "hat": torch.tensor([0]), "beard": torch.tensor([1])})
        assert judge.agreement(bearded, captions[:1])["attributes-added"].value == 1

    def test_recombined_captions_are_new_and_reproducible(self, data: Dataset, judge: CaptionedAttributes) -> None:
        new = judge.recombined(30, seed=1)
        assert len(new.captions) == 30 and 0 < new.share < 0.5
        for caption in new.captions:  # the only combinations that training has not
            assert named_attributes(caption)["skin"] == "dark" and "hat" in named_attributes(caption)
        assert judge.recombined(30, seed=1) == new and judge.recombined(30, seed=2) != new

    def test_other_captions_are_refused(self, data: Dataset) -> None:
        assert made_of_attributes(data)
        other = with_captions(data.changed(extra={}), ["a face with fair skin"] * COUNT, unit="words")
        named_alike = data.changed(attributes={"skin": Attribute(("blue", "green"), torch.zeros(COUNT).long())})
        for wrong in (other, named_alike, data.changed(attributes={})):
            assert not made_of_attributes(wrong)
            with pytest.raises(UsageError, match="captions that are made of the pictures' attributes"):
                asked_measures(["attributes"], wrong)
            assert asked_measures(["all"], wrong) == ["retrieval", "variety"]
        with pytest.raises(UsageError, match=r"faces has none\. Leave --measures out"):
            asked_measures(["variety"], data.changed(extra={}))
        with pytest.raises(UsageError, match=r"no measure 'variety2' of pictures of texts\. Did you mean 'variety'"):
            check_names(["variety2"])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matchers that learn for a few steps."""
    monkeypatch.setattr(caption_matcher, "LEAST", 60)
    monkeypatch.setattr(caption_matcher, "PASSES", 1)


def test_a_matcher_learns_from_one_half_and_is_asked_about_the_other(
    data: Dataset, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned, other = halves(data)
    assert torch.equal(torch.cat([learned, other]).sort().values, torch.arange(COUNT))
    told: list[str] = []
    matcher = CaptionMatcher(data, tmp_path, told.append)
    assert not set(matcher.asked.tolist()) & set(learned.tolist())
    assert set(matcher.asked.tolist()) <= set(data.held_out.tolist()) and len(matcher.asked) > 30
    captions = data.columns["caption"].store.read(other)
    said = [frozenset(named_attributes(text).items()) for text in strings(captions, data.columns["caption"].field)]
    own = torch.searchsorted(other, matcher.asked)
    best = matcher.scores(data.images(matcher.asked), captions).argmax(1)
    right = sum(said[one] == said[two] for one, two in zip(own.tolist(), best.tolist(), strict=True))
    assert right / len(own) > 0.6, "by chance a sixth"
    monkeypatch.setattr(caption_matcher, "_learn", lambda *_: pytest.fail("it is kept"))
    again = CaptionMatcher(data, tmp_path, told.append)
    assert again.digest == matcher.digest and len(told) == 1 and "200 pictures" in str(again)


@pytest.mark.parametrize("obedient", [True, False])
def test_a_run_is_told_by_what_it_draws(
    data: Dataset,
    judge: CaptionedAttributes,
    tmp_path: Path,
    quick: None,
    monkeypatch: pytest.MonkeyPatch,
    obedient: bool,
) -> None:
    monkeypatch.setenv("BELAMY_CACHE", str(tmp_path))
    method: Any = text_to_image.Method(text_to_image.Recipe.tiny(), data.spec)

    def generate(latents: Tensor, labels: Tensor) -> Tensor:
        texts = strings(labels, data.columns["caption"].field) if obedient else ["a face with fair skin"] * len(labels)
        noise = latents[:, :1, None, None].clamp(-1, 1) * 0.05
        return painted(codes_of(texts)).float() / 127.5 - 1 + noise

    method.generate = generate
    asking = TextJudge(method, data, Protocol(count=60), PixelFeatures(data.shape), lambda _: None)
    for name in asked_measures(["all"], data):
        getattr(asking, name)()
    found = {each.name: each for each in asking.told.measures}
    assert found["attributes"].real_baseline == 1 and found["attributes"].metric == "attributes"
    assert (found["attributes"].value == found["unseen-attributes"].value == 1) is obedient
    by_others = re.search(r"captions of others, the pictures drawn have ([\d.]+)%", asking.told.notes[0])
    assert by_others is not None and 30 < float(by_others[1]) < 80
    assert (found["caption-rank"].value < 25) is obedient
    assert found["caption-variety"].value < 0.2 < (found["caption-variety"].real_baseline or 1)
    assert (found["between-captions"].value > 0.5) is obedient
    assert (
        "encoder=convnet" in asking.told.protocol["retrieval"] and "By chance r-precision is 1" in asking.told.notes[1]
    )


def test_captions_that_a_run_cannot_read_are_left_out(data: Dataset) -> None:
    texts = strings(data.columns["caption"].store.read(torch.arange(COUNT)), data.columns["caption"].field)
    texts[-1], texts[-2] = "", "a zebra"
    rows = data.held_out
    assert drawable(with_captions(data.changed(extra={}), texts, unit="words"), rows).tolist() == rows[:-2].tolist()
