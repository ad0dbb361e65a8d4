"""Files from the network, kept in a cache, believed only when their checksum is right."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from urllib.parse import urlsplit

from belamy.errors import DataError, StorageError

_BLOCK = 1 << 20
_PATIENCE = 30  # seconds without a byte
_BY_HAND = "Without a network, fetch it elsewhere and name the folder it lies in."


def fetch(url: str, digest: str, cache: Path, offline: bool = False) -> Path:
    """The file at ``url``, from the cache or fetched into it.

    The file appears in the cache under its own name, whole and checked, or not at all.

    Args:
        url: An http or https address.
        digest: SHA-256 of the file in hexadecimal.
        cache: The folder to keep it in; it is made when missing.
        offline: Only look in the cache.

    Raises:
        DataError: It is not in the cache and cannot be fetched, or what came has another checksum.
        StorageError: The cache cannot be written.
    """
    target = cache / Path(urlsplit(url).path).name
    if target.is_file() and checksum(target) == digest:
        return target
    if offline:
        state = "is damaged" if target.is_file() else "is not there"
        raise DataError(
            f"{target} {state}, and --offline forbids to fetch it. Leave out --offline, or put the file there."
        )
    if urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"{url} is not a web address.")
    part = _fresh(cache, target.name)
    try:
        found = _download(url, part)
        if found != digest:
            raise DataError(
                f"{url} gave a file with the SHA-256 {found[:16]}…, but it should be {digest[:16]}…, so it was thrown "
                f"away. Try again, or put the right file at {target}."
            )
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fresh(cache: Path, name: str) -> Path:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=cache)
    except OSError as error:
        raise StorageError(
            f"The cache {cache} cannot be written: {error.strerror}. Set $BELAMY_CACHE to a folder that can."
        ) from error
    os.close(handle)
    return Path(path)


def _download(url: str, part: Path) -> str:
    digest = hashlib.sha256()
    received = expected = 0
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE) as reply, part.open("wb") as file:
            expected = int(reply.headers.get("Content-Length") or 0)
            with _progress(Path(urlsplit(url).path).name, expected) as advance:
                while block := reply.read(_BLOCK):
                    file.write(block)
                    digest.update(block)
                    received += len(block)
                    advance(len(block))
            file.flush()
            os.fsync(file.fileno())
    except urllib.error.HTTPError as error:
        raise DataError(f"{url} answered {error.code} {error.reason}. {_BY_HAND}") from error
    except IncompleteRead as error:
        received += len(error.partial)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(f"{url} cannot be reached ({reason}). {_BY_HAND}") from error
    except OSError as error:
        room = "The disk is full" if error.errno == errno.ENOSPC else str(error.strerror)
        raise StorageError(f"{room} while fetching into {part.parent}. Set $BELAMY_CACHE to another folder.") from error
    if expected and received != expected:
        raise DataError(f"{url} stopped after {received:,} of {expected:,} bytes. Try again.")
    return digest.hexdigest()


@contextmanager
def _progress(name: str, expected: int) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal's error stream; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=expected or None)
        yield lambda count: bar.advance(task, count)
