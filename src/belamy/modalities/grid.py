"""Many pictures in one: contact sheets of samples, and their PNG bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from belamy.errors import UsageError
from belamy.modalities.letters import drawable

if TYPE_CHECKING:
    import torch

BACKGROUND = 46  # a dark neutral grey: dark digits and white-backed faces both stand out, on light and dark pages alike
CAPTION_INK = 226
LINE_HEIGHT = 13  # pixels of a line of a caption, besides 3 of air
WIDE = 1.4  # the aspect (width / height) a free grid leans to
EMPTY_COST = 6.0  # how much an empty cell weighs against a better aspect
VISIBLE = 56  # pixels: `scale=None` enlarges cells until their shorter side reaches this
LONGEST = 512  # pixels: `scale=None` stops before the longer side of a cell exceeds this
WIDEST = 4400  # pixels of a sheet's side: more do not pass films and browsers
_FONT = ImageFont.load_default(size=11)
CHEQUERS = 4, (153, 102)  # side in pixels, and greys, of the ground that shows through what is transparent


def grid(
    images: torch.Tensor | np.ndarray,
    columns: int | None = None,
    pad: int = 2,
    scale: int | None = 1,
    captions: Sequence[str] | None = None,
    lines: int = 1,
) -> np.ndarray:
    """Lay pictures out in rows, left to right, on a neutral background.

    Args:
        images: [N, C, H, W], uint8, C = 1 (grey) or 3 (RGB), 2 or 4 with opacity, which is shown over a chequered
            ground; of other C all channels are shown in grey, side by side. Any N of at least 1.
        columns: pictures in a row; None chooses few empty cells and a slightly wide sheet.
        pad: pixels around and between the pictures, not enlarged by `scale`.
        scale: whole-number enlargement, nearest neighbour; None makes every picture at least 56 pixels wide and high,
            unless that made one longer than 512.
        captions: a text under each picture, in ASCII, shortened to its width.
        lines: how many lines a caption may take; it is broken between words.

    Returns:
        The sheet, uint8, [height, width, 3].

    Raises:
        UsageError: not a batch of uint8 pictures, or an option out of its range.

    Example:
        >>> grid(np.zeros((10, 1, 28, 28), dtype=np.uint8)).shape
        (62, 152, 3)
    """
    pixels = _as_rgb(images)  # [N, H, W, 3]
    count, height, width = pixels.shape[:3]
    scale = enlargement(height, width) if scale is None else scale
    _check(count, columns, pad, scale, captions)
    pixels = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    told = [_broken(caption, width * scale, lines) for caption in captions or ()]
    cell_height = height * scale + (3 + LINE_HEIGHT * max(1, *(len(each) for each in told)) if told else 0)
    columns = columns or best_columns(count, width * scale / cell_height)
    rows = math.ceil(count / columns)
    step_y, step_x = cell_height + pad, width * scale + pad
    sheet = np.full((pad + rows * step_y, pad + columns * step_x, 3), BACKGROUND, dtype=np.uint8)
    for index, picture in enumerate(pixels):
        top, left = pad + index // columns * step_y, pad + index % columns * step_x
        sheet[top : top + height * scale, left : left + width * scale] = picture
    if told:
        corners = [(pad + i % columns * step_x, pad + i // columns * step_y + height * scale) for i in range(count)]
        sheet = _write(sheet, corners, told, width * scale)
    return sheet


def enlargement(height: int, width: int) -> int:
    """How many times a picture is enlarged to be seen.

    Example:
        >>> enlargement(28, 28), enlargement(1, 1024), enlargement(16, 100)
        (2, 1, 4)
    """
    return max(1, min(math.ceil(VISIBLE / min(height, width)), LONGEST // max(height, width)))


def within(sheet: np.ndarray) -> np.ndarray:
    """A sheet reduced by a whole number until no side is longer than 4,400 pixels.  # [H, W, 3] uint8"""
    times = math.ceil(max(sheet.shape[:2]) / WIDEST)
    return sheet if times == 1 else np.asarray(Image.fromarray(sheet).reduce(times))


def best_columns(count: int, aspect: float = 1.0) -> int:
    """The number of columns for `count` cells of this aspect (width / height): few holes first, then a wide sheet."""

    def cost(columns: int) -> float:
        rows = math.ceil(count / columns)
        empty = (rows * columns - count) / (rows * columns)
        return abs(math.log(aspect * columns / rows / WIDE)) + EMPTY_COST * empty

    # Twenty times the square root reaches every layout worth a look and keeps 100,000 pictures quick.
    return min(range(1, min(count, 20 * math.isqrt(count) + 1) + 1), key=cost)


