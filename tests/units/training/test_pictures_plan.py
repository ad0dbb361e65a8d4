"""The plan of ``pictures``: what it chooses from the data and the time, with a machine of a known speed."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from belamy import recipes
from belamy.data import Dataset
from belamy.data.dataset import Memory, Origin
from belamy.errors import UsageError
from belamy.methods import gan
from belamy.methods.base import BaseRecipe
from belamy.modalities.fields import Field
from belamy.modalities.sizes import parse_size, text_of
from belamy.registry import Part
from belamy.training.plans import PLANS, Planned
from belamy.training.plans.pictures import ENOUGH, SMALLEST_CLASS, shaped


def pictures(count: int = 200, side: int = 64, files: int | None = None, labels: torch.Tensor | None = None) -> Dataset:
    """Black pictures of a side, as read from files of another."""
    store = Memory(torch.zeros(1, 3, side, side, dtype=torch.uint8).expand(count, -1, -1, -1))
    classes = tuple(map(str, range(int(labels.max()) + 1))) if labels is not None else ()
    origin = Origin({f"{files}x{files}": count}) if files else Origin()
    return Dataset("photos", store, labels=labels, classes=classes, origin=origin)


def files(*sizes: tuple[str, int]) -> Dataset:
    """Black pictures of at most 64 pixels, as read from files of these sizes, so many of each."""
    side = min(64, *(int(side) for size, _ in sizes for side in size.split("x")))
    return pictures(sum(count for _, count in sizes), side).changed(origin=Origin(dict(sizes)))


def opened(data: Dataset) -> Callable[[BaseRecipe], Dataset]:
    """Opens the same pictures at the size that a recipe says."""

    def at(recipe: BaseRecipe) -> Dataset:
        if recipe.size is None:
            return data
        size = parse_size(recipe.size)
        assert isinstance(size, tuple)
        store = Memory(torch.zeros(1, 3, *size, dtype=torch.uint8).expand(len(data), -1, -1, -1))
        return Dataset(data.name, store, labels=data.labels, classes=data.classes, origin=data.origin)

    return at


def speed(recipe: BaseRecipe, data: Dataset, precision: str) -> float:
    """600 samples a second of 64x64 pixels by networks of width 16; bfloat16 is no faster."""
    assert isinstance(recipe, gan.Recipe)
    width = recipe.generator.options.get("width", 16)
    return 600 * 64**2 / (data.shape[1] * data.shape[2]) * (16 / float(width)) ** 2


def plan(
    data: Dataset,
    minutes: float | None = 30,
    given: Mapping[str, Any] | None = None,
    measured: Callable[[BaseRecipe, Dataset, str], float] = speed,
) -> Planned:
    """What ``pictures`` becomes."""
    chosen = dict(given or {})
    recipe = recipes.get("pictures").changed(**chosen)
    planned: Planned = PLANS.build(Part(name="pictures"))(
        recipe, chosen, opened(data), measured, ("float32", "bfloat16"), minutes
    )
    return planned


def sides(found: Planned) -> tuple[int, ...]:
    return tuple(found.data.shape[1:])


def test_more_time_sees_more_samples() -> None:
    short, long = plan(pictures(), 5), plan(pictures(), 6)
    assert short.recipe.train_samples == int(5 * 60 * short.speed)
    assert long.recipe.train_samples == int(6 * 60 * long.speed)
    assert short.recipe.generator == long.recipe.generator  # type: ignore[attr-defined]


@pytest.mark.parametrize(("minutes", "side"), [(0.3, 32), (2, 48), (5, 64), (15, 96), (60, 128)])
def test_the_largest_size_that_the_time_allows(minutes: float, side: int) -> None:
    assert sides(plan(pictures(side=64, files=500), minutes)) == (side, side)


def test_no_size_above_that_of_the_files() -> None:
    assert sides(plan(pictures(side=40, files=40), 10_000)) == (40, 40)


@pytest.mark.parametrize(
    ("size", "minutes", "chosen"),
    [
        ("96x64", 60, "96x64"), ("64x96", 60, "64x96"), ("96x64", 1, "48x32"), ("100x60", 600, "100x60"),
        ("1920x1080", 600, "224x128"), ("1000x20", 600, "80x20"), ("500x490", 600, "128"), ("90x90", 600, "64"),
        ("20x1000", 600, "20x80"),
    ],
)  # fmt: skip
def test_files_of_one_proportion_keep_it(size: str, minutes: float, chosen: str) -> None:
    found = plan(files((size, 200)), minutes)
    assert text_of(sides(found)) == str(found.recipe.size) == chosen
    name = {"96x64": "wide as high", "64x96": "high as wide"}.get(size, "")
    assert name in next((reason for reason in found.reasons if reason.startswith("shape")), "")


def test_a_few_of_another_proportion_are_cropped() -> None:
    found = plan(files(("96x64", 190), ("64x96", 10)))
    assert sides(found) == (64, 96)
    assert "shape: 1.50 times as wide as high, like 95.0% of the files; the others are cropped" in found.reasons


def test_files_of_several_proportions_become_squares() -> None:
    found = plan(files(("96x64", 100), ("64x96", 100)))
    assert sides(found) == (64, 64)
    assert "shape: squares, for the files have 2 sizes of several proportions; they are cropped" in found.reasons
    assert not any(reason.startswith("shape") for reason in plan(files(("96x96", 200))).reasons)


def test_a_proportion_that_was_chosen_stays() -> None:
    found = plan(files(("96x64", 200)).changed(store=Memory(torch.zeros(200, 3, 64, 64, dtype=torch.uint8))), 30,
                 {"size": 64, "fit": "pad"})  # fmt: skip
    assert sides(found) == (64, 64)
    assert "shape: squares, as you chose; the files are padded to it" in found.reasons


@pytest.mark.parametrize("ratio", [0.25, 0.3, 2 / 3, 1.0, 1.1, 4 / 3, 1.78, 2.35, 4.0])
def test_sizes_suit_the_networks(ratio: float) -> None:
    """Both sides are multiples of 4 and near the proportion; of 64 pixels on, they can be halved three times."""
    for short in (8, 20, 32, 36, 48, 60, 64, 96, 128):
        high, wide = shaped(short, ratio)
        assert min(high, wide) == short and high % 4 == wide % 4 == 0
        assert abs(math.log(wide / high / ratio)) < 0.041 or short < 48
        assert short not in (64, 96, 128) or high % 8 == wide % 8 == 0


def test_a_size_that_was_chosen_stays() -> None:
    found = plan(pictures(side=64, files=500), 0.1, {"size": 128})
    assert (sides(found), found.recipe.size) == ((128, 128), 128)


def test_wider_networks_where_there_is_time() -> None:
    widths = [plan(pictures(), minutes).recipe.generator.options["width"] for minutes in (5, 60, 600)]  # type: ignore[attr-defined]
    assert widths[0] == 16
    assert widths == sorted(widths)
    assert widths[2] > widths[0]
    rates = [plan(pictures(), minutes).recipe.generator_optimizer.options["lr"] for minutes in (5, 600)]  # type: ignore[attr-defined]
    assert rates == [2e-3, pytest.approx(2e-3 * (16 / widths[2]) ** 1.7, rel=0.03)]


def test_chosen_networks_stay() -> None:
    mine = Part(name="r3gan", width=8)
    found = plan(pictures(), 600, {"generator": mine})
    assert found.recipe.generator == mine  # type: ignore[attr-defined]


def test_the_number_of_samples_in_place_of_the_time() -> None:
    found = plan(pictures(), None, {"train_samples": 12_345})
    assert found.recipe.train_samples == 12_345


def test_half_an_hour_where_nothing_is_said() -> None:
    assert plan(pictures(), None).recipe.train_samples == plan(pictures(), 30).recipe.train_samples


@pytest.mark.parametrize(("smallest", "told"), [(SMALLEST_CLASS, True), (SMALLEST_CLASS - 1, False)])
def test_labels_are_told_where_there_is_enough_of_each(smallest: int, told: bool) -> None:
    labels = torch.tensor([0] * 300 + [1] * (2 * smallest))
    data = pictures(len(labels), labels=labels)
    train = torch.cat([torch.arange(100), torch.arange(300, 300 + smallest)])
    data = data.changed(official={"train": train, "test": torch.arange(100, 300)}, rule="by hand")
    recipe = plan(data).recipe
    assert isinstance(recipe, gan.Recipe)
    assert (recipe.generator_condition.name != "unconditional") is told
    assert (recipe.discriminator_condition.name != "unconditional") is told


@pytest.mark.parametrize(
    ("conditions", "words"),
    [({"generator": "embedding"}, "the generator alone"), ({}, "left alone, as you chose")],
)
def test_it_says_to_whom_labels_are_told_when_the_user_chose(conditions: dict[str, str], words: str) -> None:
    labels = torch.tensor([0, 1] * 150)
    given = {f"{name}_condition": Part(name=conditions.get(name, "unconditional"))
             for name in ("generator", "discriminator")}  # fmt: skip
    found = plan(pictures(len(labels), labels=labels), given=given)
    assert any(words in reason for reason in found.reasons if reason.startswith("labels"))


@pytest.mark.parametrize("count", [1000, 2 * ENOUGH])
def test_few_pictures_are_augmented(count: int) -> None:
    assert bool(plan(pictures(count, side=8)).recipe.views) is (count < ENOUGH)  # type: ignore[attr-defined]


def test_the_faster_precision() -> None:
    def twice(recipe: BaseRecipe, data: Dataset, precision: str) -> float:
        return speed(recipe, data, precision) * (2 if precision == "bfloat16" else 1)

    assert plan(pictures()).precision == "float32"
    found = plan(pictures(), 5, measured=twice)
    assert (found.precision, found.recipe.train_samples) == ("bfloat16", 2 * plan(pictures(), 5).recipe.train_samples)


def test_every_choice_is_told() -> None:
    told = "\n".join(plan(pictures(side=64, files=500), 5).reasons)
    for word in ("180 pictures", "500 pixels", "64x64", "5 minutes", "pictures:width=16", "diff-augment", "r1"):
        assert word in told


def test_pictures_alone() -> None:
    sounds = Dataset(
        "recordings", Memory(torch.zeros(20, 1, 64, dtype=torch.int16)), field=Field("audio", (1, 64), rate=8000)
    )
    with pytest.raises(
        UsageError, match=r"'pictures' learns pictures, but recordings holds sounds. Type: belamy train"
    ):
        plan(sounds)
