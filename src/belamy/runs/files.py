"""Every byte a run leaves on disk is written here: whole or not at all, and still there after a power cut.

A file is written beside its place under a marked name, flushed to the disk and renamed over the old one, so a reader
sees the old file or the new one. `sweep` clears what a killed process left. JSON is strict: a number that is not finite
is stored as the string "NaN", "Infinity" or "-Infinity", which `float()` reads back.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from belamy.errors import RunError, StorageError
from belamy.modalities.grid import encode_png
from belamy.runs.strict_json import encoded, parsed, strict, why

if TYPE_CHECKING:
    import numpy as np
    import torch

NEW = ".belamy-new-"  # something being written: worthless once its process is gone
OLD = ".belamy-old-"  # a directory moved aside while its successor takes its place: put back if that never happened
OUT = ".belamy-out-"  # what a verb is writing for the user, held by a lock
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # a link that appears after a run was opened is not followed either

T = TypeVar("T")
OBJECT: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


def refuse_links(folder: Path) -> None:
    """Refuse a folder of ours in which something is a link, or neither a file nor a folder.

    What is written, cut and deleted below a run is below it, then, and no read waits for a pipe.

    Raises:
        RunError: There is one.
    """
    waiting = [str(folder)]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except FileNotFoundError:  # whoever trains here has just renamed it
            continue
        except OSError as error:
            raise StorageError(f"{error.filename} cannot be read: {error.strerror}. Check the permissions.") from None
        waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        for entry in entries:
            plain = entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
            if not plain and os.path.lexists(entry.path):
                what = f"a link to {os.readlink(entry)}" if entry.is_symlink() else "neither a file nor a folder"
                raise RunError(
                    f"{entry.path} is {what}: everything of {folder} must lie in it, and nothing outside is touched. "
                    "Put the file or folder itself there."
                )


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file atomically and durably; folders on the way are made.

    Raises:
        StorageError: the disk is full or the place cannot be written. The old file, if any, is as it was.
    """
    with writing(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            _write_all(descriptor, data)
        finally:
            os.close(descriptor)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A name beside a file to write at length; at the end of the context the file gets its place, or is gone.

    Raises:
        StorageError: The disk is full or the place cannot be written. The old file, if any, is as it was.
    """
    temporary = path.with_name(f"{NEW}{secrets.token_hex(4)}")
    with _storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_directory(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, indented for people, keys in the order given."""
    text = json.dumps(strict(value), indent=2, ensure_ascii=False, allow_nan=False)
    write_bytes(path, encoded(f"{text}\n"))


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        RunError: It is missing or not JSON.
    """
    return read_as(TypeAdapter(Any), path)


def read_as(kind: TypeAdapter[T], path: Path) -> T:
    """Read a JSON file into what it must hold.

    Raises:
        RunError: It is missing, not JSON, or holds something else.
    """
    data = read_bytes(path)
    try:
        return parsed(kind, data)
    except ValidationError as error:
        said = why(error)
        wrong = f"is damaged: {said}." if error.errors()[0]["type"] != "json_invalid" else (
            f"is not readable JSON ({said}): it was cut short or changed by another program."
        )  # fmt: skip
        raise RunError(
            f"{path} {wrong} Restore it from a copy; if there is none, train into a new --out folder."
        ) from error


def read_bytes(path: Path) -> bytes:
    """Read a file of a run.

    Raises:
        RunError: it is missing.
        StorageError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise RunError(
            f"{path} is missing or is not a file, so {path.parent} is not a whole run. "
            "Give the folder that `belamy train --out` made."
        ) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}. Check the permissions and the disk.") from error


def append_jsonl(path: Path, row: Mapping[str, Any], *, durable: bool = False) -> int:
    """Add one row to a JSON-lines file, dropping the torn line a killed process may have left.

    Args:
        path: the file; it is made, with its folders, if it is not there.
        row: one JSON object.
        durable: wait until it is on the disk.

    Returns:
        The file's length in bytes with the row in it: what `truncate` takes to go back to this moment.
    """
    line = encoded(json.dumps(strict(row), ensure_ascii=False, allow_nan=False, separators=(",", ":"))) + b"\n"
    with _storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o666)
        try:
            start = _whole_length(descriptor)
            os.ftruncate(descriptor, start)
            os.lseek(descriptor, start, os.SEEK_SET)
            try:
                _write_all(descriptor, line)
            except BaseException:
                os.ftruncate(descriptor, start)  # half a row helps nobody, and shrinking needs no free space
                raise
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if durable and start == 0:
            _sync_directory(path.parent)
    return start + len(line)


