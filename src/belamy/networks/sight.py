"""How far a network of pictures sees, traced through one pass: what tiles of a large picture must overlap by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

_SUMMED = frozenset(("mean", "sum", "var", "std", "var_mean", "amax", "amin", "max", "min", "norm", "median", "prod"))
_EVERYWHERE = frozenset((
    "linear", "matmul", "__matmul__", "mm", "bmm", "addmm", "baddbmm", "roll", "flip", "cumsum", "sort", "unfold",
    "adaptive_avg_pool2d", "adaptive_max_pool2d", "scaled_dot_product_attention", "grid_sample", "affine_grid",
    "index_add",
))  # fmt: skip
"""What lets a place depend on all of the picture, or on where in it it lies."""
_CONVERTS = frozenset(("to", "type_as"))
"""Calls that take from other tensors their type alone."""
_NORMS = frozenset(("group_norm", "instance_norm"))
_POOLS = frozenset(("avg_pool2d", "max_pool2d", "boolean_dispatch"))
_RADIUS = {"nearest": 0, "nearest-exact": 0, "area": 0, "bilinear": 1, "bicubic": 2}
"""Of the kernel that enlarges, in cells of what is enlarged."""
_WORKSPACE = 1.5
"""Memory over that of the values alive at once, as convolutions need some for themselves."""


@dataclass(frozen=True)
class FieldOfView:
    """What was found of a network.

    Args:
        reach: How many pixels away what decides an output may lie, the statistics of the whole apart; None where all of
            the picture counts.
        multiple: That its sides must divide by: the largest stride.
        enlargement: Pixels of what is made for each of what is given.
        whole_statistics: Whether it normalises by means over the picture.
        memory: That a pass takes for a pixel of what is given, in bytes, estimated.
    """

    reach: int | None
    multiple: int
    enlargement: Fraction
    whole_statistics: bool
    memory: float


class _Seen(NamedTuple):
    """What is known of a value: one of its cells covers ``scale`` pixels and sees ``reach`` beyond them."""

    reach: Fraction
    scale: Fraction
    offset: int = 0


@torch.no_grad()
def sight(work: Callable[[Tensor], Tensor], example: Tensor) -> FieldOfView:
    """How far a network sees.

    Each cell of a map stands for a square of pixels; a convolution of kernel k, stride s and padding p sees
    max(p, k - s - p) cells beyond it on the farther side, a transposed one max(k - 1 - p, p + s - 1) of the finer
    cells. These add up along a path, and the farthest path counts.

    References:
        Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks".

    Args:
        work: What is made of pictures; it must take the example.
        example: Pictures or label maps ``[N, …, H, W]`` whose sides the network takes as they are.

    Example:
        >>> blur = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 4, 2, 1), torch.nn.Conv2d(2, 1, 3, 1, 1))
        >>> found = sight(blur, torch.zeros(1, 1, 8, 8))
        >>> found.reach, found.multiple, found.enlargement
        (3, 2, Fraction(1, 2))
    """
    tracer = _Tracer(example)
    with tracer:
        made = work(example)
    seen = tracer.known.get(made)
    reach = None if tracer.everywhere or seen is None else max(
        ceil(each.reach + abs(each.offset) * each.scale) for each in seen
    )  # fmt: skip
    pixels = example.shape[-1] * example.shape[-2] * len(example)
    enlargement = Fraction(made.shape[-1], example.shape[-1])
    multiple = max(1, ceil(max(tracer.scales)))
    return FieldOfView(reach, multiple, enlargement, tracer.statistics, _WORKSPACE * tracer.peak / pixels)


class _Tracer(TorchFunctionMode):
    """Follows what comes from an example through all that is called."""

    def __init__(self, example: Tensor) -> None:
        super().__init__()
        first = _Seen(Fraction(0), Fraction(1))
        self.known = WeakTensorKeyDictionary({example: (first, first)})
        self.scales = {first.scale}
        self.statistics = self.everywhere = False
        self.peak = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        made = func(*args, **options)
        name = getattr(func, "__name__", "")
        values = args[:1] if name in _CONVERTS else [*args, *options.values()]
        given = [self.known[value] for value in _tensors(values) if value in self.known]
        if not given or name.startswith("new_") or name.endswith("_like"):
            return made
        self.statistics |= name in _NORMS
        self.everywhere |= name in _EVERYWHERE or name.startswith("fft_") or _sums_places(name, args, options)
        found = tuple(self._after(name, axis, [each[axis] for each in given], args, options, made) for axis in range(2))
        for value in _tensors([made]):
            self.known[value] = found
        self.scales |= {each.scale for each in found}
        alive = [value for value in self.known if value._base is None]
        self.peak = max(self.peak, sum(value.numel() * value.element_size() for value in alive))
        return made

    def _after(
        self, name: str, axis: int, before: list[_Seen], args: Sequence[Any], options: Mapping[str, Any], made: Any
    ) -> _Seen:
        """What is known of a result along an axis of maps: 0 of rows, 1 of columns."""
        seen = before[0]._replace(reach=max(each.reach for each in before))
        call = _Call(args, options, axis)
        if name == "conv2d":
            return _convolved(seen, *call.windows(args[1].shape[axis - 2]))
        if name == "conv_transpose2d":
            kernel, stride, padding, _ = call.windows(args[1].shape[axis - 2])
            scale, padding = seen.scale / stride, padding - seen.offset * stride
            return _Seen(seen.reach + max(kernel - 1 - padding, padding + stride - 1) * scale, scale)
        if name in _POOLS:
            kernel = call.one(1, "kernel_size", 1)
            return _convolved(seen, kernel, call.one(2, "stride", None) or kernel, call.one(3, "padding", 0), 1)
        if name == "interpolate":
            return self._resized(seen, Fraction(args[0].shape[axis - 2], made.shape[axis - 2]), options)
        if name in ("pixel_shuffle", "pixel_unshuffle"):
            ratio = Fraction(args[0].shape[axis - 2], made.shape[axis - 2])
            return _Seen(seen.reach + seen.scale * max(Fraction(0), 1 - ratio), seen.scale * ratio)
        if name == "pad":
            sides = list(call.value(1, "pad", ()))[2 * (1 - axis) :]
            return seen._replace(offset=seen.offset + (sides[0] if sides else 0))
        if name == "__getitem__":
            start, step = call.part()
            self.everywhere |= step != 1
            return seen._replace(offset=seen.offset - start)
        if name == "einsum" and not {"h", "w"} <= set(args[0].partition("->")[2]):
            self.everywhere = True
        return seen

    def _resized(self, seen: _Seen, ratio: Fraction, options: Mapping[str, Any]) -> _Seen:
        """What is known of a map of another size; the ratio is that of the old cells to the new ones."""
        mode, scale = options.get("mode", "nearest"), seen.scale * ratio
        if options.get("align_corners") or (ratio.denominator > 1 and ratio.numerator > 1):
            self.everywhere = True  # where its cells lie depends on its size
        if ratio == 1:
            return seen
        if ratio > 1:
            wider = ratio if options.get("antialias") else 1
            return _Seen(seen.reach + (_RADIUS[mode] * wider + 1) * seen.scale, scale)
        radius = 1 - ratio if _RADIUS[mode] == 0 else _RADIUS[mode] + Fraction(1, 2)
        return _Seen(seen.reach + radius * seen.scale, scale)


class _Call(NamedTuple):
    """What a function was called with, seen along one axis of maps."""

    args: Sequence[Any]
    options: Mapping[str, Any]
    axis: int

    def value(self, place: int, name: str, usual: Any) -> Any:
        """An argument, by its place or its name."""
        return self.args[place] if len(self.args) > place else self.options.get(name, usual)

    def one(self, place: int, name: str, usual: Any) -> Any:
        """That of a pair that belongs to the axis."""
        value = self.value(place, name, usual)
        return value[self.axis % len(value)] if isinstance(value, list | tuple) else value

    def windows(self, kernel: int) -> tuple[int, int, int, int]:
        """Kernel, stride, padding and dilation of a convolution; those of a transposed one have a dilation of 1."""
        stride, padding, dilation = self.one(3, "stride", 1), self.one(4, "padding", 0), self.one(5, "dilation", 1)
        if isinstance(padding, str):
            padding = 0 if padding == "valid" else (kernel - 1) * dilation // 2
        return kernel, stride, padding, dilation

    def part(self) -> tuple[int, int]:
        """Where a part of a map begins, and at which step it goes on."""
        given, index = self.args[0], self.args[1]
        index = index if isinstance(index, tuple) else (index,)
        if Ellipsis in index:
            index = (*(slice(None),) * (given.ndim - len(index) + 1), *index[index.index(Ellipsis) + 1 :])
        place = given.ndim - 2 + self.axis
        part = index[place] if place < len(index) and len(index) <= given.ndim else slice(None)
        return (part.start or 0, part.step or 1) if isinstance(part, slice) else (0, 1)


def _convolved(seen: _Seen, kernel: int, stride: int, padding: int, dilation: int) -> _Seen:
    """What is known of a convolution's result."""
    padding += seen.offset
    beyond = max(padding, (kernel - 1) * dilation + 1 - stride - padding, 0)
    return _Seen(seen.reach + beyond * seen.scale, seen.scale * stride)


def _sums_places(name: str, args: Sequence[Any], options: Mapping[str, Any]) -> bool:
    """Whether a call sums over all places of maps."""
    if name not in _SUMMED or not isinstance(args[0], Tensor):
        return False
    axes = args[1] if len(args) > 1 else options.get("dim")
    if isinstance(axes, Tensor):  # the larger of two maps
        return False
    named = [axes] if isinstance(axes, int) else list(axes) if axes is not None else range(args[0].ndim)
    return any(axis % max(args[0].ndim, 1) >= args[0].ndim - 2 for axis in named) and args[0].ndim >= 3


def _tensors(values: Any) -> Iterator[Tensor]:
    """All tensors among values and lists of them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
