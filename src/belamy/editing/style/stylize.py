"""Painting: a picture is optimised until its features are those of the content and of the styles."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.editing.style import colours as colouring
from belamy.editing.style.backbone import Backbone, adopted, build
from belamy.editing.style.images import as_pixels, load, resized, size_for
from belamy.editing.style.objective import Style, StyleLoss, StyleTerms
from belamy.editing.style.settings import StyleSettings, named
from belamy.editing.style.styles import Styles
from belamy.errors import NotFinite, UsageError, nearest
from belamy.modalities.grid import encode_png
from belamy.runs.files import save_png
from belamy.seeds import generator

WORSE = 1.5
"""So many times the first loss shows that the steps lead away."""
_EDGE = 0.01
"""Intensities start so far from 0 and 1 at least, where their logits are finite."""


@dataclass(frozen=True)
class Progress:
    """Where a painting is.

    Args:
        step: Evaluations done, over all sizes.
        steps: Of so many.
        left: Seconds that the rest will take, by the work of each size.
        terms: The weighted parts of the loss; None where there is none, as in one pass of a network.
    """

    step: int
    steps: int
    left: float
    terms: StyleTerms | None


@dataclass(frozen=True)
class Before:
    """The painted picture before this one, of which it is to be the next frame.

    Args:
        image: In [0, 1], moved to where things are now.  # [1, 3, H, W]
        trust: 1 where what is seen now was seen then, else 0.  # [1, 1, H, W]
        weight: Of the mean squared difference there.
    """

    image: Tensor = field(repr=False)
    trust: Tensor = field(repr=False)
    weight: float

    def pull(self, image: Tensor) -> tuple[float, Tensor]:
        """The weighted term of a picture, and its gradient."""
        apart = self.trust * (image - self.image)
        scale = self.weight / image.numel()
        return float(scale * apart.square().sum()), 2 * scale * apart


@dataclass(frozen=True)
class Painting:
    """A painted picture and how it came about.

    Args:
        pixels: uint8.  # [H, W, 3]
        losses: The weighted parts of the loss, ``content``, ``style``, ``smoothness``, and their ``total``, by step.
        seconds: All of it, preparations included.
        step_seconds: Of a step at the final size, the median.
        final_steps: Of the losses, so many are of the final size; those of other sizes compare with no others.
        settings: What decided it.
        frames: The picture on its way, in its final size, where they were asked for.
    """

    pixels: np.ndarray = field(repr=False)
    losses: dict[str, list[float]] = field(repr=False)
    seconds: float
    step_seconds: float
    final_steps: int
    settings: StyleSettings
    frames: list[np.ndarray] = field(default_factory=list, repr=False)

    @property
    def image(self) -> Image.Image:
        """As a Pillow image."""
        return Image.fromarray(self.pixels)

    def save(self, path: str | Path) -> None:
        """Write it as a PNG file, whole or not at all."""
        save_png(self.pixels, Path(path))

    def _repr_png_(self) -> bytes:
        return encode_png(self.pixels)


def stylize(
    content: Any,
    styles: Any,
    *,
    settings: str | StyleSettings = "offline",
    network: Backbone | nn.Module | None = None,
    weights: str | Path | None = None,
    shares: Sequence[float] | None = None,
    masks: Sequence[Any] | None = None,
    strength: float = 1.0,
    colours: str = "style",
    frames: int = 0,
    seed: int = 0,
    before: Before | None = None,
    progress: Callable[[Progress], None] | None = None,
    **changes: Any,
) -> Painting:
    """Paint a picture in the style of others.

    Args:
        content: What is painted: a path, a Pillow image, or uint8 [H, W, 3] or [H, W].
        styles: One picture or several; or :class:`Styles`, which know their shares and masks.
        settings: ``offline``, ``documents`` or ``gatys``, or settings of your own.
        network: Any image network instead of the settings' own, e.g. a torchvision model; its layers are named with
            ``content_layers`` and ``style_layers``.
        weights: The file of VGG-19's weights; None looks for it in the cache.
        shares: The styles' weights, which are brought to a sum of 1; by default all alike.
        masks: Where each style is wanted, white for there; one for each style, None for everywhere.
        strength: Where between the content's own style, 0, and the styles', 1, the wanted one lies.
        colours: ``style``; or keep the content's: ``luminance`` paints without colours and puts them back,
            ``histogram`` gives the styles the content's colours first.
        frames: So many pictures on the way are kept.
        seed: Decides the noise and the shifts.
        before: The painted frame before, of a film: where the painting starts, in its final size, and is held to.
        progress: Told after each step.
        changes: Fields of the settings, e.g. ``size=512, steps=100, style_weight=20``.

    Raises:
        DataError: A picture cannot be used, or weights are not there.
        UsageError: An unknown name or a number out of range.
        NotFinite: The loss became infinite or no number.

    Example:
        >>> painting = stylize("photo.jpg", "woodcut.png", size=256)  # doctest: +SKIP
        >>> painting.save("painted.png")  # doctest: +SKIP
    """
    started = perf_counter()
    chosen = (named(settings) if isinstance(settings, str) else settings).changed(**changes)
    if not 0 <= strength <= 1:
        raise UsageError(f"The strength is {strength}, but it must be in 0..1. For more, raise style_weight.")
    if colours not in colouring.COLOURS:
        raise UsageError(f"There are no colours '{colours}'. {nearest(colours, colouring.COLOURS)}")
    wanted = styles if isinstance(styles, Styles) else Styles.read(styles, shares, masks)
    picture = load(content, "content")
    size = size_for(picture, chosen.size)
    backbone = sight(chosen, weights, picture, wanted) if network is None else adopted(network)
    shown = colouring.luminance(picture) if colours == "luminance" else picture
    work = _Work(chosen, backbone, shown, wanted.coloured(colours, picture), strength, seed, frames, progress, before)
    values = work.paint(size)
    pixels = as_pixels(values)
    finish = (lambda each: each) if colours != "luminance" else (lambda each: _recoloured(picture, each))
    return Painting(
        finish(pixels),
        work.losses,
        perf_counter() - started,
        statistics.median(work.times),
        len(work.times),
        chosen,
        [finish(as_pixels(F.interpolate(frame, size, mode="bilinear"))) for frame in work.frames],
    )


def sight(settings: StyleSettings, weights: str | Path | None, content: np.ndarray, styles: Styles) -> Backbone:
    """The settings' network, its weights rescaled to the pictures where they say so."""
    network = build(settings, None if weights is None else Path(weights))
    if settings.rescaled:
        size = size_for(content, settings.size)
        network.rescale(torch.cat([resized(each, size) for each in (content, *styles.pictures)]))  # type: ignore[attr-defined]
    return network


