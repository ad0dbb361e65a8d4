"""Films, painted frame by frame so that what stands still keeps its paint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image, ImageSequence
from torch import Tensor

from belamy.data.film_files import moves
from belamy.data.pictures import MOST_PIXELS, strict_pillow
from belamy.editing.style.flow import moved, optical_flow, trusted
from belamy.editing.style.images import as_pixels, check_smallest, resized, size_for
from belamy.editing.style.settings import StyleSettings, named
from belamy.editing.style.styles import Styles
from belamy.editing.style.stylize import Before, Progress, sight, stylize
from belamy.errors import DataError, MissingExtra
from belamy.modalities.animation import MOST_FRAMES, Thinned
from belamy.modalities.films import over_white

PILLOW = (".gif", ".webp")
FILMS = (*PILLOW, ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")
STEADINESS = 200.0
LATER_STEPS = 0.3
"""Steps of all frames but the first, which start from the one before, as a share of the first one's."""


@dataclass(frozen=True)
class Film:
    """Frames in order.

    Args:
        frames: uint8.  # [H, W, 3] each
        seconds: How long they run.
        every: The film that they were read from had so many frames for each of them.
    """

    frames: list[np.ndarray] = field(repr=False)
    seconds: float
    every: int = 1


@dataclass(frozen=True)
class PaintedFilm:
    """A film in a style.

    Args:
        frames: uint8.  # [H, W, 3] each
        seconds: How long it runs.
        unsteadiness: Root of the mean squared change of each frame against the one before, moved as things moved,
            where they were seen before; in levels of 255.
        took: Seconds of work.
    """

    frames: list[np.ndarray] = field(repr=False)
    seconds: float
    unsteadiness: list[float]
    took: float


def is_film(source: Any) -> bool:
    """Whether a file holds moving pictures, by its name and, where that can be both, its content."""
    path = Path(source) if isinstance(source, str | Path) else None
    if path is None or path.suffix.lower() not in FILMS:
        return False
    return path.suffix.lower() not in PILLOW or moves(path)


