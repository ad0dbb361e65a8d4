"""Files that others made: read without waiting and within bounds; and their names, without control characters."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import shlex
import stat
import struct
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from belamy.errors import DataError, Unreadable

STEP = 1 << 26
"""Bytes that are worked on at a time, and that any memory budget allows."""
MACHINE_MADE = frozenset(
    ("@eaDir", "@Recycle", "@Recently-Snapshot", "#recycle", "#snapshot", "$RECYCLE.BIN", "__MACOSX")
) | frozenset((".@__thumb", ".thumbnails", ".AppleDouble", "System Volume Information", "lost+found"))
"""Folders that file servers and desktops put beside pictures: thumbnails of them, and what was thrown away."""

_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}
_PACKERS: dict[bytes, Callable[[Path], IO[bytes]]] = {
    b"\x1f\x8b": gzip.open,  # type: ignore[dict-item]
    b"BZ": bz2.open,
    b"\xfd7": lzma.open,
}
_ENTRY, _UTF8, _UNKNOWN_METHOD = b"PK\1\2", 0x800, 0xFFFF


def visible(text: str) -> str:
    r"""Text with control characters, which could command a terminal, written out.

    Example:
        >>> visible("cat\x1b[2J")
        'cat\\x1b[2J'
    """
    return _UNSHOWN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def reason(error: BaseException) -> str:
    """What went wrong with a file, as the end of a sentence."""
    text = str(getattr(error, "strerror", None) or error).strip().split("\n")[0].rstrip(".")
    if isinstance(error, MemoryError):
        text = "it needs more memory than there is"
    elif isinstance(error, RecursionError):
        text = "it is nested too deeply"
    return visible(text[:120]) or type(error).__name__


def some(names: Sequence[str], most: int = 5, between: str = ", ") -> str:
    """The first names, and how many more there are.

    Example:
        >>> some(["a.wav", "b.wav", "c.wav"], 2)
        'a.wav, b.wav and 1 more'
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def reasons(skipped: Sequence[tuple[str, str]]) -> str:
    """Why files were passed over, of the first three."""
    return some([f"{name}: {why}" for name, why in skipped], 3, "; ")


@contextmanager
def reading(doing: str) -> Iterator[None]:
    """Within this context whatever goes wrong is a fault of the data: what is damaged can raise nearly anything.

    Args:
        doing: What failed, for the message, e.g. ``a.npy cannot be read``.

    Raises:
        DataError: Anything was raised.
    """
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{doing}: {reason(error)}.") from error


def opened(path: Path) -> IO[bytes]:
    """A file for reading; opening a pipe would wait for whoever writes into it, which may be nobody.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise OSError(f"it is {_KINDS.get(stat.S_IFMT(mode), 'a device')}, not a file")
    return path.open("rb")


def is_packed(path: Path) -> bool:
    """Whether a file is compressed by gzip, bzip2 or xz."""
    with opened(path) as file:
        return file.read(2) in _PACKERS


def unpacked(path: Path) -> IO[bytes]:
    """A file for reading, decompressed if it is compressed by gzip, bzip2 or xz."""
    with opened(path) as file:
        return _PACKERS.get(file.read(2), opened)(path)


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file of at most so many bytes.

    Raises:
        Unreadable: It cannot be read, or is larger.
    """
    try:
        with opened(path) as file:
            content = file.read(most + 1)
    except OSError as error:
        raise Unreadable(reason(error)) from error
    if len(content) > most:
        raise Unreadable(f"larger than the {most:,} bytes that are read")
    return content


def stamp(path: Path) -> str:
    """Size and time of a file, which identify its content without reading it."""
    try:
        state = path.stat()
    except OSError:
        return "gone"  # a dangling link: opening it will say so, by name
    return f"{state.st_size} {state.st_mtime_ns}"