class _Work:
    """The optimisation, from the coarsest size to the final one."""

    def __init__(
        self, settings: StyleSettings, network: Backbone, content: np.ndarray, styles: Styles, strength: float,
        seed: int, frames: int, progress: Callable[[Progress], None] | None, before: Before | None = None,
    ) -> None:  # fmt: skip
        self.settings, self.network, self.content, self.styles = settings, network, content, styles
        self.strength, self.seed, self.progress = strength, seed, progress
        self.before = before
        parts = (*StyleTerms._fields, *(["temporal"] if before else []), "total")
        self.losses: dict[str, list[float]] = {name: [] for name in parts}
        self.times: list[float] = []
        self.frames: list[Tensor] = []
        self._wanted_frames = frames

    def paint(self, size: tuple[int, int]) -> Tensor:
        """The picture in its final size."""
        self.styles.at(size, self.settings)  # too large a one is refused before anything is painted
        sizes = [size]
        while sizes[0][0] > self.settings.coarsest and min(sizes[0]) >= 64 and self.before is None:
            sizes.insert(0, (sizes[0][0] // 2, sizes[0][1] // 2))
        self._areas = [height * width for height, width in sizes]
        image = None
        for level, each in enumerate(sizes):
            content, styles = resized(self.content, each), self.styles.at(each, self.settings)
            start = self._start(content, styles) if image is None else F.interpolate(image, each, mode="bicubic")
            image = self._level(level, content, styles, start.clamp(0, 1))
        assert image is not None
        return image

    def _start(self, content: Tensor, styles: list[Style]) -> Tensor:
        start = self._alone(content, styles)
        return start if self.before is None else torch.lerp(start, self.before.image, self.before.trust)

    def _alone(self, content: Tensor, styles: list[Style]) -> Tensor:
        if self.settings.start == "noise":
            return torch.rand(content.shape, generator=generator(self.seed, "style-start"))
        if self.settings.start == "content" or any(style.mask is not None for style in styles):
            return content
        wanted = np.concatenate([as_pixels(style.image).reshape(-1, 1, 3) for style in styles if style.weight])
        height, width = content.shape[2:]
        recoloured = resized(colouring.with_colours_of(as_pixels(content), wanted), (height, width))
        return torch.lerp(content, recoloured, self.strength)

    def _level(self, level: int, content: Tensor, styles: list[Style], start: Tensor) -> Tensor:
        """The picture at one size."""
        height, width = content.shape[2:]
        if max(height, width) > self.settings.tile:
            content, start, styles = _widened(content, start, styles)
        objective = StyleLoss(self.network, self.settings, content, styles, self.strength)
        variable, decode = _variable(start, self.settings.pixels)
        reach = _reach(styles)

        def painted() -> Tensor:
            image = decode(variable)
            return image if reach is None else torch.lerp(content, image, reach)

        self.times.clear()

        def evaluate() -> Tensor:
            before, step = perf_counter(), len(self.times)
            with torch.enable_grad():
                image = painted()
            terms, gradient = objective.gradient(image, self._offset(level, step))
            shown, temporal = image.detach()[..., :height, :width], 0.0
            if self.before is not None:
                temporal, pull = self.before.pull(shown)
                gradient[..., :height, :width] += pull
            variable.grad = torch.autograd.grad(image, variable, gradient)[0].contiguous()
            self._record(level, terms, temporal, shown, before)
            return variable.new_tensor(terms.total + temporal)

        _minimise(variable, evaluate, self.settings)
        return painted().detach()[..., :height, :width]

    def _offset(self, level: int, step: int) -> tuple[int, int]:
        """By how much the network sees the picture shifted in a step."""
        if self.settings.shift <= 1:
            return 0, 0
        source = generator(self.seed, "style-shift", level, step)
        down, right = torch.randint(self.settings.shift, (2,), generator=source).tolist()
        return down, right

    def _record(self, level: int, terms: StyleTerms, temporal: float, image: Tensor, before: float) -> None:
        if not np.isfinite(terms.total):
            raise NotFinite(
                f"The loss is {terms.total} at step {len(self.losses['total']) + 1}: the steps are too long for this "
                f"network and these weights. Give a smaller --lr than {self.settings.lr:g}."
            )
        parts = {**terms._asdict(), "temporal": temporal, "total": terms.total + temporal}
        for name, values in self.losses.items():
            values.append(parts[name])
        self.times.append(perf_counter() - before)
        done, steps = len(self.losses["total"]), self.settings.steps * len(self._areas)
        if self._wanted_frames and (done - 1) * self._wanted_frames // steps < done * self._wanted_frames // steps:
            self.frames.append(image.clone())
        if self.progress is not None:
            here = sum(self.times) / len(self.times)
            rest = self.settings.steps - len(self.times)
            later = sum(self.settings.steps * area / self._areas[level] for area in self._areas[level + 1 :])
            self.progress(Progress(done, steps, here * (rest + later), terms))


def _reach(styles: list[Style]) -> Tensor | None:
    """Where any style is wanted: elsewhere the content stays as it is. None is everywhere.  # [1, 1, H, W]"""
    masks = [style.mask for style in styles if style.mask is not None]
    return torch.stack(masks).amax(0) if len(masks) == len(styles) else None


def _variable(start: Tensor, kind: str) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """What is optimised, and how it makes values in [0, 1]; levels may leave that range on their way."""
    if kind == "logit":
        return torch.logit(start.clamp(_EDGE, 1 - _EDGE)).requires_grad_(), torch.sigmoid
    return (start * 255).requires_grad_(), lambda levels: levels / 255


def _minimise(variable: Tensor, evaluate: Callable[[], Tensor], settings: StyleSettings) -> None:
    """So many evaluations, by the settings' optimiser.

    Adam's first steps are as long as its learning rate, however small the gradient is: where a painting begins near its
    end, as noise in the style of noise does, they lead away from it. Then it goes back and on with steps half as long.
    """
    if settings.optimiser == "lbfgs":
        torch.optim.LBFGS(
            [variable], lr=settings.lr, max_iter=settings.steps, max_eval=settings.steps, history_size=20,
            tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe",
        ).step(evaluate)  # fmt: skip
        return
    if settings.optimiser == "sgd":
        optimiser: torch.optim.Optimizer = torch.optim.SGD([variable], lr=settings.lr)
        for step in range(settings.steps):
            optimiser.param_groups[0]["lr"] = settings.learning_rate(step)
            evaluate()
            optimiser.step()
        return
    optimiser, share = torch.optim.Adam([variable]), 1.0
    first = least = inf
    for step in range(settings.steps):
        loss = float(evaluate())
        first = loss if step == 0 else first
        if loss < least:
            least, best = loss, variable.detach().clone()
        elif loss > WORSE * first:
            variable.data.copy_(best)
            optimiser, share = torch.optim.Adam([variable]), share / 2
            continue
        optimiser.param_groups[0]["lr"] = share * settings.learning_rate(step)
        optimiser.step()


def _widened(
    content: Tensor, start: Tensor, styles: list[Style], multiple: int = 32
) -> tuple[Tensor, Tensor, list[Style]]:
    """The pictures mirrored at their ends to whole multiples of the strides, as tiles need."""
    height, width = content.shape[2:]
    room = (0, -width % multiple, 0, -height % multiple)
    masks = [None if style.mask is None else F.pad(style.mask, room, mode="reflect") for style in styles]
    wide = [replace(style, mask=mask) for style, mask in zip(styles, masks, strict=True)]
    return F.pad(content, room, mode="reflect"), F.pad(start, room, mode="reflect"), wide


def _recoloured(content: np.ndarray, painted: np.ndarray) -> np.ndarray:
    height, width = painted.shape[:2]
    return colouring.with_luminance_of(as_pixels(resized(content, (height, width))), painted)
