"""Images that a user gives to a run: a picture, a folder or archive of them, or held-out images of the run's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from belamy.errors import UsageError

if TYPE_CHECKING:
    import torch

    from belamy.data import Dataset
    from belamy.methods.base import BaseMethod

HELD_OUT = re.compile(r"test:(\d{1,9})(?:\.\.(\d{1,9}))?")
MOST = 1024
"""Held-out images that one range may name."""


def given(source: str, data: Dataset, offline: bool = False) -> tuple[list[str], torch.Tensor, torch.Tensor | None]:
    """Names, uint8 images ``[n, C, H, W]`` in the shape of the run's data, and their labels where these are the run's.

    Args:
        source: A picture file; ``test:3`` or ``test:0..7`` for held-out images of the run's data, ``test`` for all of
            them; or anything that can be trained on.
        data: The run's.
        offline: Never fetch data from the network.

    Raises:
        UsageError: There is no such image, or no such data.
        DataError: It cannot be read.
    """
    import torch

    from belamy.data.pictures import is_picture_name
    from belamy.editing.arithmetic import read

    if source == "test" or HELD_OUT.fullmatch(source):
        held = held_out(data)
        chosen = held if source == "test" else held[span(source, len(held))]
        places = range(len(held)) if source == "test" else span(source, len(held))
        labels = None if data.labels is None else data.labels[chosen]
        return [f"test:{place}" for place in places], data.images(chosen), labels
    path = Path(source).expanduser()
    if path.is_dir() and len(alone := [each for each in path.iterdir() if is_picture_name(each.name)]) == 1:
        path = alone[0]  # a folder of one is no data set, but it is a picture
    if path.is_file() and is_picture_name(path.name):
        return [path.name], read(str(path), data.shape)[None], None
    found = other(source, data, offline)
    if found.shape != data.shape:
        raise UsageError(f"{source} is {found.shape}, but this run's images are {data.shape}. Give images like those.")
    names = list(found.names) if found.names else [f"{source}:{place}" for place in range(len(found))]
    return names, found.images(torch.arange(len(found))), None


def other(source: str, own: Dataset, offline: bool = False) -> Dataset:
    """Other data than a run's own, in the shape of its images."""
    from belamy.data import open_data
    from belamy.modalities.colours import has_opacity

    channels, height, width = own.shape
    alpha = "keep" if has_opacity(channels) else "white"
    return open_data(source, size=(height, width), channels=channels, alpha=alpha, offline=offline)


def held_out(data: Dataset) -> torch.Tensor:
    """The images that the run was not trained on.

    Raises:
        UsageError: There are none.
    """
    held = data.splits.get("test")
    if held is None or not len(held):
        raise UsageError(f"{data.name} holds no images out: it has {len(data)}, and all were trained on. Give others.")
    return held


def span(text: str, count: int) -> range:
    """The places that ``test:3`` or ``test:0..7`` names.

    Raises:
        UsageError: There are fewer, or more are named than can be shown.

    Example:
        >>> span("test:2..4", 10)
        range(2, 5)
    """
    match = HELD_OUT.fullmatch(text)
    if match is None:
        raise UsageError(f"'{text}' names no held-out images: type test:3 or test:0..7.")
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last < min(count, first + MOST):
        raise UsageError(f"'{text}' must lie in test:0..{count - 1}, and name at most {MOST:,} images.")
    return range(first, last + 1)


def chosen_class(
    method: BaseMethod, label: str | None, say: Callable[[str], None] | None = None, option: str = "--label"
) -> int | None:
    """The number of the class that an option names, None where it names none.

    Args:
        method: The run's.
        label: The option's value.
        say: Told which class it is, where it was named by its number.
        option: As it is typed.

    Raises:
        UsageError: There is no such class, or the networks do not use labels.
    """
    from belamy.sampling.draw import class_number
    from belamy.sampling.styles import StyleLatents

    if label is None:
        return None
    classes = method.spec.classes
    number = class_number(label, classes) if classes else 0
    if isinstance(method, StyleLatents):
        raise UsageError(f"A style holds its class, so none can be chosen in W. Leave {option} out, or type --space z.")
    if not heeds_labels(method):
        raise UsageError(f"This run's networks do not use labels, so no class can be chosen. Leave {option} out.")
    if label not in classes and say is not None:
        say(f"{option} {label}: no class has that name, so it is class number {label}, '{classes[number]}'.")
    return number


def heeds_labels(method: BaseMethod) -> bool:
    """Whether one latent makes different images for different labels; a method that draws no samples does not."""
    from belamy.evaluation import candidate
    from belamy.methods.base import Samples

    return isinstance(method, Samples) and candidate.heeds_labels(method)
