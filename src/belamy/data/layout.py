"""What folders say: classes from sub-folders, splits from folders called train and test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import torch
from torch import Tensor

from belamy.data.assembly import categories
from belamy.data.dataset import Attribute

_SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}


@dataclass(frozen=True)
class Layout:
    """What the folders of a set of files say.

    Args:
        label: The class of each file, if every file lies in a direct sub-folder and there are several.
        official: Splits, if the top folders are called train and test (or val).
        notes: Why there are no labels, where a user might have expected some.
    """

    label: Attribute | None = None
    official: dict[str, Tensor] | None = None
    notes: list[str] = field(default_factory=list)


def read_layout(names: Sequence[str]) -> Layout:
    """Labels and splits from relative file names with forward slashes.

    Example:
        >>> read_layout(["photos/cat/1.png", "photos/dog/1.png"]).label.values
        ('cat', 'dog')
    """
    parts = [PurePosixPath(name).parts for name in names]
    while _only_folder(parts):
        parts = [part[1:] for part in parts]
    official = _splits(parts)
    if official is not None:
        parts = [part[1:] for part in parts]
    depths = {len(part) for part in parts}
    tops = {part[0] for part in parts}
    if depths == {2} and len(tops) > 1:
        return Layout(categories([part[0] for part in parts]), official)
    if depths == {1} or depths == {2}:
        return Layout(None, official)
    loose = sum(len(part) == 1 for part in parts)
    reason = f"{loose:,} of them lie beside the sub-folders" if loose else "some lie deeper than one sub-folder"
    note = (
        f"no labels were taken from the sub-folders of {len(parts):,} images, because {reason}; put every image into "
        "exactly one sub-folder per class, or give --labels FILE.csv"
    )
    return Layout(None, official, [note])


def _only_folder(parts: list[tuple[str, ...]]) -> bool:
    return min(len(part) for part in parts) > 1 and len({part[0] for part in parts}) == 1


def _splits(parts: list[tuple[str, ...]]) -> dict[str, Tensor] | None:
    kinds = [_SPLITS.get(part[0].lower()) if len(part) > 1 else None for part in parts]
    if None in kinds or "train" not in kinds or len(set(kinds)) < 2:
        return None
    found = [kind for kind in kinds if kind is not None]
    # One set apart from training is what the rest of Belamy calls the test split, whatever its folder is called.
    if "test" not in found:
        found = ["test" if kind == "validation" else kind for kind in found]
    return {
        split: torch.tensor([index for index, kind in enumerate(found) if kind == split])
        for split in ("train", "validation", "test")
        if split in found
    }
