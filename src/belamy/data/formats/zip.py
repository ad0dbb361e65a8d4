"""A zip archive of images, read in place: nothing is unpacked to disk."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from belamy.data.captions import captioned
from belamy.data.dataset import Dataset
from belamy.data.files import MACHINE_MADE, open_zip, read_member, reason, visible
from belamy.data.gallery import Gallery, PictureEntry, labels_for, open_gallery
from belamy.data.load_options import LoadOptions
from belamy.data.pictures import is_picture_name
from belamy.errors import DataError, Unreadable

_LARGEST = 1 << 28
"""Bytes that one picture file may unpack to."""


class Format:
    """Picture files in a ``.zip``; classes from folders inside, or labels from a CSV file."""

    modalities = ("image",)

    def claim(self, path: Path) -> int:
        """2 by the suffix, 1 by the content."""
        if not path.is_file():
            return 0
        return 2 if path.suffix.lower() == ".zip" else int(zipfile.is_zipfile(path))

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The pictures, sorted by name.

        Raises:
            DataError: It is no whole archive, or a name in it leads out of it.
        """
        table = labels_for(options, path.parent, path.stem)
        archive = open_zip(path)
        entries: list[PictureEntry] = []
        ignored: Counter[str] = Counter()
        for member in archive.infolist():
            _refuse_escape(path, member.filename)
            inside = PurePosixPath(member.filename)
            made = MACHINE_MADE.intersection(inside.parts)
            if made:
                ignored[f"{min(made)}/"] += 1
            elif member.filename.endswith("/") or any(part.startswith(".") for part in inside.parts):
                continue
            elif is_picture_name(member.filename):
                stamp = f"{member.file_size} {member.CRC:08x}"
                cost = min(member.file_size, _LARGEST)
                entries.append(PictureEntry(visible(str(inside)), stamp, partial(_read, archive, member), cost))
            else:
                ignored[visible(inside.suffix.lower()) or "nameless"] += 1
        entries.sort(key=lambda entry: entry.name)
        data = open_gallery(Gallery(path.stem, str(path), entries, ignored, table), options)
        reader = options.reader("image")
        if not reader.captions:
            return data
        return captioned(data, _Texts(path, archive), reader.captions, options.length, reader.unit)


class _Texts:
    """The text files of an archive."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path, self.archive = path, archive
        self.members = {visible(each.filename): each for each in archive.infolist()}

    def names(self) -> Iterable[str]:
        """Of all files at the top."""
        return [name for name in self.members if "/" not in name]

    def read(self, name: str, most: int) -> str | None:
        """What a file says; None where there is none."""
        member = self.members.get(name)
        if member is None:
            return None
        where = f"'{name}' in {self.path}"
        if member.file_size > most:
            raise DataError(f"{where} holds more text than the {most:,} bytes that are read. Split it.")
        try:
            with read_member(self.archive, member) as file:
                return file.read(most).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{where} is not UTF-8 text (byte {error.start:,}). Save it as UTF-8.") from error
        except Exception as error:  # what is damaged can raise nearly anything
            raise DataError(f"{where} cannot be read: {reason(error)}.") from error


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    if member.file_size > _LARGEST:
        raise Unreadable(f"it declares {member.file_size:,} bytes unpacked; at most {_LARGEST:,} are read")
    with read_member(archive, member) as file:
        return io.BytesIO(file.read(_LARGEST))


def _refuse_escape(path: Path, name: str) -> None:
    plain = name.replace("\\", "/")
    drive = len(plain) > 1 and plain[1] == ":"
    if plain.startswith("/") or drive or ".." in plain.split("/"):
        raise DataError(
            f"{path} holds an entry called '{visible(name)}', which leads out of the archive. Nothing of it was "
            "read: such an archive was made by mistake, or to harm."
        )
