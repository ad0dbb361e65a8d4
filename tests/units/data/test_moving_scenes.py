"""Drawn moving scenes: a number is a scene; colours go along with the flow, exactly; maps agree; refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from belamy.data import open_data
from belamy.data.moving_scenes import CLASSES, MovingScene
from belamy.errors import BelamyError


def test_a_number_is_a_scene() -> None:
    one, again, other = (MovingScene(number, 24).frame(3) for number in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one.classes, other.classes)


@pytest.mark.parametrize("time", [1, 7, 60])
def test_colours_go_along_with_the_flow(time: int) -> None:
    """At any place, not only in the middles of pixels; to rounding."""
    places = np.random.default_rng(0).uniform(0, 32, (4000, 2))
    for number in range(3):
        scene = MovingScene(number, 32, things=6)
        before, seen = scene.before(places, time)
        now, then = scene.colour(places, time), scene.colour(before, time - 1)
        assert 0.9 < seen.mean() < 1
        assert np.abs(now - then)[seen].max() < 1e-12
        assert np.array_equal(scene.objects(places, time)[seen], scene.objects(before, time - 1)[seen])
        hidden = ~seen & ((before >= 0) & (before <= 32)).all(1)
        assert (scene.objects(places, time) != scene.objects(before, time - 1))[hidden].all()


def test_frames_hold_what_the_scene_says() -> None:
    scene = MovingScene(2, 20)
    first, frame = scene.frame(0), scene.frame(4)
    places = np.stack(np.meshgrid(np.arange(20) + 0.5, np.arange(20) + 0.5), -1)
    before, seen = scene.before(places, 4)
    assert not first.flow.any()
    assert np.allclose(frame.flow[:2], np.moveaxis(before - places, -1, 0)) and np.array_equal(frame.flow[2] > 0, seen)
    for name in np.unique(frame.objects).tolist():
        kinds = np.unique(frame.classes[frame.objects == name])
        assert kinds.tolist() == [name // 100 if name >= 100 else name]


def test_things_never_leave_for_good_and_are_not_too_fast() -> None:
    """Motion swings, so that a hundred frames hold as much as ten; a frame moves at most some pixels."""
    for number in range(4):
        scene = MovingScene(number, 32)
        late = [len(np.unique(scene.frame(time).objects)) for time in range(100, 160, 10)]
        assert max(late) >= 5
        assert max(np.abs(scene.frame(time).flow[:2]).max() for time in range(1, 60, 6)) < 4


def test_as_a_data_set() -> None:
    data = open_data("moving-scenes:count=20,side=16", length=3)
    assert {name: (field.modality, field.shape) for name, field in data.spec.fields.items()} == {
        "label_film": ("label_film", (3, 16, 16)), "target": ("video", (3, 3, 16, 16)),
        "instances": ("label_film", (3, 16, 16)), "flow": ("flow", (3, 3, 16, 16)),
    }  # fmt: skip
    assert data.field.classes == CLASSES
    raw, frame = data.raw(torch.tensor([7])), MovingScene(7, 16).frame(2)
    assert np.array_equal(raw["label_film"][0, 2].numpy(), frame.classes)
    assert np.array_equal(raw["target"][0, 2].numpy(), frame.picture.transpose(2, 0, 1))
    assert np.array_equal(raw["instances"][0, 2].numpy(), frame.objects)
    assert np.array_equal(raw["flow"][0, 2].numpy(), frame.flow)
    batch = data.batch(torch.tensor([7]))
    assert batch.main.dtype == torch.long and torch.equal(batch["flow"], raw["flow"])


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("moving-scenes:side=8", {}, "moving-scenes.side is 8"),
        ("moving-scenes:count=8", {"size": 16, "length": 2}, "--size 16 belongs to pictures"),
        ("moving-scenes", {"labels": "kind"}, "no labels"),
        ("moving-scenes", {"rate": 30}, "12 frames a second, but --rate is 30"),
        ("moving-scenes", {"memory_budget": 1000}, "Type a smaller --length or count"),
        ("moving-scenes", {"modality": "label-film:unknown=255"}, "drawn, not read"),
    ],
)
def test_refusals(source: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(BelamyError, match=words):
        open_data(source, **options)  # type: ignore[arg-type]
