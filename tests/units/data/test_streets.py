"""Drawn streets: the same number is the same scene, in every size; classes, objects and lights agree; refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from belamy.data import open_data
from belamy.data.streets import CLASSES, LIGHTS, street
from belamy.errors import BelamyError


def test_a_number_is_a_scene() -> None:
    one, again, other = street(5, 32, 48), street(5, 32, 48), street(6, 32, 48)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one.classes, other.classes)
    assert one.picture.shape == (32, 48, 3) and one.classes.shape == one.objects.shape == (32, 48)


def test_in_another_size_it_is_the_same_scene() -> None:
    small, large = street(3, 32, 32), street(3, 64, 64)
    assert (small.classes == large.classes[::2, ::2]).mean() > 0.93


def test_an_object_is_of_one_class_and_numbered_by_it() -> None:
    for number in range(12):
        scene = street(number, 48, 48)
        assert scene.classes.max() < len(CLASSES)
        for name in np.unique(scene.objects).tolist():
            kinds = np.unique(scene.classes[scene.objects == name])
            assert kinds.tolist() == [name // 100 if name >= 100 else name]
        assert scene.light == number % len(LIGHTS)


def test_the_light_decides_the_colours() -> None:
    """Night is dark and winter's ground white; the label maps know nothing of it."""
    means = [np.mean([street(4 * n + light, 32, 32).picture.mean() for n in range(4)]) for light in range(4)]
    assert means[2] < 0.5 * min(means[0], means[1]) and means[3] == max(means)


def test_as_a_data_set() -> None:
    data = open_data("streets:count=24,side=32", size="48x32", labels="light")
    assert {name: field.shape for name, field in data.spec.fields.items()} == {
        "label_map": (32, 48), "target": (3, 32, 48), "instances": (32, 48), "label": (),
    }  # fmt: skip
    assert data.field.classes == CLASSES and data.classes == LIGHTS
    raw = data.raw(torch.tensor([7]))
    scene = street(7, 32, 48)
    assert np.array_equal(raw["label_map"][0].numpy(), scene.classes)
    assert np.array_equal(raw["target"][0].numpy(), scene.picture.transpose(2, 0, 1))
    assert np.array_equal(raw["instances"][0].numpy(), scene.objects)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": 1}, "streets are in colour"),
        ({"labels": "weather"}, "Type --labels light"),
        ({"size": 8}, "side of streets is 8, but it must be in 16..512"),
        ({"memory_budget": 100_000}, "Type a smaller --size, or a smaller count"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(BelamyError, match=words):
        open_data("streets:count=8", **options)  # type: ignore[arg-type]
