"""Files that the package carries, read only when their checksum is right."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from belamy.errors import DataError


def embedded(name: str, sha256: str) -> bytes:
    """The bytes of a file that ships with Belamy.

    Raises:
        DataError: The installation lacks the file or holds another one.
    """
    file = files("belamy.data") / "files" / name
    if not file.is_file():
        raise DataError(
            f"This installation of Belamy lacks its data file '{name}'. Type: pip install --force-reinstall belamy"
        )
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(
            f"The data file '{name}' of this installation is damaged: its SHA-256 is {found[:16]}…, not "
            f"{sha256[:16]}…. Type: pip install --force-reinstall belamy"
        )
    return content
