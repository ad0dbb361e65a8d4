"""A folder of label maps: PNG files with a palette, or with the classes as grey values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from belamy.data.dataset import Dataset
from belamy.data.files import Room, read_text
from belamy.data.formats.folder import pictures_in
from belamy.data.gallery import PictureEntry, attempt
from belamy.data.label_maps import open_label_maps
from belamy.data.layout import read_layout
from belamy.data.load_options import LoadOptions
from belamy.data.pictures import PictureHeader, read_header, strict_pillow
from belamy.errors import DataError, Unreadable, UsageError, nearest
from belamy.modalities.fields import Field
from belamy.modalities.sizes import text_of

CLASSES = "classes.txt"
"""A file in the folder with the classes' names, one a line."""


class Format:
    """Label maps without pictures, asked for by ``--modality label_map``; classes of maps from direct sub-folders."""

    modalities = ("label_map",)

    def claim(self, path: Path) -> int:
        """1 for a folder: unasked, pictures with a palette are pictures."""
        return int(path.is_dir())

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The maps, sorted by name.

        Raises:
            UsageError: Labels are asked for, or there is no such file of classes.
            DataError: The maps are of several sizes and none is asked for, fewer than two can be read, or they hold
                more classes than have names.
        """
        if options.labels is not None:
            raise UsageError("Label maps have no labels but the folders they lie in. Leave --labels out.")
        entries, _ = pictures_in(path)
        if not entries:
            raise DataError(f"{path} holds no picture files, so no label maps.")
        reader = options.reader("label_map")
        names = named_classes(path, reader.classes)
        found = open_label_maps(
            entries, size=options.sides or _common(path, entries, options), how=options.fit, unknown=reader.unknown,
            budget=options.memory_budget,
        )  # fmt: skip
        if len(found.names) < 2:
            told = "; ".join(f"{name}: {why}" for name, why in found.skipped[:3])
            raise DataError(f"{path} holds too few label maps that can be read: {len(found.names)}. {told}.")
        if names and found.highest >= len(names):
            raise DataError(f"{path} holds the class {found.highest}, but only {len(names)} classes have names.")
        layout, field = read_layout(found.names), Field("label_map", found.store.shape, names or found.classes)
        return Dataset(
            path.absolute().name or "folder", found.store, field=field,
            labels=layout.label.codes if layout.label else None, classes=layout.label.values if layout.label else (),
            official=layout.official, skipped=found.skipped, names=found.names, notes=[*found.notes, *layout.notes],
        )  # fmt: skip


def named_classes(path: Path, said: str) -> tuple[str, ...]:
    """The classes' names as a file says them; () where there is none.

    Args:
        path: The folder of the maps.
        said: The file; empty for ``classes.txt`` in the folder, where there is one.

    Raises:
        UsageError: There is no file of that name.
        DataError: It names a class twice, or none.
    """
    file = next((each for each in (path / (said or CLASSES), Path(said).expanduser()) if each.is_file()), None)
    if file is None:
        if not said:
            return ()
        raise UsageError(
            f"There is no file of classes '{said}'. {nearest(said, [each.name for each in path.iterdir()])}"
        )
    names = tuple(line.strip() for line in read_text(file).splitlines() if line.strip())
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice or not names:
        fault = f"the name '{twice[0]}' twice" if twice else "no name"
        raise DataError(f"{file} holds {fault}. Write the name of a class on each line, the first of class 0.")
    return names


def _common(path: Path, entries: Sequence[PictureEntry], options: LoadOptions) -> tuple[int, int]:
    """The (height, width) of all maps.

    Raises:
        DataError: They are of several sizes.
    """
    with strict_pillow():
        headers: list[PictureHeader | Unreadable] = [
            attempt(read_header, entry, Room(options.memory_budget)) for entry in entries
        ]
    sizes = Counter((each.height, each.width) for each in headers if isinstance(each, PictureHeader))
    if len(sizes) == 1:
        return next(iter(sizes))
    if not sizes:
        raise DataError(f"None of the {len(entries)} files in {path} can be read: {entries[0].name}: {headers[0]}.")
    told = ", ".join(f"{width}x{height} ({count:,})" for (height, width), count in sizes.most_common(4))
    raise DataError(
        f"{path} holds label maps of {len(sizes)} sizes, width x height: {told}. Type the one to bring them to: --size "
        f"{text_of(sizes.most_common(1)[0][0])}"
    )
