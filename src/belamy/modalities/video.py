"""Films: frames [T, C, H, W] of bytes, [-1, 1] for networks, with a rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.errors import Unreadable, UsageError
from belamy.modalities.animation import encode_gif, encode_mp4
from belamy.modalities.arrays import NPY, npy_file
from belamy.modalities.fields import Field, Media
from belamy.modalities.films import read_film, read_frames_array
from belamy.modalities.grid import grid
from belamy.modalities.image import to_float, to_uint8

STRIP, PLAYED, LARGEST = 6, 8, 3600
"""Frames of a film in a sheet; films in the moving picture; pixels of the side of a sheet."""
RATE = 8.0
"""Frames a second where none are stated."""
FILES = ("gif", "mp4", "npy")


class Modality:
    """Films.

    Args:
        size: Side to which frames are cut and brought when they are read; 0 leaves them as they are.
        channels: 3 for colour, 1 for grey.
        file: What a film is written as: gif (256 colours), mp4 (in need of a codec) or npy (without loss).
        pairs: How pairs of films lie on disk: ``folders``, or ``next`` for films whose next frame is to be told; empty
            for no pairs.
        input: The folder of what is given.
        target: The folder of what it is to become.
    """

    words = ("film", "films")

    def __init__(
        self, *, size: int = 0, channels: int = 3, file: str = "gif", pairs: str = "", input: str = "",
        target: str = "",
    ) -> None:  # fmt: skip
        if size and not 4 <= size <= 1024:
            raise UsageError(f"video:size={size} must be in 4..1024 pixels, or 0.")
        if channels not in (1, 3):
            raise UsageError(f"video:channels={channels} must be 1 or 3.")
        if file not in FILES:
            raise UsageError(f"video:file={file} must be one of {', '.join(FILES)}.")
        self.size, self.channels, self.file = size, channels, file
        self.pairs, self.input, self.target = pairs, input, target
        self.suffix = f".{file}"

    def to_float(self, raw: Tensor, field: Field) -> Tensor:
        """Pixels as float32 in [-1, 1]."""
        return to_float(raw)

    def to_raw(self, values: Tensor, field: Field) -> Tensor:
        """Floats in [-1, 1] as pixels."""
        return to_uint8(values)

    def sheet(
        self, raw: Tensor, field: Field, columns: int | None = None, captions: Sequence[str] | None = None
    ) -> np.ndarray:
        """A strip of evenly spaced frames of each film."""
        count, length = raw.shape[:2]
        shown = torch.linspace(0, length - 1, min(length, STRIP)).round().long()
        strips = raw[:, shown].permute(0, 2, 3, 1, 4).flatten(3)  # [n, C, H, frames * W]
        height, width = strips.shape[2:]
        across = columns or max(1, round(math.sqrt(1.4 * count * height / width)))
        most = max(across * width, math.ceil(count / across) * height)
        if most > LARGEST:
            step = math.ceil(most / LARGEST)
            strips = strips[:, :, ::step, ::step]
        scale = 2 if strips.shape[2] < 40 and 2 * most <= LARGEST // 2 else 1
        return grid(strips.contiguous(), across, pad=4, scale=scale, captions=captions)

    def media(self, raw: Tensor, field: Field) -> tuple[Media, ...]:
        """The first films, playing side by side."""
        some = raw[:PLAYED]
        scale = max(1, 96 // some.shape[3])
        frames = [grid(some[:, place], min(4, len(some)), scale=scale) for place in range(raw.shape[1])]
        film = encode_gif(frames, len(frames) / (field.rate or RATE), 0.0)
        return (Media("image/gif", film, "The first of them, playing."),)

    def encode(self, raw: Tensor, field: Field) -> bytes:
        """A GIF, an MP4 or a ``.npy`` file of [T, H, W, C]."""
        frames = raw.cpu().permute(0, 2, 3, 1).numpy()
        if self.file == "npy":
            return npy_file(frames)
        encode = encode_gif if self.file == "gif" else encode_mp4
        colour = [np.ascontiguousarray(np.broadcast_to(frame, (*frame.shape[:2], 3))) for frame in frames]
        return encode(colour, len(colour) / (field.rate or RATE), 0.0)

    def decode(self, data: bytes, field: Field) -> Tensor:
        """The first frames of a film of the field's size."""
        length, channels, height, width = field.shape
        frames = read_frames_array(data) if data.startswith(NPY) else read_film(data).frames
        if frames.shape[1:3] != (height, width) or len(frames) < length:
            found = f"{len(frames)} frames of {frames.shape[2]}x{frames.shape[1]}"
            raise Unreadable(f"{found}, not {length} of {width}x{height}")
        return torch.from_numpy(in_channels(frames[:length], channels))

    def describe(self, raw: Tensor, field: Field) -> dict[str, Any]:
        """Frames and their rate, brightness, and how much they move: mean change from frame to frame, of 255."""
        values = raw.to(torch.float32)
        change = (values[:, 1:] - values[:, :-1]).abs().flatten(1).sum(1) / max(1, values[0, 1:].numel())
        return {
            "frames": raw.shape[1],
            "rate": field.rate or "not stated",
            "seconds": raw.shape[1] / field.rate if field.rate else "not known",
            "mean": float(values.mean()),
            "sd": float(values.std(correction=0)),
            "change": float(change.mean()),
            "still": int((change == 0).sum()),
        }

    def distances(self, a: Tensor, b: Tensor, field: Field) -> Tensor:
        """Mean absolute differences of pixels in [-1, 1].  # [n, m]"""
        size = max(1, math.prod(field.shape))
        return torch.cdist(to_float(a).flatten(1), to_float(b).flatten(1), p=1) / size


def in_channels(frames: np.ndarray, channels: int) -> np.ndarray:
    """Frames [T, H, W, 1 or 3] in so many channels, these first; grey by the weights of the standard BT.601.

    Example:
        >>> in_channels(np.full((2, 4, 4, 3), 7, np.uint8), 1).shape
        (2, 1, 4, 4)
    """
    held = frames.shape[3]
    if held == 3 and channels == 1:
        frames = (frames @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)[..., None]
    elif held == 1 and channels == 3:
        frames = np.repeat(frames, 3, 3)
    return np.ascontiguousarray(frames.transpose(0, 3, 1, 2))
