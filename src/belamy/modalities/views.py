"""Solids of voxels as one sees them: lit from above, from any side, without perspective."""

from __future__ import annotations

import numpy as np

from belamy.modalities.grid import BACKGROUND

ANGLE, HEIGHT = 0.62, 0.52
"""Radians by which the solid is turned, and from which height over the horizon one looks."""
LIGHTS = np.array([1.0, 0.76, 0.54])
"""How bright faces are that look along the axes z (up), y and x."""
INK = np.array([236.0, 186.0, 112.0])
FADING = 0.45
"""How much darker a voxel is a diagonal farther away."""
COVERED = 0.75
"""Share of the outside that is full where nothing inside can be seen."""


def view(volumes: np.ndarray, side: int, turn: float = 0.0, smooth: int = 2) -> np.ndarray:
    """A picture of each volume: its surface where it is at least half full, or its middle slices where it is covered.

    Args:
        volumes: Densities in [0, 1].  # [n, D, H, W]
        side: Of the square pictures, in pixels.
        turn: Radians by which all are turned about the upright axis.
        smooth: Rays for a pixel in each direction.

    Returns:
        uint8 [n, side, side, 3].
    """
    pictures = np.empty((len(volumes), side, side, 3), np.uint8)
    rays = Rays(volumes.shape[1:], side, turn, smooth)
    for number, volume in enumerate(volumes):
        pictures[number] = slices(volume, side) if is_covered(volume) else rays.picture(volume >= 0.5)
    return pictures


def is_covered(volume: np.ndarray) -> bool:
    """Whether the outer voxels hide what is inside.  # [D, H, W]"""
    faces = [volume[0], volume[-1], volume[:, 0], volume[:, -1], volume[:, :, 0], volume[:, :, -1]]
    return bool(np.mean(np.concatenate([face.ravel() for face in faces]) >= 0.5) > COVERED)


def slices(volume: np.ndarray, side: int) -> np.ndarray:
    """The middle slices across the three axes and the mean along the first, two by two.  # uint8 [side, side, 3]"""
    depth, height, width = (extent // 2 for extent in volume.shape)
    half = side // 2
    picture = np.full((side, side), float(BACKGROUND))
    tiles = (volume[depth], volume[::-1, height], volume[::-1, :, width], volume.mean(0))
    for number, tile in enumerate(tiles):
        rows, columns = (np.arange(half - 1) * extent // (half - 1) for extent in tile.shape)
        top, left = number // 2 * half, number % 2 * half
        picture[top : top + half - 1, left : left + half - 1] = 255 * tile[np.ix_(rows, columns)]
    return np.repeat(picture.round().astype(np.uint8)[:, :, None], 3, 2)


class Rays:
    """Where parallel rays meet the voxels of a grid; the same for all grids of a shape.

    Args:
        shape: (D, H, W) of the grids.
        side: Of the square pictures, in pixels.
        turn: Radians by which the grids are turned.
        smooth: Rays for a pixel in each direction.
    """

    def __init__(self, shape: tuple[int, ...], side: int, turn: float, smooth: int) -> None:
        self.shape, self.side, self.smooth = shape, side, smooth
        angle = ANGLE + turn
        toward = np.array([np.sin(HEIGHT), -np.cos(HEIGHT) * np.cos(angle), np.cos(HEIGHT) * np.sin(angle)])
        toward = np.where(abs(toward) < 1e-6, 1e-6, toward)  # no ray runs along a face
        right = np.array([0.0, np.sin(angle), np.cos(angle)])
        up = np.array([np.cos(HEIGHT), np.sin(HEIGHT) * np.cos(angle), -np.sin(HEIGHT) * np.sin(angle)])
        round_ = np.hypot(shape[1], shape[2]) / 2
        reach = max(round_, np.cos(HEIGHT) * shape[0] / 2 + np.sin(HEIGHT) * round_)
        across = ((np.arange(side * smooth) + 0.5) / (side * smooth) * 2 - 1) * reach
        plane = -across[:, None, None] * up + across[:, None] * right
        start = (np.array(shape) / 2 + plane).reshape(-1, 3) + 2 * np.linalg.norm(shape) * toward  # [rays, 3]
        times = [(start[:, axis : axis + 1] - np.arange(shape[axis] + 1)) / toward[axis] for axis in range(3)]
        self.times = np.concatenate(times, 1).astype(np.float32)  # [rays, planes between voxels]
        order = self.times.argsort(1).astype(np.int16)
        self.times = np.take_along_axis(self.times, order.astype(np.int64), 1)
        self.axes = np.repeat(np.arange(3, dtype=np.int8), [extent + 1 for extent in shape])[order]
        between = (self.times[:, :-1] + self.times[:, 1:]) / 2
        self.flat = np.zeros(between.shape, np.int32)
        inside = np.ones(between.shape, bool)
        for axis, extent in enumerate(shape):
            place = np.floor(start[:, axis : axis + 1] - between * toward[axis]).astype(np.int32)
            inside &= (place >= 0) & (place < extent)
            self.flat = self.flat * extent + place
        self.flat[~inside] = np.prod(shape)  # one place more, which is empty

    def picture(self, solid: np.ndarray) -> np.ndarray:
        """What is seen of a solid.  # bool [D, H, W] -> uint8 [side, side, 3]"""
        met = np.append(solid.ravel(), False)[self.flat]
        first = met.argmax(1)
        rays = np.flatnonzero(met[np.arange(len(met)), first])
        lit = np.full((len(met), 3), float(BACKGROUND))
        depth = self.times[rays, first[rays]]
        share = (depth - depth.min(initial=np.inf)) / np.linalg.norm(self.shape)
        lit[rays] = INK * (LIGHTS[self.axes[rays, first[rays]]] * (1 - FADING * share))[:, None]
        fine = lit.reshape(self.side, self.smooth, self.side, self.smooth, 3)
        return fine.mean((1, 3)).round().astype(np.uint8)
