"""Any folder of images: all picture files in it and below, whatever their sizes and modes."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import IO

from belamy.data.captions import FolderTexts, captioned
from belamy.data.dataset import Dataset
from belamy.data.files import opened, stamp, visible, walk
from belamy.data.gallery import Gallery, PictureEntry, labels_for, open_gallery
from belamy.data.load_options import LoadOptions
from belamy.data.pictures import is_picture_name


class Format:
    """Picture files in a folder; classes from direct sub-folders, or labels from a CSV file."""

    modalities = ("image",)

    def claim(self, path: Path) -> int:
        """1 for a folder: others may know better."""
        return 1 if path.is_dir() else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The pictures, sorted by name; hidden files and folders of thumbnails are left out, links are followed."""
        name = path.absolute().name or "folder"
        table = labels_for(options, path, name)
        entries, ignored = pictures_in(path)
        data = open_gallery(Gallery(name, str(path), entries, ignored, table), options)
        reader = options.reader("image")
        if not reader.captions:
            return data
        return captioned(data, FolderTexts(path), reader.captions, options.length, reader.unit)


def pictures_in(path: Path) -> tuple[list[PictureEntry], Counter[str]]:
    """The picture files of a folder and below, sorted by name, and how many others there are by suffix."""
    entries: list[PictureEntry] = []
    ignored: Counter[str] = Counter()
    unread: list[tuple[Path, OSError]] = []
    for found in walk(path, ignored, unread):
        # The file is still opened by its own name.
        inside = visible(found.relative_to(path).as_posix())
        if is_picture_name(inside):
            entries.append(PictureEntry(inside, stamp(found), partial(opened, found)))
        else:
            ignored[visible(found.suffix.lower()) or "nameless"] += 1
    for folder, error in unread:
        name = f"{visible(folder.relative_to(path).as_posix())}/"
        entries.append(PictureEntry(name, "gone", partial(_refused, error)))
    entries.sort(key=lambda entry: entry.name)
    return entries, ignored


def _refused(error: OSError) -> IO[bytes]:
    raise error
