"""Drawn faces: layers over each other by hand, attributes that are what is drawn, any number of them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from belamy.data import open_data
from belamy.data.sources.portraits import HAIRS, SHARES, SKINS, composed
from belamy.errors import UsageError

COUNT = 2000
FACES = open_data(f"portraits:count={COUNT}")
IMAGES = FACES.images(torch.arange(COUNT))


def test_composition_of_one_pixel_by_hand() -> None:
    parts = torch.zeros(2, 16, 16, 5, dtype=torch.uint8)
    parts[0, 3, 4] = torch.tensor([0, 0, 0, 255, 255])  # the tint, opaque
    parts[1, 3, 4] = torch.tensor([51, 0, 0, 0, 102])  # a dark red, 40 %
    chosen, tints = torch.tensor([[0, 1], [0, -1], [-1, 1]]), torch.tensor([[[200.0, 100.0, 50.0]] * 2] * 3)
    pixels = composed(parts, chosen, tints)[:, :, 3, 4].tolist()
    assert pixels == [[171, 60, 30], [200, 100, 50], [204, 153, 153]]
    assert (composed(parts, chosen, tints)[:, :, 0, 0] == 255).all()


def test_attributes_are_drawn_independently_and_as_often_as_said() -> None:
    codes = np.stack([FACES.attributes[name].codes.numpy() for name in SHARES])
    assert np.abs(codes.mean(1) - list(SHARES.values())).max() < 4 * 0.5 / COUNT**0.5
    together = np.corrcoef(codes) - np.eye(len(SHARES))
    assert np.abs(together).max() < 4 / COUNT**0.5


def test_each_face_has_the_skin_and_the_hair_it_says() -> None:
    skin = FACES.attributes["skin"]
    neck = IMAGES[:, :, 12, 7]  # of the other parts, clothing alone reaches it
    said = torch.tensor([[int(SKINS[code][at : at + 2], 16) for at in (0, 2, 4)] for code in skin.codes.tolist()])
    assert ((neck.long() - said).abs().amax(1) == 0).double().mean() > 0.7
    assert set(FACES.attributes["hair_color"].values) == set(HAIRS)


@pytest.mark.parametrize(
    ("name", "rows"), [("smile", (9, 11)), ("glasses", (4, 9)), ("beard", (6, 12)), ("hat", (0, 5))]
)
def test_an_attribute_changes_its_part_of_the_face(name: str, rows: tuple[int, int]) -> None:
    there = FACES.attributes[name].codes == 1
    change = (_mean(IMAGES[there]) - _mean(IMAGES[~there])).abs().sum(0)
    assert rows[0] <= change.sum(1).argmax() < rows[1]
    assert change[slice(*rows)].mean() > 2 * change.mean()


def test_beards_can_be_seen_on_every_colour_of_hair() -> None:
    beard, hair = FACES.attributes["beard"].codes == 1, FACES.attributes["hair_color"].codes
    for colour in range(len(HAIRS)):
        own = IMAGES[hair == colour]
        chin = (_mean(own[beard[hair == colour]]) - _mean(own[~beard[hair == colour]]))[:, 10, 5:11]
        assert chin.abs().mean() > 12


def test_few_are_not_the_first_of_many_but_the_same_request_gives_the_same_faces() -> None:
    again = open_data(f"portraits:count={COUNT}")
    assert torch.equal(again.images(torch.arange(50)), IMAGES[:50])
    other = open_data(f"portraits:count={COUNT},seed=1")
    assert not torch.equal(other.images(torch.arange(50)), IMAGES[:50])
    assert len(IMAGES.flatten(1).unique(dim=0)) == COUNT


@pytest.mark.parametrize("count", [1, 1_000_001])
def test_impossible_counts(count: int) -> None:
    with pytest.raises(UsageError, match=r"portraits\.count"):
        open_data(f"portraits:count={count}")


def _mean(images: Tensor) -> Tensor:
    return images.double().mean(0)
