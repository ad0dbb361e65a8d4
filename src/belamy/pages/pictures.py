"""Pictures in pages: encoded within a budget, and written into the page itself."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

BUDGET = 240_000
"""Bytes that one picture may take, by default."""
LARGEST_SIDE = 1600
"""Pixels; a larger picture is shrunk."""
COARSER = ((90, 1), (80, 1), (65, 1), (45, 1), (45, 2), (45, 4), (45, 8))
"""Qualities of WebP, and by how much the picture is shrunk, one after the other until it fits."""
PNG = b"\x89PNG"
KINDS = {PNG: "image/png", b"GIF8": "image/gif", b"RIFF": "image/webp"}
"""Types of pictures by how their bytes begin; other bytes are not shown."""


def source(picture: bytes | np.ndarray) -> str:
    """The address of a picture that is its own content: a moving one as it is, others within the budget.

    Example:
        >>> source(b"GIF89a")
        'data:image/gif;base64,R0lGODlh'
    """
    still = not isinstance(picture, bytes) or picture.startswith(PNG)
    data = encoded(picture) if still else bytes(picture)
    kind = KINDS.get(data[:4], "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def encoded(picture: bytes | np.ndarray, budget: int = BUDGET, side: int = LARGEST_SIDE) -> bytes:
    """A picture as a file of at most the budget, without loss where that is possible.

    A file that fits already stays as it is. WebP is written where Pillow can, else PNG, of any size in bytes.

    Args:
        picture: A file's bytes, or uint8 pixels ``[H, W]`` or ``[H, W, 3]``.
        budget: Bytes; where no quality fits, the picture is shrunk.
        side: Pixels that the larger side may have.

    Raises:
        OSError: The bytes are no whole picture.
    """
    from PIL import Image, features

    if isinstance(picture, bytes):
        opened = Image.open(io.BytesIO(picture))
        opened.load()
        if len(picture) <= budget and max(opened.size) <= side:
            return picture
        image = opened.convert("RGB")
    else:
        image = Image.fromarray(picture)
    if max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    if not features.check("webp"):
        return _saved(image, format="PNG", optimize=True)
    hopeless = isinstance(picture, bytes) and len(picture) > 2 * budget
    data = b"" if hopeless else _saved(image, format="WEBP", lossless=True, quality=60, method=4)
    for quality, smaller in COARSER:
        if data and len(data) <= budget:
            break
        data = _saved(image.reduce(smaller), format="WEBP", quality=quality, method=4)
    return data


def played_once(film: bytes) -> bytes:
    """The same animated WebP or GIF, but one that stops at its last frame instead of beginning again."""
    if film[:4] == b"GIF8":
        start = film.find(b"\x21\xff\x0bNETSCAPE2.0")
        return film if start < 0 else film[:start] + film[start + 19 :]
    start = film.find(b"ANIM", 12, 64) + 12  # behind the chunk's name, its size and the background's colour
    return film if start < 12 else film[:start] + b"\x01\x00" + film[start + 2 :]


def _saved(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **options)  # type: ignore[arg-type]
    return buffer.getvalue()
