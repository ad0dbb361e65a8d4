"""Drawn scenes in which a camera and things move, by formula: classes, objects, pictures and the exact flow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from belamy.seeds import derive

CLASSES = ("sky", "meadow", "road", "tree", "balloon", "wheel", "cart")
THING = 100
"""Objects are numbered from class · this on; what is no thing has its class."""
_SKY, _MEADOW, _ROAD, _TREE, _BALLOON, _WHEEL, _CART = range(len(CLASSES))
_COLOURS = np.array(
    [(0.55, 0.75, 0.92), (0.45, 0.68, 0.32), (0.5, 0.5, 0.54), (0.18, 0.45, 0.24), (0.85, 0.4, 0.3),
     (0.8, 0.7, 0.3), (0.45, 0.4, 0.75)]
)  # fmt: skip
_FASTEST = 1 / 28
"""Sides that something moves in a frame, at most."""


class Thing(NamedTuple):
    """Something that swings about its place in the world, and turns.

    Args:
        number: Of the object.
        place: Where its middle swings about.  # [2]: x, y
        swing: How far.  # [2]
        pace: Radians of the swing in a frame, and where it begins.  # [2]
        turn: Radians that it turns in a frame.
        size: Half of its height.
    """

    number: int
    place: np.ndarray
    swing: np.ndarray
    pace: np.ndarray
    turn: float
    size: float


class SceneFrame(NamedTuple):
    """What is known of one frame.

    Args:
        classes: Of each pixel.  # uint8 [side, side]
        objects: Of each pixel: the class where it is no thing, else a number of its own.  # int32 [side, side]
        picture: What is seen.  # uint8 [side, side, 3]
        flow: x and y from each pixel to its place in the frame before, in pixels, and 1 where it was seen there, else
            0.  # float32 [3, side, side]
    """

    classes: np.ndarray
    objects: np.ndarray
    picture: np.ndarray
    flow: np.ndarray


class MovingScene:
    """Trees, balloons, wheels and carts before a landscape that a swinging camera sees; all in closed form.

    The patterns of the things, which no label tells, are those of one film: what is made frame by frame cannot know
    where they are.

    Args:
        number: Decides everything.
        side: Of the frames, in pixels.
        things: How many things there are.
    """

    def __init__(self, number: int, side: int, things: int = 4) -> None:
        source = np.random.default_rng(derive(0, "moving-scenes", number))
        self.side = side
        self.horizon, self.road = source.uniform(0.35, 0.45) * side, source.uniform(0.66, 0.74) * side
        self.hills = source.uniform((0.02, 3, 0), (0.06, 8, 6))  # height, waves, phase
        self.camera = source.uniform((0.1, 0.08, 0), (0.3, 0.12, 6))  # sides, radians a frame, phase
        self.colours = _COLOURS + source.uniform(-0.12, 0.12, _COLOURS.shape)
        self.things = [self._thing(source, place, things) for place in range(things)]
        count = len(CLASSES) + things
        self.waves = source.uniform(0.25, 0.55, (count, 2)) * source.choice([-1, 1], (count, 2)) * 32 / side
        self.tints = source.uniform(-0.15, 0.15, (things, 3))

    def _thing(self, source: np.random.Generator, place: int, things: int) -> Thing:
        """The next thing: kinds in turn, each where it belongs, spread over the width."""
        side, kind = self.side, (_TREE, _WHEEL, _BALLOON, _CART)[place % 4]
        low = {_TREE: 0.3, _BALLOON: 0.1, _WHEEL: 0.74, _CART: 0.78}[kind]
        middle = np.array([(place + source.uniform(0.2, 0.8)) / things, source.uniform(low, low + 0.12)]) * side
        pace = np.array([source.uniform(0.1, 0.2), source.uniform(0, 6)])
        farthest = _FASTEST / pace[0] * side
        swing = source.uniform(0.5, 1, 2) * farthest * {_TREE: (0, 0), _BALLOON: (0.6, 0.3)}.get(kind, (1, 0))
        turn = source.uniform(0.06, 0.12) * source.choice([-1, 1]) if kind == _WHEEL else 0.0
        return Thing(kind * THING + place, middle, swing, pace, turn, source.uniform(0.1, 0.16) * side)

    def frame(self, time: int) -> SceneFrame:
        """The frame of a time, counted from 0; the first has no flow."""
        middles = np.arange(self.side) + 0.5
        places = np.stack(np.meshgrid(middles, middles), -1)  # [side, side, 2]: x, y
        objects = self.objects(places, time)
        picture = np.rint(255 * self.colour(places, time).clip(0, 1)).astype(np.uint8)
        flow = np.zeros((3, self.side, self.side), np.float32)
        if time:
            before, seen = self.before(places, time)
            flow = np.concatenate([np.moveaxis(before - places, -1, 0), seen[None]]).astype(np.float32)
        classes = np.where(objects >= THING, objects // THING, objects).astype(np.uint8)
        return SceneFrame(classes, objects, picture, flow)

    def objects(self, places: np.ndarray, time: float) -> np.ndarray:
        """The object at each place of the frame, also between pixels.  # [..., 2] to int32 [...]"""
        world = places + self._seen_from(time)
        height, waves, phase = self.hills
        border = self.horizon + height * self.side * np.sin(waves * world[..., 0] / self.side + phase)
        found = np.where(world[..., 1] < border, _SKY, np.where(world[..., 1] < self.road, _MEADOW, _ROAD))
        for thing in self.things:
            found = np.where(_inside(thing, self._own(world, thing, time)), thing.number, found)
        return found.astype(np.int32)

    def colour(self, places: np.ndarray, time: float) -> np.ndarray:
        """The colour at each place of the frame, about 0..1: of the class and the thing, and a pattern that goes along.

        # [..., 2] to [..., 3]
        """
        world, objects = places + self._seen_from(time), self.objects(places, time)
        picture = np.zeros((*objects.shape, 3))
        for number in (_SKY, _MEADOW, _ROAD):
            there = objects == number
            picture[there] = self.colours[number] * self._pattern(number, world[there], 0.12)
        for place, thing in enumerate(self.things):
            there = objects == thing.number
            own = self._own(world, thing, time)[there]
            shade = self._pattern(len(CLASSES) + place, own, 0.35)
            picture[there] = (self.colours[thing.number // THING] + self.tints[place]) * shade
        return picture

    def before(self, places: np.ndarray, time: int) -> tuple[np.ndarray, np.ndarray]:
        """Where what is seen at each place was one frame before, and whether it was seen there.

        Args:
            places: In the frame.  # [..., 2]
            time: Of the frame.

        Returns:
            Places and truth values.  # [..., 2] and [...]
        """
        world, objects = places + self._seen_from(time), self.objects(places, time)
        earlier = world.copy()
        for thing in self.things:
            there = objects == thing.number
            own = self._own(world, thing, time)[there]
            earlier[there] = own @ _turning(-thing.turn * (time - 1)) + _middle(thing, time - 1)
        found = earlier - self._seen_from(time - 1)
        within = ((found >= 0) & (found <= self.side)).all(-1)
        return found, within & (self.objects(found, time - 1) == objects)

    def _seen_from(self, time: float) -> np.ndarray:
        """Where in the world the corner of the frame is.  # [2]"""
        far, pace, phase = self.camera
        return np.array([far * self.side * np.sin(pace * time + phase), 0.0])

    def _own(self, world: np.ndarray, thing: Thing, time: float) -> np.ndarray:
        """Places of the world as a thing itself sees them."""
        return (world - _middle(thing, time)) @ _turning(thing.turn * time)

    def _pattern(self, number: int, own: np.ndarray, depth: float) -> np.ndarray:
        """Light and dark at places.  # [n, 2] to [n, 1]"""
        shade = 1 - depth + depth * np.sin(own @ self.waves[number]) * np.cos(own[..., 0] * self.waves[number, 1])
        return shade[..., None]


def _middle(thing: Thing, time: float) -> np.ndarray:
    """Where a thing is in the world.  # [2]"""
    pace, phase = thing.pace
    return thing.place + thing.swing * np.sin(pace * time + phase)


def _turning(angle: float) -> np.ndarray:
    """Turns rows of places back by an angle.  # [2, 2]"""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]])


def _inside(thing: Thing, own: np.ndarray) -> np.ndarray:
    """Whether places, as a thing sees them, are within it."""
    x, y, size = own[..., 0], own[..., 1], thing.size
    kind = thing.number // THING
    if kind == _TREE:
        return (np.hypot(x, y + 0.4 * size) < 0.75 * size) | ((abs(x) < 0.18 * size) & (y > 0) & (y < 1.4 * size))
    if kind == _BALLOON:
        return (np.hypot(x, 0.85 * y) < size) | ((abs(x) < 0.25 * size) & (y > 0) & (y < 1.6 * size))
    if kind == _WHEEL:
        return np.hypot(x, y) < 0.8 * size
    return (abs(x) < 1.3 * size) & (abs(y) < 0.6 * size)