def read_jsonl(
    path: Path, kind: TypeAdapter[T], length: int | None = None, lost: dict[str, str] | None = None
) -> list[T]:
    """The rows of a JSON-lines file; a torn last line (its process was killed while writing) is left out.

    Args:
        path: The file.
        kind: What each line must hold, e.g. ``OBJECT``.
        length: Read only so many bytes from its start, as a checkpoint knew it.
        lost: Told of damaged lines, which are then left out.

    Raises:
        RunError: The file is missing, or a whole line is damaged and ``lost`` is not given.
    """
    whole_lines = read_bytes(path)[:length].split(b"\n")[:-1]  # what follows the last newline is torn or empty
    rows, damaged = [], []
    for number, line in enumerate(whole_lines, start=1):
        try:
            rows.append(parsed(kind, line))
        except ValidationError as error:
            damaged.append(f"line {number} of {path} is damaged ({why(error)})")
            if lost is None:
                raise RunError(f"{damaged[0]}. Restore the file from a copy, or delete that line.") from error
    if damaged and lost is not None:
        more = f", as are {len(damaged) - 1:,} more" if len(damaged) > 1 else ""
        lost[str(path)] = f"{damaged[0]}{more}: another program changed the file. What is damaged is left out."
    return rows


def settled_length(path: Path) -> int:
    """The length of a file after all of it is on the disk: what a checkpoint may rely on; 0 if there is none."""
    if not path.is_file():
        return 0
    with _storage(path):
        descriptor = os.open(path, os.O_RDWR)
        try:
            os.fsync(descriptor)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)


def truncate(path: Path, length: int) -> None:
    """Cut a file back to `length` bytes, durably: what a resumed run does to rows after its checkpoint.

    A file that has another name too, as in a copy by hard links, is written anew: the other keeps every byte.

    Raises:
        RunError: The file is shorter than that, so rows before the checkpoint are lost.
    """
    status = path.stat() if path.is_file() else None
    size = status.st_size if status else 0
    if size < length:
        raise RunError(
            f"{path} has {size:,} bytes, but its checkpoint was made when it had {length:,}: it was cut short. "
            "Restore it from a copy, or resume from an earlier checkpoint by moving the later ones away."
        )
    if status and (size > length or status.st_nlink > 1):
        write_bytes(path, read_bytes(path)[:length])


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool | None]:
    """Hold a file, made if absent, or a folder, against all other processes that hold it so.

    Args:
        path: What is held; the system lets go of it when this process ends, however it ends.
        wait: Until no other holds it.

    Yields:
        Whether it is held by this process; None where the system knows no such locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield None
        return
    with _storage(path):
        if not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_WRONLY | os.O_CREAT | NO_LINK, 0o666)
    held = False
    try:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            held = True
        yield held
    finally:
        os.close(descriptor)


def write_directory_atomically(path: Path, writer: Callable[[Path], None]) -> None:
    """Fill a new directory through `writer(temporary)`, then give it its name; one that had the name is replaced.

    Killed at any instant, `path` is the old directory, the new one or absent, never in between; `sweep` then puts back
    the old one where it is absent.

    Raises:
        StorageError: the disk is full or the place cannot be written; `path` is as it was.
    """
    temporary = path.with_name(f"{NEW}{secrets.token_hex(4)}")
    aside = path.with_name(f"{OLD}{path.name}")
    with _storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.mkdir()
            writer(temporary)
            _sync_tree(temporary)
            if path.exists():
                shutil.rmtree(aside, ignore_errors=True)
                os.rename(path, aside)
            os.rename(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            if aside.exists() and not path.exists():
                os.rename(aside, path)
            raise
        _sync_directory(path.parent)
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def filling(path: Path) -> Iterator[Path]:
    """A folder to write into; at the end of the context what is in it gets its place, each file whole.

    A new folder appears at once. Into one that is there the files are moved, over those of their names. What a killed
    process left beside it is cleared away by the next.

    Raises:
        StorageError: The disk is full or the place cannot be written; nothing was moved.
    """
    there = path.is_dir()
    temporary = (path if there else path.parent) / f"{OUT}{secrets.token_hex(4)}"
    with _storage(path):
        for left in temporary.parent.glob(f"{OUT}*"):
            with locked(left, wait=False) as abandoned:
                if abandoned:
                    shutil.rmtree(left)
        try:
            temporary.mkdir(parents=True)
            with locked(temporary):
                yield temporary
            _sync_tree(temporary)
            if there:
                for file in sorted(temporary.iterdir()):
                    os.replace(file, path / file.name)
                temporary.rmdir()
            else:
                os.rename(temporary, path)
            _sync_directory(temporary.parent)
        except BaseException as error:
            shutil.rmtree(temporary, ignore_errors=True)
            if isinstance(error, StorageError) and isinstance(error.__cause__, OSError):
                raise error.__cause__ from None  # it names the folder that nobody knows
            raise


def sweep(path: Path) -> list[str]:
    """Clear what killed processes left below a run's directory; only its one writer may call this.

    Returns:
        The names removed or put back, relative to `path`.
    """
    swept = []
    with _storage(path):
        for root, folders, files in os.walk(path):
            for name in [name for name in (*folders, *files) if name.startswith((NEW, OLD))]:
                place = Path(root, name)
                target = place.with_name(name.removeprefix(OLD))
                if name.startswith(OLD) and not target.exists():
                    os.rename(place, target)
                elif place.is_dir() and not place.is_symlink():
                    shutil.rmtree(place)
                else:
                    place.unlink()
                swept.append(str(place.relative_to(path)))
            folders[:] = [name for name in folders if not name.startswith((NEW, OLD))]
        if swept:
            _sync_directory(path)
    return sorted(swept)


def save_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> str:
    """Write tensors as one safetensors file, atomically.

    Tensors that share memory (tied weights) are stored once each. The file is assembled in memory first.

    Returns:
        The SHA-256 of the file, for `load_tensors`.
    """
    from safetensors.torch import save

    seen: set[int] = set()
    separate = {}
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        storage = tensor.untyped_storage().data_ptr()
        separate[name] = tensor.clone() if storage in seen else tensor
        seen.add(storage)
    data = save(separate)
    write_bytes(path, data)
    return hashlib.sha256(data).hexdigest()


def load_tensors(path: Path, expected_sha256: str | None) -> dict[str, torch.Tensor]:
    """Read a safetensors file onto the CPU; no code in it can run.

    Args:
        path: the file.
        expected_sha256: what `save_tensors` returned; None takes any well-formed file.

    Raises:
        RunError: it is missing, cut short, or not the bytes that were written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = read_bytes(path)
    digest = hashlib.sha256(data).hexdigest()
    if expected_sha256 is not None and digest != expected_sha256:
        raise RunError(
            f"{path} is not the file that was written: its SHA-256 is {digest[:12]}…, recorded is "
            f"{expected_sha256[:12]}…. It was cut short or changed. "
            "Restore it from a copy or use an earlier checkpoint."
        )
    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise RunError(
            f"{path} is not a whole safetensors file ({error}). Restore it from a copy or use an earlier checkpoint."
        ) from error


