"""Trained weights that the package carries, read only when their checksum is right."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from safetensors.torch import load
from torch import Tensor

from belamy.errors import DataError


def embedded_weights(name: str, sha256: str) -> dict[str, Tensor]:
    """The tensors of a file that ships with Belamy, by name, in float32.

    Args:
        name: Of a file in ``networks/files``.
        sha256: Of its content.

    Raises:
        DataError: The installation lacks the file or holds another one.
    """
    file = files("belamy.networks") / "files" / name
    content = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        state = "is damaged" if content else "is missing"
        raise DataError(
            f"The weights '{name}' (SHA-256 {sha256[:16]}…) of this installation: the file {state}. "
            "Type: pip install --force-reinstall belamy"
        )
    return {key: tensor.float() for key, tensor in load(content).items()}
