"""Groups of data and of generated images, and sums of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from belamy.data.dataset import Attribute, Dataset, Memory
from belamy.editing.arithmetic import CENTRE, Setting, arithmetic
from belamy.editing.attribute_predictors import ClassifierPredictor
from belamy.editing.expressions import Group, parse
from belamy.editing.groups import GENERATED, ReferenceSet, make_reference_set
from belamy.errors import DataError, UsageError
from belamy.methods.base import BaseMethod, BaseRecipe, DataSpec, normal_latents

COLOURS = ("red", "blue")


class Mirror(BaseMethod):
    """The four pixels of an image are its latent; a label makes all of them brighter."""

    def __init__(self, heeds: bool = False) -> None:
        super().__init__(BaseRecipe(), DataSpec.pictures((1, 2, 2), ("0", "1", "2")))
        self.heeds, self.table = heeds, nn.Embedding(3, 1)
        self.table.weight.data = torch.tensor([[0.0], [0.25], [0.5]])

    def latents(self, seed: int, indices: list[int]) -> Tensor:
        return normal_latents(seed, indices, 4) / 4

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        told = self.table(labels) if self.heeds and labels is not None else torch.zeros(len(latents), 1)
        return latents.view(-1, 1, 2, 2) + told.view(-1, 1, 1, 1)


class Sees(Mirror):
    """The same with an encoder."""

    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1)


@pytest.fixture
def faces() -> Dataset:
    """60 images: classes in turn, hat on every second, red or blue in blocks of six; the first pixel is the class,
    the second the hat, the third the colour, the fourth their number."""
    order = torch.arange(60)
    hat, colour = order % 2, order // 6 % 2
    pixels = torch.stack([order % 3, hat, colour, order], 1).to(torch.uint8).view(60, 1, 2, 2)
    known = {"hat": Attribute(("no", "yes"), hat), "colour": Attribute(COLOURS, colour)}
    return Dataset(
        "faces", Memory(pixels), labels=order % 3, classes=("0", "1", "2"), attributes=known, official={"train": order}
    )


def found(reference_set: ReferenceSet, text: str) -> Tensor:
    """The pixels of a group's images.  # [n, 4]"""
    (leaf,) = parse(text).leaves()
    assert isinstance(leaf, Group)
    return reference_set.read(reference_set.indices(leaf)).flatten(1)


@pytest.mark.parametrize(
    ("text", "column", "value", "count"),
    [
        ("mean(hat)", 1, 1, 30),
        ("mean(not hat)", 1, 0, 30),
        ("mean(plain)", 1, 0, 30),
        ("mean(hat=no)", 1, 0, 30),
        ("mean(2)", 0, 2, 20),
        ("mean(blue)", 2, 1, 30),
        ("mean(colour=red)", 2, 0, 30),
        ("mean(class=1)", 0, 1, 20),
        ("mean(hat 2 red)", 0, 2, 5),
    ],
)
def test_groups_of_data(faces: Dataset, text: str, column: int, value: int, count: int) -> None:
    pixels = found(make_reference_set(Sees(), faces), text)
    assert len(pixels) == count and (pixels[:, column] == value).all()


