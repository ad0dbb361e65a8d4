"""Pictures beside their captions, and what a captioner looked at for each word."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from belamy.modalities.fields import Field
from belamy.modalities.grid import BACKGROUND, enlargement, grid, in_colour, within
from belamy.modalities.image import as_bytes
from belamy.modalities.text import END, PADDING, printed, vocabulary_of
from belamy.sampling.sheets import GAP, picture_of

WIDE = 96
"""Pixels of the shorter side of a picture on a sheet of attention, at least."""
DARK = 0.2
"""How bright a picture is left where nothing is looked at."""
THE_END = "(end)"


def captioned_sheet(raw: Tensor, field: Field, texts: Sequence[str]) -> np.ndarray:
    """Samples, each with its text beside it, one below the other.  # uint8 [H, W, 3]

    Args:
        raw: As files hold them.  # [n, *field.shape]
        field: What they are.
        texts: One for each.
    """
    rows = []
    for sample, text in zip(raw, texts, strict=True):
        picture = picture_of(sample, field)
        times = enlargement(*picture.shape[:2]) if field.modality == "image" else 1
        picture, page = picture.repeat(times, 0).repeat(times, 1), printed([text])
        height = max(len(picture), len(page))
        rows.append([_filled(picture, height, BACKGROUND), _filled(page, height, int(page[-1, -1, 0]))])
    widest = max(picture.shape[1] for picture, _ in rows)
    beside = [np.concatenate([_widened(picture, widest), page], 1) for picture, page in rows]
    return within(np.concatenate([np.pad(row, ((GAP, 0), (0, 0), (0, 0)), constant_values=BACKGROUND)
                                  for row in beside]))  # fmt: skip


def attention_sheet(raw: Tensor, words: Sequence[str], attention: Tensor) -> np.ndarray:
    """A picture for each word: bright where was looked at; of films frames side by side.  # uint8 [H, W, 3]

    The brightest place of each word has the brightness of the sample, which comes first.

    Args:
        raw: The sample as files hold it, a picture [C, H, W] or a film [T, C, H, W].
        words: What was written.
        attention: To the places of the frames.  # [len(words), t, h, w]
    """
    frames, count = (raw if raw.dim() == 4 else raw[None]), attention.shape[1]
    middles = (torch.arange(count) + 0.5) * len(frames) / count
    shown = torch.from_numpy(np.array(in_colour(as_bytes(frames[middles.long()]).numpy()))).float()
    times = max(1, ceil(WIDE / min(shown.shape[2:])))
    shown = shown.repeat_interleave(times, 2).repeat_interleave(times, 3)  # [t, 3, H, W]
    weights = interpolate(attention.float(), size=shown.shape[2:], mode="bilinear", align_corners=False)
    weights = weights / weights.amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
    light = torch.cat([torch.ones_like(weights[:1]), DARK + (1 - DARK) * weights])  # [words + 1, t, H, W]
    cells = (light[:, :, None] * shown).permute(0, 2, 3, 1, 4).flatten(3)  # [words + 1, 3, H, t · W]
    return within(grid(cells.round().to(torch.uint8), captions=["", *words], scale=1))


def spoken_words(symbols: Tensor, attention: Tensor, field: Field) -> tuple[list[str], Tensor]:
    """The words of a caption up to its end, and the attention of each; that of a word's letters is their mean.

    Args:
        symbols: Of a caption.  # long [L]
        attention: Of each symbol.  # [L, t, h, w]
        field: Of the captions.
    """
    known = vocabulary_of(field.classes)
    words: list[str] = []
    places: list[list[int]] = []
    for place, number in enumerate(symbols.tolist()):
        if number == PADDING:
            break
        piece = THE_END if number == END else known.text([number])
        if known.words or number == END or not words or piece == " ":
            words.append(piece.strip())
            places.append([place])
        else:
            words[-1] += piece
            places[-1].append(place)
    return words, torch.stack([attention[each].mean(0) for each in places])


def _filled(picture: np.ndarray, height: int, ground: int) -> np.ndarray:
    """A picture with ground below it.  # [h, W, 3] to [height, W, 3]"""
    return np.pad(picture, ((0, height - len(picture)), (0, 0), (0, 0)), constant_values=ground)


def _widened(picture: np.ndarray, width: int) -> np.ndarray:
    return np.pad(picture, ((0, 0), (0, width - picture.shape[1]), (0, 0)), constant_values=BACKGROUND)
