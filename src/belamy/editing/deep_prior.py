"""Deep Image Prior: one picture is restored by an untrained network that is fitted to it, and stopped in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from belamy.data.files import reading
from belamy.data.film_files import moves
from belamy.data.holes import read_holes
from belamy.data.pictures import examined_picture, read_header, strict_pillow
from belamy.errors import DataError, NotFinite, UsageError, nearest
from belamy.modalities.grid import encode_png
from belamy.networks.bicubic import bicubic
from belamy.networks.deep_prior import DEPTH, Hourglass
from belamy.runs.files import save_png
from belamy.seeds import derive, generator
from belamy.settings import FrozenSettings

TASKS = ("denoise", "inpaint", "enlarge")
SMALLEST, MOST_PIXELS = 16, 1_000_000
"""Side of a picture, and pixels of what is made."""
SCALE, LARGEST_SCALE = 4, 8
Stopped = Literal["the held-out pixels", "the last step", "interrupted"]


class PriorSettings(FrozenSettings):
    """How the network is fitted. The defaults are those of ``quick``."""

    subject = "Restoring"

    maps: int = Field(default=32, gt=0, le=1024)
    """Channels of the network at each size; the paper has 128."""
    steps: int = Field(default=2_000, gt=0, le=1_000_000)
    """Steps at most."""
    lr: float = Field(default=0.01, gt=0)
    """Learning rate of Adam."""
    jitter: float = Field(default=1 / 30, ge=0)
    """Standard deviation of the noise that is added to the network's input in each step."""
    average: float = Field(default=0.02, gt=0, le=1)
    """Weight of the newest picture in the running mean, which is what is returned."""
    held_out: float = Field(default=0.1, ge=0, le=0.5)
    """Share of the known pixels that the network is not shown and is stopped by; 0 never stops it."""
    patience: int = Field(default=250, gt=0)
    """So many steps without a smaller error of the held-out pixels end the fit."""


SETTINGS: Mapping[str, PriorSettings] = MappingProxyType(
    {"quick": PriorSettings(), "paper": PriorSettings(maps=128, average=0.01, patience=500, steps=5_000)}
)
"""``quick`` for a CPU; ``paper`` has the published network, sixteen times the work."""


@dataclass(frozen=True)
class FitProgress:
    """Where a fit is.

    Args:
        step: Steps done.
        steps: Of so many at most.
        left: Seconds that the rest will take at most.
        error: Of the held-out pixels, the root of the mean square, on the scale 0..255; None where none are.
        picture: The running mean, in [0, 1].  # [1, C, H, W]
    """

    step: int
    steps: int
    left: float
    error: float | None
    picture: Tensor = field(repr=False)


@dataclass(frozen=True)
class RestoredPicture:
    """A restored picture and how it came about.

    Args:
        pixels: uint8.  # [H, W] or [H, W, C]
        task: What was done.
        steps: Steps done.
        best: The step whose running mean this is.
        stopped: What ended the fit.
        errors: Mean squared error of the held-out pixels after each step, of values in [0, 1].
        seconds: All of it.
        settings: What decided it.
    """

    pixels: np.ndarray = field(repr=False)
    task: str
    steps: int
    best: int
    stopped: Stopped
    errors: list[float] = field(repr=False)
    seconds: float
    settings: PriorSettings

    def save(self, path: str | Path) -> None:
        """Write it as a PNG file, whole or not at all."""
        save_png(self.pixels, Path(path))

    def _repr_png_(self) -> bytes:
        return encode_png(self.pixels)


