"""Splits are disjoint and repeatable; the fingerprint sees every pixel; one class can be taken alone."""

import json

import pytest
import torch

from belamy.data import Dataset, open_data
from belamy.data.assembly import Raw, assemble, attribute, categories
from belamy.data.dataset import Attribute, Memory, hold_out
from belamy.data.fitting import fit
from belamy.data.load_options import LoadOptions
from belamy.errors import UsageError
from belamy.modalities.colours import recolour


def images(count: int = 30, channels: int = 1, height: int = 6, width: int = 6) -> torch.Tensor:
    source = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, height, width), dtype=torch.uint8, generator=source)


@pytest.mark.parametrize(("count", "held"), [(1, 0), (19, 0), (20, 2), (57, 6), (1000, 100)])
def test_a_tenth_is_held_out_of_sets_that_are_large_enough(count, held):
    splits = hold_out(count)
    assert len(splits.get("test", ())) == held
    together = torch.cat(list(splits.values()))
    assert sorted(together.tolist()) == list(range(count))
    assert all(
        torch.equal(first, second) for first, second in zip(splits.values(), hold_out(count).values(), strict=True)
    )


def test_the_fingerprint_changes_with_one_pixel_one_label_or_the_shape():
    pixels = images()
    labels = torch.arange(30) % 2

    def fingerprint(pixels, labels=labels):
        return Dataset("any name", Memory(pixels), labels=labels, classes=("a", "b")).fingerprint

    original = fingerprint(pixels)
    assert original == fingerprint(pixels.clone())
    touched = pixels.clone()
    touched[17, 0, 3, 3] ^= 1
    other_label = labels.clone()
    other_label[4] ^= 1
    reshaped = pixels.reshape(30, 1, 4, 9)
    assert len({original, fingerprint(touched), fingerprint(pixels, other_label), fingerprint(reshaped)}) == 4


def test_the_card_is_json_and_holds_the_facts():
    dataset = Dataset(
        "card", Memory(images()), labels=torch.arange(30) % 2, classes=("a", "b"), skipped=[("x.png", "bad")]
    )
    card = json.loads(json.dumps(dataset.card()))
    assert card["images"] == 30
    assert card["shape"] == [1, 6, 6]
    assert card["label_counts"] == {"a": 15, "b": 15}
    assert card["splits"] == {"train": 27, "test": 3}
    assert card["split_rule"] == "10% held out by seed 0"
    assert card["skipped"] == [["x.png", "bad"]]
    assert card["fingerprint"] == dataset.fingerprint


def test_one_class_alone_keeps_its_splits():
    pixels, labels = images(), torch.arange(30) % 3
    official = {"train": torch.arange(20), "test": torch.arange(20, 30)}
    alone = Dataset("set", Memory(pixels), labels=labels, classes=("a", "b", "c"), official=official).only("b")
    chosen = (labels == 1).nonzero().flatten()
    assert torch.equal(alone.images(torch.arange(len(alone))), pixels[chosen])
    assert torch.equal(chosen[alone.splits["train"]], chosen[chosen < 20])
    assert torch.equal(chosen[alone.splits["test"]], chosen[chosen >= 20])
    assert alone.labels is None


def test_a_class_that_is_not_there_is_explained():
    dataset = Dataset("set", Memory(images()), labels=torch.zeros(30, dtype=torch.long), classes=("frog",))
    with pytest.raises(UsageError, match="Did you mean 'frog'"):
        dataset.only("forg")
    with pytest.raises(UsageError, match="has no labels"):
        Dataset("set", Memory(images())).only("frog")


@pytest.mark.parametrize("how", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_fitting_on_demand_equals_fitting_in_memory(how, channels):
    pixels = images(40, 3, 9, 14)
    wanted = {"size": 8, "fit": how, "channels": channels}
    memory = assemble(pixels, Raw(name="m"), LoadOptions(**wanted))
    demand = assemble(pixels, Raw(name="m"), LoadOptions(**wanted, memory_budget=100))
    assert (memory.streams, demand.streams) == (False, True)
    assert memory.shape == demand.shape == (channels or 3, 8, 8)
    some = torch.tensor([3, 0, 39, 3])
    assert torch.equal(memory.images(some), demand.images(some))


def test_fits_keep_what_they_promise():
    wide = torch.zeros(1, 1, 4, 8, dtype=torch.uint8)
    wide[..., :2] = 200  # only the outermost columns are bright
    assert fit(wide, (4, 4), "crop").max() == 0
    padded = fit(wide, (8, 8), "pad")
    assert padded[0, 0, :2].unique().tolist() == [255]
    assert torch.equal(padded[0, 0, 2:6], wide[0, 0])
    assert fit(wide, (4, 4), "stretch")[0, 0, :, 0].min() > 150


def test_grey_is_luma_and_colour_repeats_grey():
    colours = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], dtype=torch.uint8)
    assert recolour(colours.reshape(4, 3, 1, 1), 1).flatten().tolist() == [76, 150, 29, 255]
    grey = images(3)
    assert torch.equal(recolour(grey, 3), grey.repeat(1, 3, 1, 1))


def test_categories_sort_numbers_as_numbers():
    assert categories(["10", "9", "10"]).values == ("9", "10")
    assert categories(["b10", "b9"]).values == ("b10", "b9")
    assert attribute(torch.tensor([1, -1]).numpy()).values == ("no", "yes")
    assert attribute(["0", "1", "0"]).codes.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 3}, r"4\.\.4096"),
        ({"size": -8}, r"4\.\.4096"),
        ({"fit": "corp"}, "Did you mean 'crop'"),
        ({"channels": 65}, r"1\.\.64"),
        ({"memory_budget": 0}, "positive number of bytes"),
        ({"labels": "smlie"}, "Did you mean 'smile'"),
    ],
)
def test_wrong_options_are_explained(options, message):
    with pytest.raises(UsageError, match=message):
        open_data("avatars-16", **options)


def test_labels_of_a_set_without_attributes_are_explained():
    with pytest.raises(UsageError, match="no attribute 'smile'"):
        assemble(images(), Raw(name="plain"), LoadOptions(labels="smile"))


def test_what_is_known_of_images_follows_them_into_one_class() -> None:
    pixels, hats = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1), torch.tensor([0, 1, 0, 0, 1, 1])
    labels, known = torch.tensor([0, 1, 0, 1, 1, 0]), {"hat": Attribute(("no", "yes"), hats)}
    data = Dataset("numbered", Memory(pixels), labels=labels, classes=["even", "odd"], attributes=known)
    chosen = data.only("odd")
    assert chosen.images(torch.arange(3)).flatten().tolist() == [1, 3, 4]
    assert chosen.attributes["hat"].codes.tolist() == [1, 0, 1] and chosen.attributes["hat"].values == ("no", "yes")


@pytest.mark.parametrize("upright", [False, True])
def test_a_crop_keeps_the_centre_of_the_longer_side(upright: bool) -> None:
    images = torch.arange(40, dtype=torch.uint8).view(1, 1, 4, 10)
    found = fit(images.mT if upright else images, (4, 4), "crop")
    assert torch.equal(found.mT if upright else found, images[..., 3:7])