def save_png(array: np.ndarray, path: Path) -> None:
    """Write a uint8 picture, [H, W, 3] or [H, W], as a PNG file, atomically."""
    write_bytes(path, encode_png(array))


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    """Turn the system's refusals into one message for the user."""
    try:
        yield
    except OSError as error:
        raise _explained(error, path) from error


def _explained(error: OSError, path: Path) -> StorageError:
    if error.errno in FULL:
        return StorageError(
            f"disk full: {path} could not be written ({_reason(error)}). What was there before is intact. Free space, "
            "or give another place, e.g. another --out."
        )
    if error.errno in FORBIDDEN:
        return StorageError(
            f"the folder {path.parent} cannot be written ({_reason(error)}). Give another place, e.g. another --out."
        )
    return StorageError(f"{path} could not be written ({_reason(error)}). Give another place, e.g. another --out.")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()


def _write_all(descriptor: int, data: bytes) -> None:
    """`os.write` may take only a part, above all on a disk that is filling up."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _whole_length(descriptor: int) -> int:
    """The length up to and with the last newline."""
    end, block = os.lseek(descriptor, 0, os.SEEK_END), 4096
    while end > 0:
        start = max(0, end - block)
        os.lseek(descriptor, start, os.SEEK_SET)
        newline = os.read(descriptor, end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _sync_tree(path: Path) -> None:
    """Flush every file, then every directory, to the disk: a rename must not outrun the data it names."""
    for root, _, files in os.walk(path, topdown=False):
        for name in files:
            descriptor = os.open(os.path.join(root, name), os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        _sync_directory(Path(root))


def _sync_directory(path: Path) -> None:
    if os.name == "nt":
        return  # Windows cannot open a directory; its renames are journalled by the file system
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
