"""Any folder of images: all picture files in it and below, whatever their sizes and modes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

from belamy.data.dataset import Dataset
from belamy.data.gallery import Gallery, PictureEntry, open_gallery
from belamy.data.load_options import LoadOptions
from belamy.data.pictures import is_picture_name
from belamy.data.tables import locate, read_table
from belamy.errors import DataError


class Format:
    """Picture files in a folder; classes from direct sub-folders, or labels from a CSV file."""

    def claim(self, path: Path) -> int:
        """1 for a folder: others may know better."""
        return 1 if path.is_dir() else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The pictures, sorted by name; hidden files are left out, links are followed."""
        table = None
        name = path.absolute().name or "folder"
        if options.labels is not None:
            file, column = locate(options.labels, path, name)
            table = read_table(file), column
        entries: list[PictureEntry] = []
        ignored: Counter[str] = Counter()
        for found in _files(path):
            # A name that is not valid text could be neither shown nor hashed; the file is still opened by its own.
            inside = found.relative_to(path).as_posix().encode("utf-8", "backslashreplace").decode()
            if is_picture_name(inside):
                entries.append(PictureEntry(inside, _stamp(found), partial(_opened, found)))
            else:
                ignored[found.suffix.lower() or "nameless"] += 1
        entries.sort(key=lambda entry: entry.name)
        return open_gallery(Gallery(name, str(path), entries, ignored, table), options)


def _files(root: Path) -> Iterator[Path]:
    try:
        os.listdir(root)
    except OSError as error:
        raise DataError(f"The folder {root} cannot be read: {error.strerror}.") from error
    seen = {os.path.realpath(root)}
    for folder, below, files in os.walk(root, followlinks=True):
        # A link to a folder above would be walked for ever.
        fresh = [name for name in sorted(below) if not name.startswith(".")]
        real = {name: os.path.realpath(os.path.join(folder, name)) for name in fresh}
        below[:] = [name for name in fresh if real[name] not in seen]
        seen.update(real.values())
        yield from (Path(folder, name) for name in files if not name.startswith("."))


def _opened(path: Path) -> IO[bytes]:
    return path.open("rb")


def _stamp(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:
        return "gone"  # a dangling link: opening it will say so, by name
    return f"{state.st_size} {state.st_mtime_ns}"