def encode_png(picture: np.ndarray) -> bytes:
    """PNG bytes of a uint8 picture: [H, W], or [H, W, C] of 2 (grey and opacity), 3 or 4 channels.

    Example:
        >>> encode_png(np.zeros((2, 2), dtype=np.uint8))[1:4]
        b'PNG'
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="PNG")  # optimised: 1 % fewer bytes, 3 to 12 times as long
    return buffer.getvalue()


def equally_high(sheets: Sequence[bytes]) -> list[bytes]:
    """PNG sheets, all as high as the highest: pages of texts differ, and the lower ones go on as they end.

    Example:
        >>> low, high = (encode_png(np.zeros((height, 2), np.uint8)) for height in (2, 3))
        >>> equally_high([low, high]) == [high, high]
        True
    """
    opened = [Image.open(io.BytesIO(sheet)) for sheet in sheets]
    highest = max((each.height for each in opened), default=0)
    return [sheet if each.height == highest else encode_png(_lengthened(np.asarray(each), highest))
            for sheet, each in zip(sheets, opened, strict=True)]  # fmt: skip


def _lengthened(sheet: np.ndarray, height: int) -> np.ndarray:
    return np.pad(sheet, [(0, height - len(sheet)), *[(0, 0)] * (sheet.ndim - 1)], mode="edge")


def _as_rgb(images: torch.Tensor | np.ndarray) -> np.ndarray:
    array = images if isinstance(images, np.ndarray) else images.detach().cpu().numpy()
    if array.ndim != 4 or array.dtype != np.uint8 or 0 in array.shape:
        raise UsageError(
            f"a grid needs uint8 pictures of shape [N, C, H, W], none of them 0; got {array.dtype} "
            f"{list(array.shape)}. Turn values in [-1, 1] into pixels with belamy.data.to_uint8."
        )
    pixels = visible(array).transpose(0, 2, 3, 1)  # [N, H, W, C]
    return np.broadcast_to(pixels, (*pixels.shape[:3], 3))


def visible(images: np.ndarray) -> np.ndarray:
    """Pictures of any channels as grey or colour: opacity over a chequered ground, other channels side by side.

    Args:
        images: uint8.  # [N, C, H, W]

    Returns:
        Of 1 or 3 channels, and of the same size unless channels lie side by side.

    Example:
        >>> visible(np.zeros((2, 6, 8, 8), np.uint8)).shape
        (2, 1, 16, 24)
    """
    if images.shape[1] in (2, 4):
        return _on_chequers(images)
    return images if images.shape[1] in (1, 3) else _side_by_side(images)


def in_colour(images: np.ndarray) -> np.ndarray:
    """Pictures of any channels as RGB of the same size; of channels that are no colours, their mean in grey.

    Args:
        images: uint8.  # [N, C, H, W]

    Returns:
        uint8.  # [N, 3, H, W]
    """
    seen = visible(images) if images.shape[1] <= 4 else images.mean(1, keepdims=True).astype(np.uint8)
    return np.broadcast_to(seen, (len(seen), 3, *seen.shape[2:]))


def _on_chequers(images: np.ndarray) -> np.ndarray:
    """Grey or colour over a chequered ground, by their last channel.  # [N, C + 1, H, W] -> [N, C, H, W]"""
    side, greys = CHEQUERS
    rows, columns = np.indices(images.shape[2:]) // side
    ground = np.where((rows + columns) % 2 == 0, *greys)
    opacity = images[:, -1:].astype(np.int32)
    return ((images[:, :-1] * opacity + ground * (255 - opacity) + 127) // 255).astype(np.uint8)


def _side_by_side(images: np.ndarray) -> np.ndarray:
    """All channels of each picture in grey, in rows.  # [N, C, H, W] -> [N, 1, rows x H, columns x W]"""
    count, channels, height, width = images.shape
    columns = best_columns(channels, width / height)
    rows = -(-channels // columns)
    whole = np.full((count, rows * columns, height, width), BACKGROUND, np.uint8)
    whole[:, :channels] = images
    tiles = whole.reshape(count, rows, columns, height, width).transpose(0, 1, 3, 2, 4)
    return tiles.reshape(count, 1, rows * height, columns * width)


def _check(count: int, columns: int | None, pad: int, scale: int, captions: Sequence[str] | None) -> None:
    if columns is not None and columns < 1:
        raise UsageError(f"a grid has at least 1 column; got {columns}. Leave it out to have one chosen.")
    if pad < 0 or scale < 1:
        raise UsageError(f"a grid needs pad of at least 0 and scale of at least 1; got pad {pad}, scale {scale}.")
    if captions is not None and len(captions) != count:
        raise UsageError(f"a grid of {count} pictures needs {count} captions; got {len(captions)}.")


def _broken(caption: str, width: int, most: int) -> list[str]:
    """The caption in lines that are no wider than so many pixels, the last one shortened if there would be more."""
    lines: list[str] = []
    for word in drawable(caption).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if not lines or (len(lines) < most and _FONT.getlength(longer) > width):
            lines.append(word)
        else:
            lines[-1] = longer
    return [_shortened(line, width) for line in lines]


def _shortened(text: str, width: int) -> str:
    while len(text) > 1 and _FONT.getlength(text) > width:
        text = text.removesuffix("…")[:-1] + "…"
    return text


def _write(sheet: np.ndarray, corners: Sequence[tuple[int, int]], told: Sequence[list[str]], width: int) -> np.ndarray:
    picture = Image.fromarray(sheet)
    pen = ImageDraw.Draw(picture)
    for (left, top), lines in zip(corners, told, strict=True):
        for number, text in enumerate(lines):
            offset = max(0, (width - _FONT.getlength(text)) / 2)
            place = (left + offset, top + 2 + LINE_HEIGHT * number)
            pen.text(place, text, fill=(CAPTION_INK,) * 3, font=_FONT)
    return np.asarray(picture)
