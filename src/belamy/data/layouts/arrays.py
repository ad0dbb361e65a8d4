"""Pairs as aligned arrays of one ``.npz`` file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from belamy.data.dataset import Column, Dataset
from belamy.data.formats.arrays import open_arrays
from belamy.data.load_options import LoadOptions
from belamy.data.pairing import TARGET, two_names
from belamy.errors import DataError, UsageError


class PairLayout:
    """Two arrays of as many pictures, by name, e.g. ``input=lines,target=images``.

    Args:
        input: The array of what is given.
        target: The array of what it is to become.
    """

    def __init__(self, *, input: str = "image", target: str = "target") -> None:
        self.names = two_names(input, target, "array")

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The pairs in order; labels and attributes as of any archive.

        Raises:
            DataError: There are no such arrays, or not as many or as large pictures in both.
        """
        if path.suffix.lower() != ".npz" or path.is_dir():
            raise UsageError(f"Pairs as arrays need one .npz file that holds both, but {path} is none.")
        given = open_arrays(path, replace(options.side, labels=options.labels), self.names[0])
        wanted = open_arrays(path, options.side, self.names[1])
        for what, sizes in (
            ("pictures", (len(given), len(wanted))),
            ("pixels", (dict(given.origin.sizes), dict(wanted.origin.sizes))),
        ):
            if sizes[0] != sizes[1]:
                told = [next(iter(each)) if isinstance(each, dict) else f"{each:,}" for each in sizes]
                raise DataError(
                    f"'{self.names[0]}' in {path} has {told[0]} {what} and '{self.names[1]}' has {told[1]}: they are "
                    "no pairs."
                )
        notes = [*given.notes, *(note for note in wanted.notes if note not in given.notes)]
        return given.changed(extra={TARGET: Column(wanted.field, wanted.store)}, notes=notes)