def test_measured_words_are_relative_to_the_others(faces: Dataset) -> None:
    reference_set = make_reference_set(Sees(), faces)
    brightest = found(reference_set, "mean(bright 2)").float().mean(1)
    others = found(reference_set, "mean(2)").float().mean(1).sort(descending=True).values
    assert 6 <= len(brightest) <= 8 and torch.equal(brightest.sort(descending=True).values, others[: len(brightest)])
    for same in ("mean(high(brightness) 2)", "mean(not dark 2)", "mean(2 bright)"):
        assert torch.equal(found(reference_set, same), found(reference_set, "mean(bright 2)"))
    assert torch.equal(found(reference_set, "mean(dark)"), found(reference_set, "mean(low(brightness))"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mean(hatt)", r"no group 'hatt' in the training images of faces \(character 6 .* Did you mean 'hat'"),
        ("mean(hair=red)", "no group 'hair'"),
        ("mean(colour=green)", "colour is never 'green'"),
        ("mean(high(weight))", "no measure 'weight'"),
        ("mean(hat not hat)", r"None of the training images of faces is mean\(hat not hat\)"),
    ],
)
def test_unknown_groups(faces: Dataset, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        found(make_reference_set(Sees(), faces), text)


def test_a_word_with_two_meanings(faces: Dataset) -> None:
    faces.attributes["eyes"] = Attribute(("blue", "brown"), torch.arange(60) % 2)
    with pytest.raises(UsageError, match="colour=blue or eyes=blue"):
        found(make_reference_set(Sees(), faces), "mean(blue)")


def test_members_are_drawn_by_the_seed(faces: Dataset) -> None:
    reference_set, group = make_reference_set(Sees(), faces), Group(parse("mean(hat)").leaves()[0].words)  # type: ignore[union-attr]
    few = reference_set.members(group, 5, 1)
    assert len(few.images) == 5 and few.count == 30 and len(reference_set.members(group, 99).images) == 30
    assert torch.equal(few.images, reference_set.members(group, 5, 1).images)
    assert not torch.equal(few.images, reference_set.members(group, 5, 2).images)
    assert torch.allclose(few.latents, few.images.flatten(1) / 127.5 - 1)


def test_generated_groups(faces: Dataset) -> None:
    told = make_reference_set(Mirror(heeds=True), faces, labels_matter=True)
    assert told.count == GENERATED
    members = told.members(Group(parse("mean(2)").leaves()[0].words), 7)  # type: ignore[union-attr]
    assert members.weights is not None and torch.equal(members.weights, torch.tensor([[0.0, 0, 1]]).expand(7, 3))
    judge = ClassifierPredictor(
        "class", ("dark", "lit"), lambda images: torch.eye(2)[(images[:, 0, 0, 0] > 128).long()]
    )
    judged = make_reference_set(Mirror(), faces, judges=[judge])
    assert (found(judged, "mean(lit)")[:, 0] > 128).all() and (found(judged, "mean(class=dark)")[:, 0] <= 128).all()
    with pytest.raises(UsageError, match="no group 'hat' in 2,000 images of this run"):
        found(judged, "mean(hat)")


def test_arithmetic_against_the_sum_by_hand(faces: Dataset) -> None:
    """The mirror makes of a latent its pixels, so latents and control must agree."""
    method, setting = Sees(), Setting(members=100)
    result = arithmetic(method, parse("mean(2 hat) - mean(2) + mean(0)"), make_reference_set(method, faces), setting)
    pixels = {
        text: found(make_reference_set(method, faces), text).double().mean(0)
        for text in ("hat 2", "mean(2)", "mean(0)")
    }
    expected = pixels["hat 2"] - pixels["mean(2)"] + pixels["mean(0)"]
    assert torch.allclose((result.latents[CENTRE].double() + 1) * 127.5, expected, atol=1e-3)
    assert torch.allclose(result.control.flatten().double(), expected, atol=1)
    assert [operand.group for operand in result.operands] == [10, 20, 20]
    noise = result.latents - result.latents[CENTRE]
    assert (noise[CENTRE] == 0).all() and noise.abs().max() <= 0.25 and noise.abs().amax(1)[:4].min() > 0.02
    assert torch.equal(
        result.latents, arithmetic(method, parse(result.text), make_reference_set(method, faces), setting).latents
    )
    assert result.picture().pixels.shape[2] == 3


def test_labels_are_summed_too(faces: Dataset) -> None:
    method = Mirror(heeds=True)
    reference_set, setting = (
        make_reference_set(method, faces, labels_matter=True),
        Setting(noise=0.0, labels_matter=True),
    )
    swapped = arithmetic(method, parse("seed(3) - label(0) + label(2)"), reference_set, setting)
    assert swapped.weights is not None and torch.equal(swapped.weights[0], torch.tensor([0.0, 0, 1]))
    assert torch.allclose(swapped.latents, method.latents(3, [0]).expand(9, -1))
    assert torch.equal(swapped.images[0], swapped.images[8])
    blended = arithmetic(method, parse("(label(0) + label(2)) / 2"), reference_set, setting)
    assert (blended.images == 159).all()  # the table's middle, 0.25


def test_sums_of_generated_groups_are_as_long_as_latents(faces: Dataset) -> None:
    method = Mirror(heeds=True)
    reference_set, setting = (
        make_reference_set(method, faces, labels_matter=True),
        Setting(noise=0.0, labels_matter=True),
    )
    typical = float(method.latents(0, range(256)).norm(dim=1).mean())
    mean = arithmetic(method, parse("mean(1)"), reference_set, setting)
    assert mean.operands[0].latent.norm() < typical / 3
    assert torch.isclose(mean.latents[0].norm(), torch.tensor(typical))
    common = mean.operands[0].latent
    assert torch.isclose(mean.latents[0] @ common, common @ common)  # not exaggerated
    same = arithmetic(method, parse("mean(2) - mean(2) + mean(1)"), reference_set, setting)
    assert torch.allclose(same.latents, mean.latents, atol=1e-6) and torch.equal(same.weights, mean.weights)  # type: ignore[arg-type]
    alone = arithmetic(method, parse("seed(3) / 9"), reference_set, setting)
    assert torch.allclose(alone.latents[0], method.latents(3, [0])[0] / 9)


def test_images_take_part(faces: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.array([[10, 20], [30, 40]], dtype=np.uint8)).save(path)
    reference_set, method = make_reference_set(Sees(), faces), Sees()
    result = arithmetic(method, parse(f'image("{path}")'), reference_set, Setting())
    assert torch.allclose((result.latents[CENTRE] + 1) * 127.5, torch.tensor([10.0, 20, 30, 40]), atol=1e-3)
    sought = arithmetic(
        Mirror(), parse(f"image('{path}')"), reference_set, Setting()
    )  # without an encoder, by optimisation
    assert torch.allclose((sought.latents[CENTRE] + 1) * 127.5, torch.tensor([10.0, 20, 30, 40]), atol=1)
    path.write_text("no picture")
    with pytest.raises(DataError, match="not an image"):
        arithmetic(method, parse(f"image('{path}')"), reference_set, Setting())
    with pytest.raises(DataError, match="no such file"):
        arithmetic(method, parse("image('nowhere.png')"), reference_set, Setting())


def test_what_a_setting_refuses() -> None:
    for fields in ({"members": 0}, {"noise": -1.0}, {"noise": float("nan")}):
        with pytest.raises(UsageError, match="at least 1 and at least 0"):
            Setting(**fields)  # type: ignore[arg-type]