def restore_picture(
    picture: Any,
    task: str = "denoise",
    *,
    mask: str | Path | np.ndarray | None = None,
    scale: int | None = None,
    settings: str | PriorSettings = "quick",
    seed: int = 0,
    progress: Callable[[FitProgress], None] | None = None,
    **changes: Any,
) -> RestoredPicture:
    r"""Take noise out of one picture, fill its holes or enlarge it, with no other picture to learn from.

    An untrained network f with weights θ makes a picture of fixed noise z and is fitted to what is known, y:

    .. math:: \min_\theta \| d(f_\theta(z)) - y \|^2

    with d the identity, the known pixels, or bicubic reduction. It comes to natural pictures long before it comes to
    noise. A share of the known pixels is held out: their error falls as long as what is learned is the picture, and
    rises when it is noise, since noise of one pixel tells nothing of another's. The running mean of the pictures at the
    least such error is returned; no clean picture is needed, and no level of the noise.

    *Departs from the paper*: it is stopped by held-out pixels, not by a number of steps chosen beforehand; the network
    of ``quick`` is a quarter as wide; pictures are reduced by a bicubic filter, not by Lanczos'.

    References:
        Ulyanov, Vedaldi & Lempitsky 2018, arXiv 1711.10925, equations 2 to 6; held-out pixels: Ding, Qin, Jiang, Zhou &
        Zhu 2022, arXiv 2209.10675; the same reasoning: Batson & Royer 2019, arXiv 1901.11365. Stopping by the variance
        of a window of pictures (Wang et al. 2021, arXiv 2112.06074) needs a least that small pictures lacked here.

    Args:
        picture: A path, a Pillow image, or uint8 [H, W], [H, W, 3] or [H, W, 4].
        task: ``denoise``, ``inpaint`` or ``enlarge``.
        mask: Of the holes: a file, white there and black elsewhere, or bool [H, W]; None for what is not opaque.
        scale: By how much a picture is enlarged, 2 to 8; by default 4.
        settings: ``quick``, ``paper``, or settings of your own.
        seed: Decides the weights, the noise and the held-out pixels.
        progress: Told after each step. An interruption (Ctrl-C) ends the fit, and the best so far is returned.
        changes: Fields of the settings, e.g. ``steps=500``.

    Raises:
        DataError: The picture or the mask cannot be used.
        UsageError: An unknown word, a number out of range, or a mask that does not fit.
        NotFinite: The error became infinite or no number.

    Example:
        >>> restore_picture("noisy.png").save("clean.png")  # doctest: +SKIP
    """
    started = perf_counter()
    if isinstance(settings, str):
        if settings not in SETTINGS:
            raise UsageError(f"There are no settings '{settings}' of restoring. {nearest(settings, SETTINGS)}")
        settings = SETTINGS[settings]
    chosen = settings.changed(**changes)
    check_task(task, mask is not None, scale)
    given, holes = _given(picture, task, mask)
    fit = _Fit(given, holes, int(scale or SCALE) if task == "enlarge" else 1, chosen, seed)
    stopped = fit.run(progress, started)
    made = fit.best[0].mul(255).round().clamp(0, 255).to(torch.uint8)  # [C, H, W]
    if task == "inpaint":
        made = torch.where(holes, made, given[0].mul(255).round().to(torch.uint8))
    pixels = made.permute(1, 2, 0).numpy()
    return RestoredPicture(
        np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), task, fit.done, fit.best_step,
        stopped, fit.errors, perf_counter() - started, chosen,
    )  # fmt: skip


def check_task(task: str, masked: bool, scale: int | None) -> None:
    """Refuse what cannot be before anything is read.

    Raises:
        UsageError: There is no such task, a mask or a scale that nothing is done with, or a scale out of range.
    """
    if task not in TASKS:
        raise UsageError(f"There is no task '{task}': it must be {', '.join(TASKS)}. {nearest(task, TASKS)}")
    if masked and task != "inpaint":
        raise UsageError(f"A mask marks holes to fill, but the task is {task}. Type --task inpaint, or leave it out.")
    if scale is not None and task != "enlarge":
        raise UsageError(f"A scale is that of enlarging, but the task is {task}. Type --task enlarge, or leave it out.")
    if scale is not None and scale not in range(2, LARGEST_SCALE + 1):
        raise UsageError(
            f"The scale is {scale}, but a picture is enlarged by a whole number from 2 to {LARGEST_SCALE}."
        )