def read_text(path: Path, most: int = 1 << 28, encoding: str = "utf-8") -> str:
    """What a file of at most ``most`` bytes says; a byte order mark is no part of it.

    Raises:
        DataError: It cannot be read, is larger, or is of another encoding.
    """
    try:
        with opened(path) as file:
            content = file.read(most + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {reason(error)}.") from None
    if len(content) > most:
        raise DataError(f"{path} holds more text than the {most:,} bytes that are read. Split it.")
    try:
        text, wrong = content.decode("utf-8-sig" if encoding == "utf-8" else encoding).removeprefix("\ufeff"), 0
    except UnicodeDecodeError as error:
        text, wrong = "", error.start + 1
    if wrong and encoding != "utf-8":
        raise DataError(f"{path} is not a text in {encoding} (byte {wrong:,} is wrong). Name its encoding.")
    if wrong or (encoding == "utf-8" and 4 * content.count(0) > len(content)):
        found = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") or content.count(0) else "LATIN1"
        kind = "'CSV UTF-8'" if path.suffix.lower() == ".csv" else "UTF-8"
        command = f"iconv -f {found} -t UTF-8 {shlex.quote(str(path))} > utf8{path.suffix}"
        raise DataError(
            f"{path} is not a text in UTF-8 (byte {wrong or content.index(0) + 1:,} is wrong); it looks like {found}. "
            f"Save it as {kind}, or type: {command}"
        )
    return text


def walk(
    root: Path, passed: Counter[str] | None = None, unread: list[tuple[Path, OSError]] | None = None
) -> Iterator[Path]:
    """All files in a folder and below, but for hidden ones; links are followed, each folder is entered once.

    Args:
        root: The folder.
        passed: Counts the folders that are left out because machines made them, and, without ``unread``, those that
            cannot be read.
        unread: Takes the folders below it that cannot be read, and why.

    Raises:
        DataError: The folder cannot be read, or one below it that neither ``unread`` nor ``passed`` takes.
    """

    def shut(error: OSError) -> None:
        folder = Path(error.filename)
        if folder == root or (unread is None and passed is None):
            raise DataError(f"The folder {folder} cannot be read: {error.strerror}.") from error
        if unread is not None:
            unread.append((folder, error))
        elif passed is not None:
            passed[f"{visible(folder.relative_to(root).as_posix())}/, which cannot be read ({error.strerror})"] += 1

    seen = {os.path.realpath(root)}
    for folder, below, files in os.walk(root, onerror=shut, followlinks=True):
        if passed is not None:
            passed.update(f"{name}/" for name in below if name in MACHINE_MADE)
        # A link to a folder above would be walked for ever.
        fresh = [name for name in sorted(below) if not name.startswith(".") and name not in MACHINE_MADE]
        real = {name: os.path.realpath(os.path.join(folder, name)) for name in fresh}
        below[:] = [name for name in fresh if real[name] not in seen]
        seen.update(real.values())
        yield from (Path(folder, name) for name in files if not name.startswith("."))


class Room:
    """Memory that several threads share while they read: who needs more than is left waits for the others.

    Args:
        budget: Bytes that one of them may need.
        taken: Bytes of the budget that are in use anyway; a quarter of it stays free to read with.
    """

    def __init__(self, budget: int, taken: int = 0) -> None:
        self._budget = max(budget, STEP)
        self._all = self._left = max(self._budget - taken, self._budget // 4)
        self._changed = threading.Condition()

    @contextmanager
    def taking(self, count: int) -> Iterator[None]:
        """Waits until so many bytes are free, and holds them.

        Raises:
            Unreadable: More than the whole budget is asked for.
        """
        if count > self._budget:
            raise Unreadable(f"reading it takes {count:,} bytes, more than the memory budget of {self._budget:,}")
        count = min(count, self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._left >= count)
            self._left -= count
        try:
            yield
        finally:
            with self._changed:
                self._left += count
                self._changed.notify_all()


def open_zip(path: Path) -> zipfile.ZipFile:
    """A zip archive of which one strange entry is refused alone, when it is read, and not with all others.

    Raises:
        DataError: It is no whole archive.
    """
    try:
        file = _Archive(path)
        archive = zipfile.ZipFile(file)
    # What is damaged can raise nearly anything.
    except Exception as error:
        raise DataError(f"{path} cannot be read: it is not a whole zip archive ({reason(error)}).") from error
    file.mending = False
    return archive


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """One entry of an archive for reading.

    Raises:
        Unreadable: It is packed in a way that is not known.
    """
    if member.compress_type == _UNKNOWN_METHOD:
        raise Unreadable("its entry in the archive is damaged, or needs a newer kind of zip than is known")
    return archive.open(member)


class _Archive:
    """A zip file whose central directory is mended as it is read: ``zipfile`` would refuse all entries for one."""

    def __init__(self, path: Path) -> None:
        self._handle, self.mending = -1, True
        opened(path).close()
        self._handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return os.lseek(self._handle, 0, os.SEEK_CUR)

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._handle, place, whence)

    def read(self, size: int = -1) -> bytes:
        content = os.read(self._handle, size if size >= 0 else os.fstat(self._handle).st_size)
        return _mended(content) if self.mending and content.startswith(_ENTRY) else content

    def __del__(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)


def _mended(directory: bytes) -> bytes:
    """A central directory whose entries can all be listed; what could not be gets a method of packing that is none."""
    mended, at = bytearray(directory), 0
    while at + 46 <= len(mended):
        version, flags = struct.unpack_from("<HH", mended, at + 6)
        name, extra, comment = struct.unpack_from("<3H", mended, at + 28)
        beyond = at + 46 + name
        whole = mended[at : at + 4] == _ENTRY and version <= zipfile.MAX_EXTRACT_VERSION
        decodes = _decodes(bytes(mended[at + 46 : beyond]), flags)
        if not whole or not decodes or not _fields(bytes(mended[beyond : beyond + extra])):
            mended[at : at + 4] = _ENTRY
            struct.pack_into("<3H", mended, at + 6, 20, flags & ~_UTF8, _UNKNOWN_METHOD)
            if 4 <= extra <= len(mended) - beyond:
                struct.pack_into("<HH", mended, beyond, 0xFFFF, extra - 4)  # one field of a private kind
        at = beyond + extra + comment
    return bytes(mended)


def _decodes(name: bytes, flags: int) -> bool:
    try:
        name.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        return False
    return True


def _fields(extra: bytes) -> bool:
    """Whether the extra fields of an entry are as long as they say."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if length + 4 > len(extra) or (kind == 1 and length % 8 not in (0, 4)):
            return False
        extra = extra[length + 4 :]
    return True
