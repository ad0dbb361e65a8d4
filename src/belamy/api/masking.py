"""Masks of pictures that are to be filled: holes by a mask file, a folder of them, or the pictures' own opacity."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from belamy.data.files import reasons
from belamy.data.holes import read_holes
from belamy.errors import BelamyError, DataError, UsageError
from belamy.methods.base import BaseMethod, Fills
from belamy.modalities.fields import Field
from belamy.modalities.sizes import NATIVE, SizeOption, parse_size
from belamy.ranges import Within

Sample = tuple[str, Tensor, Tensor | None]
"""Name, input and target."""
_OPAQUE = {8: 255, 16: 65_535, 32: 1.0}


def check_masking(method: BaseMethod, mask: str | Path | None, feather: int, size: SizeOption) -> None:
    """Refuse masks and seams where nothing is filled, or that cannot fit.

    Raises:
        UsageError: What to leave out.
    """
    Within(0).check("feather", feather)
    if not isinstance(method, Fills) and (mask is not None or feather):
        word = "feather" if mask is None else "mask"
        raise UsageError(
            f"This run translates whole pictures and fills no holes. Leave out --{word}, or take a run of "
            "partial-conv-small or lama-small."
        )
    if mask is not None and parse_size(size) not in (None, NATIVE):
        raise UsageError("A mask is as large as its picture, which --size would change. Leave one of them out.")


def holed(samples: list[Sample], mask: str | Path | None, field: Field, skipped: list[tuple[str, str]]) -> list[Sample]:
    """Pictures that have holes; those that cannot be filled are left out by name.

    Args:
        samples: Pictures with opacity, as files hold them.
        mask: A mask file, which goes for all, or a folder with a mask of each one's name; None for their opacity.
        field: What the pictures are, their sizes apart.
        skipped: Takes what is left out, and why.

    Raises:
        UsageError: The mask file does not fit, or no picture has a hole.
        DataError: There is no such mask.
    """
    opaque, found = _OPAQUE[field.bits], list[Sample]()
    holes_of = None if mask is None else _masks(Path(mask).expanduser())
    for name, raw, wanted in samples:
        try:
            holes = raw[-1].double() < opaque if holes_of is None else _fitting(holes_of(name), raw, name)
        except BelamyError as error:
            if len(samples) == 1 or not Path(str(mask)).expanduser().is_dir():
                raise
            skipped.append((name, str(error).rstrip(".")))
            continue
        if not holes.any() or holes.all():
            all_of_it = "is transparent everywhere, so nothing of it is known" if holes.any() else "has no hole"
            skipped.append((name, f"it {all_of_it}"))
            continue
        marked = torch.where(holes, 0.0, float(opaque)).to(raw.dtype)
        found.append((name, torch.cat([raw[:-1], marked[None]]), wanted))
    if not found:
        raise UsageError(
            f"Nothing can be filled: {reasons(skipped)}. Make transparent what is to be filled, or give "
            "--mask MASK.png, white in holes and black elsewhere."
        )
    return found


def _masks(path: Path) -> Callable[[str], Tensor]:
    """The holes of a picture by its name."""
    if not path.is_dir():
        alone = read_holes(path)
        return lambda name: alone
    files = {file.stem: file for file in sorted(path.iterdir()) if file.is_file()}

    def named(name: str) -> Tensor:
        stem = PurePosixPath(name).stem
        if stem not in files:
            raise DataError(f"There is no mask {path / stem}.png.")
        return read_holes(files[stem])

    return named


def _fitting(holes: Tensor, raw: Tensor, name: str) -> Tensor:
    """Holes that are as large as their picture."""
    if holes.shape != raw.shape[1:]:
        mine, its = (f"{shape[1]}x{shape[0]}" for shape in (holes.shape, raw.shape[1:]))
        raise UsageError(
            f"The mask is {mine}, but {name} is {its}. They must be alike: draw the mask upon the picture."
        )
    return holes