def read_film(path: str | Path, height: int | None = None) -> Film:
    """A film's frames, brought to a height; of more than 120, every second, fourth …, so that memory has a bound.

    Raises:
        DataError: It cannot be read.
        MissingExtra: PyAV is needed and not there.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise DataError(f"There is no file {path} for the content.")
    kept, seconds = Thinned[np.ndarray](MOST_FRAMES), 0.0

    def brought(pixels: np.ndarray) -> np.ndarray:
        size = size_for(pixels, pixels.shape[0] if height is None else height)
        return as_pixels(resized(pixels, size))

    try:
        for pixels, lasts in _by_pillow(path) if path.suffix.lower() in PILLOW else _by_pyav(path):
            seconds += lasts
            kept.offer(partial(brought, pixels))
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise DataError(f"{path} cannot be read as a film: {getattr(error, 'strerror', None) or error}.") from error
    if not kept.held:
        raise DataError(f"{path} holds no frames.")
    return Film(kept.held, seconds, kept.every)


def stylize_film(
    film: Film | Iterable[np.ndarray],
    styles: Any,
    *,
    painter: Callable[[Tensor], Tensor] | None = None,
    settings: str | StyleSettings = "offline",
    steadiness: float = STEADINESS,
    warm: bool = True,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> PaintedFilm:
    r"""Paint a film: each frame starts from the painted one before, moved as things moved, and is held to it.

    .. math:: L(x_k) + \gamma \frac{1}{D} \sum_i c_i \left(x_{k,i} - x_{k-1}(i + w_i)\right)^2

    :math:`w` is the optical flow from a frame to the one before, and :math:`c` is 0 where the flow back disagrees:
    what appears is painted anew.

    References:
        Ruder, Dosovitskiy & Brox 2016, arXiv 1604.08610, eq. 6, with short-term consistency.

    Args:
        film: The frames.
        styles: As in :func:`belamy.editing.style.stylize`.
        painter: A network that paints in one pass instead, as ``one_pass`` gives it; frame by frame.
        settings: As in ``stylize``.
        steadiness: Weight of the last term; 0 for none.
        warm: Whether frames start from the one before.
        progress: Told of frames and steps.
        options: Of ``stylize``, fields of the settings among them.

    Raises:
        DataError: There are no frames, or a style cannot be used.
    """
    started = perf_counter()
    whole = film if isinstance(film, Film) else _loose(film)
    if not whole.frames:
        raise DataError("The film holds no frames.")
    chosen = named(settings) if isinstance(settings, str) else settings
    if painter is None:
        styles = Styles.read(styles, options.pop("shares", None), options.pop("masks", None))
        if options.get("network") is None:
            changed = chosen.changed(**_fields(options) | {"size": whole.frames[0].shape[0]})
            options["network"] = sight(changed, options.pop("weights", None), whole.frames[0], styles)
    frames: list[np.ndarray] = []
    changes: list[float] = []
    last: tuple[Tensor, Tensor] | None = None
    for number, pixels in enumerate(whole.frames):
        values = resized(pixels, pixels.shape[:2])
        before = None
        if last is not None:
            backward, forward = optical_flow(values, last[0]), optical_flow(last[0], values)
            before = Before(moved(last[1], backward), trusted(backward, forward), steadiness)
        if painter is not None:
            painted = as_pixels(painter(values))
            if progress is not None:
                done, took = number + 1, perf_counter() - started
                progress(Progress(done, len(whole.frames), took / done * (len(whole.frames) - done), None))
        else:
            given = dict(options)
            if before is not None and warm:
                steps = given.get("steps") or chosen.steps
                given |= {"steps": max(round(LATER_STEPS * steps), 1), "before": before}
            found = stylize(
                pixels, styles, settings=chosen, progress=_of_film(progress, number, len(whole.frames), started),
                **{**given, "size": pixels.shape[0]},
            )  # fmt: skip
            painted = found.pixels
        result = resized(painted, painted.shape[:2])
        if before is not None:
            changes.append(unsteadiness(result, before))
        frames.append(painted)
        last = values, result
    return PaintedFilm(frames, whole.seconds, changes, perf_counter() - started)


def unsteadiness(image: Tensor, before: Before) -> float:
    """Root of the mean squared change against the frame before, where it was seen; in levels of 255."""
    apart = ((image - before.image).square().mean(1, keepdim=True) * before.trust).sum() / before.trust.sum().clamp(1)
    return float(apart.sqrt() * 255)


def _loose(frames: Iterable[np.ndarray]) -> Film:
    """Frames that came without a rate, twelve a second."""
    kept = list(frames)
    return Film(kept, len(kept) / 12)


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in StyleSettings.model_fields and name != "network"}


def _of_film(
    progress: Callable[[Progress], None] | None, number: int, count: int, started: float
) -> Callable[[Progress], None] | None:
    """Tells of the whole film where one frame is; later frames take their share of the steps of the first."""
    if progress is None:
        return None

    def tell(at: Progress) -> None:
        done = (number and 1 + (number - 1) * LATER_STEPS) + at.step / at.steps * (LATER_STEPS if number else 1)
        whole = 1 + (count - 1) * LATER_STEPS
        left = (perf_counter() - started) * (whole / done - 1)
        progress(Progress(round(1000 * done / whole), 1000, left, at.terms))

    return tell


def _by_pillow(path: Path) -> Iterator[tuple[np.ndarray, float]]:
    with strict_pillow(), Image.open(path) as image:
        _check_size(path, *image.size)
        for frame in ImageSequence.Iterator(image):
            yield over_white(frame), frame.info.get("duration", 80) / 1e3


def _by_pyav(path: Path) -> Iterator[tuple[np.ndarray, float]]:
    try:
        import av
    except ImportError:
        raise MissingExtra("av", "video", f"reading {path.name}") from None
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise DataError(f"{path} holds no moving pictures.")
        stream = container.streams.video[0]
        _check_size(path, stream.width, stream.height)
        lasts = 1 / float(stream.average_rate or 25)
        for frame in container.decode(stream):
            yield frame.to_ndarray(format="rgb24"), lasts


def _check_size(path: Path, width: int, height: int) -> None:
    check_smallest(width, height, "film")
    if width * height > MOST_PIXELS:
        raise DataError(f"{path} has frames of {width}x{height} pixels, but at most {MOST_PIXELS // 10**6} million.")
