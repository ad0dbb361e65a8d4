"""The binary version of CIFAR-10 or CIFAR-100: its folder, its archive, or one batch file.

Records are one label byte (CIFAR-100: two) and 3,072 pixels, plane by plane.
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import torch

from belamy.data.assembly import Raw, assemble, official
from belamy.data.dataset import Attribute, Dataset
from belamy.data.files import STEP, opened, reason, unpacked, visible
from belamy.data.load_options import LoadOptions
from belamy.errors import DataError, Unreadable

SIDE, PIXELS = 32, 3 * 32 * 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Format:
    """Records of label and pixels in ``.bin`` files, in a folder or a ``.tar.gz``."""

    modalities = ("image",)

    def claim(self, path: Path) -> int:
        """2 for a folder with CIFAR's files, one of them, or a tar archive."""
        if path.is_dir():
            return 2 if layout_of({entry.name for entry in path.iterdir()}) else 0
        archive = path.name.lower().endswith((".tar.gz", ".tgz", ".tar"))
        return 2 if path.is_file() and (archive or path.name in {*TEN.train, *TEN.test}) else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The photographs; the archive's own train and test splits where both are there."""
        name = path.absolute().name
        return open_cifar(path, name if path.is_dir() else name.split(".")[0], options)


@dataclass(frozen=True)
class CifarLayout:
    """Which files a version of CIFAR consists of.

    Args:
        train: Batch files of the training split.
        test: Batch files of the test split.
        label_bytes: Label bytes at the start of a record; the last of them is the class.
        names: The file that lists the classes, one a line.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    label_bytes: int
    names: str

    @property
    def files(self) -> set[str]:
        """All of them."""
        return {*self.train, *self.test, self.names}


TEN = CifarLayout(tuple(f"data_batch_{part}.bin" for part in range(1, 6)), ("test_batch.bin",), 1, "batches.meta.txt")
HUNDRED = CifarLayout(("train.bin",), ("test.bin",), 2, "fine_label_names.txt")
_WANTED = TEN.files | HUNDRED.files


def layout_of(names: set[str]) -> CifarLayout | None:
    """The version whose batch files are among ``names``; a part of them is enough."""
    if names & {*TEN.train, *TEN.test}:
        return TEN
    return HUNDRED if names & {*HUNDRED.train} and HUNDRED.names in names else None


def open_cifar(path: Path, name: str, options: LoadOptions, licence: str = "not stated") -> Dataset:
    """CIFAR from the folder that holds its ``.bin`` files, from its ``.tar.gz``, or from one batch file of CIFAR-10.

    Files that are damaged are passed over by name; of an archive nothing is unpacked to disk.

    Raises:
        DataError: None of its files can be read, or it is not the binary version.
    """
    most = max(options.memory_budget, STEP) // 3  # for the files, their records and the images
    skipped: list[tuple[str, str]] = []
    plain = path.is_dir() or path.suffix == ".bin"
    held, names = _in_folder(path, most, skipped) if plain else _in_archive(path, most, skipped)
    layout = layout_of(set(held) or names)
    if layout is None:
        hint = " It looks like the Python version, whose pickles can run code." if "data_batch_1" in names else ""
        raise DataError(f"{path} does not hold the binary version of CIFAR (data_batch_1.bin …).{hint}")
    splits = {
        split: [records for file in files if (records := _records(file, held, layout, skipped)) is not None]
        for split, files in (("train", layout.train), ("test", layout.test))
    }
    if not any(splits.values()):
        raise DataError(f"{path} is damaged: {'; '.join(f'{file}: {why}' for file, why in skipped)}.")
    records = np.concatenate([part for parts in splits.values() for part in parts])
    codes = records[:, layout.label_bytes - 1].astype(np.int64)
    classes = _class_names(layout, held, int(codes.max()))
    pixels = np.ascontiguousarray(records[:, layout.label_bytes :]).reshape(-1, 3, SIDE, SIDE)
    label = Attribute(classes, torch.from_numpy(codes))
    raw = Raw(
        name=name,
        label=label,
        attributes={"class": label},
        official=official(sum(map(len, splits["train"])), len(records)),
        licence=licence,
        skipped=skipped,
    )
    return assemble(torch.from_numpy(pixels), raw, options)


def _in_folder(path: Path, most: int, skipped: list[tuple[str, str]]) -> tuple[dict[str, bytes], set[str]]:
    """The contents of the files that are wanted, and the names of all."""
    files = {entry.name: entry for entry in (path.iterdir() if path.is_dir() else [path])}
    held: dict[str, bytes] = {}
    for name in sorted(_WANTED & set(files)):
        try:
            with opened(files[name]) as file:
                held[name] = _limited(file, files[name].stat().st_size, most - sum(map(len, held.values())))
        except (OSError, EOFError, Unreadable) as error:
            skipped.append((name, reason(error)))
    return held, set(files)


def _in_archive(path: Path, most: int, skipped: list[tuple[str, str]]) -> tuple[dict[str, bytes], set[str]]:
    """The same of a tar archive; what is damaged in it is passed over up to the next header that is whole."""
    held: dict[str, bytes] = {}
    names: set[str] = set()
    end = 0
    try:
        with _Unpacked(path, 8 * most) as file, tarfile.TarFile(fileobj=file, ignore_zeros=True) as archive:  # type: ignore[arg-type]
            for member in archive:
                if member.offset > end:
                    skipped.append((f"what lies at byte {end:,} of the archive", "its header is damaged"))
                end = member.offset_data + -(-member.size // 512) * 512
                name = Path(member.name).name
                names.add(name)
                if name not in _WANTED or not member.isfile() or name in held:
                    continue
                try:
                    stream = archive.extractfile(member)
                    assert stream is not None
                    held[name] = _limited(stream, member.size, most - sum(map(len, held.values())))
                except Unreadable as finding:
                    skipped.append((name, str(finding)))
    # What is damaged can raise nearly anything.
    except Exception as error:
        if not held:
            raise DataError(f"{path} is not a whole tar archive: {reason(error)}.") from error
        skipped.append(("the rest of the archive", reason(error)))
    return held, names


def _limited(file: IO[bytes], size: int, most: int) -> bytes:
    if size > most:
        raise Unreadable(f"it declares {size:,} bytes, and at most {most:,} fit the memory budget")
    content = file.read(size)
    if len(content) < size:
        raise EOFError("it ends early")
    return content


class _Unpacked:
    """An archive's bytes, whose ``tarfile`` may not be told to read too much at once or in all."""

    def __init__(self, path: Path, most: int) -> None:
        self._file, self._most = unpacked(path), most
        self.tell, self.close = self._file.tell, self._file.close

    def __enter__(self) -> _Unpacked:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seek(self, place: int) -> int:
        self._check(place)
        return self._file.seek(place)

    def read(self, size: int) -> bytes:
        self._check(self.tell() + size, size)
        return self._file.read(size)

    def _check(self, place: int, size: int = 0) -> None:
        if place > self._most or size > STEP:
            raise Unreadable(f"it unpacks to more than {self._most:,} bytes, or says so")


def _records(
    file: str, held: Mapping[str, bytes], layout: CifarLayout, skipped: list[tuple[str, str]]
) -> np.ndarray | None:
    """The records of a batch file, None if it is not there or damaged."""
    content, length = held.get(file), layout.label_bytes + PIXELS
    if content is None:
        return None
    if not content or len(content) % length:
        skipped.append((file, f"its {len(content):,} bytes are no whole number of records of {length}"))
        return None
    return np.frombuffer(content, np.uint8).reshape(-1, length)


def _class_names(layout: CifarLayout, held: Mapping[str, bytes], largest: int) -> tuple[str, ...]:
    names: tuple[str, ...] = CLASSES if layout is TEN else ()
    if layout.names in held:
        names = tuple(map(visible, held[layout.names].decode("utf-8", "replace").split())) or names
    return names if len(names) > largest else tuple(str(code) for code in range(largest + 1))