class _Fit:
    """The network on its way to a picture ``[1, C, h, w]`` in [0, 1] of which some pixels are no holes."""

    def __init__(self, given: Tensor, holes: Tensor, scale: int, settings: PriorSettings, seed: int) -> None:
        self.given, self.settings, self.seed = given, settings, seed
        height, width = given.shape[2:]
        sides = (height * scale, width * scale)
        if sides[0] * sides[1] > MOST_PIXELS:
            raise UsageError(f"{sides[1]}x{sides[0]} pixels would be made, but {MOST_PIXELS:,} are the most. "
                             "Give a smaller picture or scale.")  # fmt: skip
        self.small = None if scale == 1 else (height, width)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "prior"))
            self.network = Hourglass(given.shape[1], *sides, maps=settings.maps)
        self.noise = 0.1 * torch.rand(1, DEPTH, *sides, generator=generator(seed, "prior-input"))
        chances = torch.rand(height, width, generator=generator(seed, "prior-held-out"))
        self.held = ~holes & (chances < settings.held_out)  # [h, w]
        self.shown = ~holes & ~self.held
        self.best, self.best_step, self.done = torch.zeros(1, given.shape[1], *sides), 0, 0
        self.errors: list[float] = []

    def run(self, progress: Callable[[FitProgress], None] | None, started: float) -> Stopped:
        """Fit, until something ends it."""
        settings = self.settings
        optimizer = torch.optim.Adam(self.network.parameters(), lr=settings.lr)
        mean: Tensor | None = None
        try:
            for step in range(settings.steps):
                made = self._step(step, optimizer)
                mean = made if mean is None else torch.lerp(mean, made, settings.average)
                self.done = step + 1
                if self._seen(mean):
                    return "the held-out pixels"
                if progress is not None:
                    left = (perf_counter() - started) / self.done * (settings.steps - self.done)
                    error = 255 * self.errors[-1] ** 0.5 if self.errors else None
                    progress(FitProgress(self.done, settings.steps, left, error, mean))
        except KeyboardInterrupt:
            if not self.best_step:
                raise
            return "interrupted"
        return "the last step"

    def _step(self, step: int, optimizer: torch.optim.Optimizer) -> Tensor:
        """One step; the picture before it."""
        shift = torch.randn(self.noise.shape, generator=generator(self.seed, "prior-jitter", step))
        made = self.network(self.noise + self.settings.jitter * shift)
        error = (self._reduced(made) - self.given).square() * self.shown
        loss = error.sum() / (self.shown.sum() * self.given.shape[1])
        if not torch.isfinite(loss):
            raise NotFinite(f"the error is {float(loss.detach()):g} in step {step + 1}; a smaller --lr may help")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        found: Tensor = made.detach()
        return found

    def _reduced(self, made: Tensor) -> Tensor:
        """What is compared with the given picture."""
        return made if self.small is None else bicubic(made, self.small)

    def _seen(self, mean: Tensor) -> bool:
        """Judge the running mean by the held-out pixels and keep the best; whether it has been best for too long."""
        if not self.held.any():
            self.best, self.best_step = mean, self.done
            return False
        apart = (self._reduced(mean) - self.given)[..., self.held]
        self.errors.append(float(apart.square().mean()))
        if not self.best_step or self.errors[-1] <= self.errors[self.best_step - 1]:
            self.best, self.best_step = mean, self.done
        return self.done - self.best_step >= self.settings.patience


def _given(picture: Any, task: str, mask: str | Path | np.ndarray | None) -> tuple[Tensor, Tensor]:
    """Values ``[1, C, H, W]`` in [0, 1] and holes, bool ``[H, W]``; opacity is a channel unless it marks the holes."""
    pixels = _pixels(picture)  # [C, H, W]
    height, width = pixels.shape[1:]
    if min(height, width) < SMALLEST:
        raise DataError(f"The picture has {width}x{height} pixels, but each side must be at least {SMALLEST}.")
    values = torch.from_numpy(pixels.astype(np.float32) / 255)[None]
    holes = torch.zeros(height, width, dtype=torch.bool)
    if task != "inpaint":
        return values, holes
    if mask is not None:
        holes = torch.from_numpy(mask.astype(bool)) if isinstance(mask, np.ndarray) else read_holes(Path(mask))
    elif len(pixels) in (2, 4):
        holes, values = torch.from_numpy(pixels[-1] < 255), values[:, :-1]
    if tuple(holes.shape) != (height, width):
        sides = "x".join(map(str, reversed(holes.shape)))
        raise UsageError(f"The mask is {sides}, but the picture is {width}x{height}. They must be alike.")
    if not holes.any() or holes.all():
        what = "picture is transparent everywhere" if mask is None else "mask marks all of the picture"
        state = what if holes.any() else "picture is whole"
        raise UsageError(f"The {state}, so nothing can be filled. Give --mask MASK.png, white in its holes.")
    return values, holes


def _pixels(picture: Any) -> np.ndarray:
    """A picture as bytes, grey or colour, with its opacity where something is transparent.  # [C, H, W]"""
    if isinstance(picture, str | Path):
        path = Path(picture).expanduser()
        if path.is_dir():
            raise DataError(f"{path} is a folder, but one picture is restored at a time. Name a file in it.")
        if not path.is_file():
            raise DataError(f"There is no picture {path}. Name a picture file that is there.")
        if moves(path):
            raise DataError(f"{path} has several frames, and one picture is restored. Save one of them as PNG.")
        with reading(f"{path} cannot be restored"), strict_pillow(), path.open("rb") as file:
            header = read_header(file)
            file.seek(0)
            channels = (1 if header.grey else 3) + (not header.opaque)
            pixels = examined_picture(file, (header.height, header.width), "crop", channels).pixels
    else:
        array = np.asarray(picture)
        if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] > 4):
            raise DataError(
                f"The picture is {array.dtype} {list(array.shape)}, but an array must be uint8 [H, W] or [H, W, C]."
            )
        pixels = np.atleast_3d(array).transpose(2, 0, 1)
    opaque = len(pixels) in (2, 4) and bool((pixels[-1] == 255).all())
    return pixels[:-1] if opaque else pixels
