"""Music as counts: of pitch classes, of steps and leaps, of intervals between voices, of lengths."""

from __future__ import annotations

import torch
from torch import Tensor

from belamy.evaluation.extracted import ExtractedFeatures
from belamy.modalities.fields import Field
from belamy.modalities.music import score_of
from belamy.modalities.score import onsets, pitches

LEAPS, LENGTHS = 13, (1, 2, 3, 4, 6, 8, 12)
"""Sizes of melodic intervals that are told apart, the last for all beyond; lengths of notes, each up to the next."""


class Extractor:
    """Shares of a piece: of its notes by pitch class, of its moves by size, of the intervals of neighbouring voices by
    class, of its notes by length; and of each voice how high it is, how often it begins a note and how long it rests.

    Nothing is learned: they tell what music is made of, but nothing of its order beyond one note to the next.

    Args:
        field: Of the pieces.
    """

    modalities = ("music",)
    name = "notes"
    digest = f"{LEAPS} leaps, lengths {'-'.join(map(str, LENGTHS))}"
    classes = 0
    layer = resize = ""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.size = 12 + LEAPS + 12 + len(LENGTHS) + 3 * field.shape[0]

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        """Features ``[n, size]`` of pieces ``[n, voices, steps, columns]``."""
        codes = score_of(images, self.field)
        pitch, begun = pitches(codes), onsets(codes)
        moved = (pitch[..., 1:] - pitch[..., :-1]).abs().clamp(max=LEAPS - 1)
        moves = begun[..., 1:] & (pitch[..., :-1] > 0)
        apart = (pitch[:, :-1] - pitch[:, 1:]) % 12
        both = (pitch[:, :-1] > 0) & (pitch[:, 1:] > 0)
        notes = begun.sum(-1).double()
        sounding = (pitch > 0).sum(-1).double()
        tables = [
            _shares(pitch % 12, begun, 12), _shares(moved, moves, LEAPS), _shares(apart, both, 12),
            _lengths(pitch, begun), (pitch.sum(-1) / sounding.clamp_min(1) - 60) / 12,
            notes / pitch.shape[2], 1 - sounding / pitch.shape[2],
        ]  # fmt: skip
        return ExtractedFeatures(torch.cat(tables, 1), None, labels, images, self.field)


def _shares(kinds: Tensor, counted: Tensor, most: int) -> Tensor:
    """The share of each kind among what counts; nothing where nothing does.  # [n, ...] to float64 [n, most]"""
    found = (torch.nn.functional.one_hot(kinds, most) * counted[..., None]).flatten(1, -2).sum(1).double()
    return found / found.sum(1, keepdim=True).clamp_min(1)


def _lengths(pitch: Tensor, begun: Tensor) -> Tensor:
    """The share of notes of each length.  # [n, voices, steps] to float64 [n, lengths]"""
    rows = torch.zeros(pitch.shape[:2], dtype=torch.long)
    lasting = torch.zeros_like(pitch)
    for step in reversed(range(pitch.shape[2])):
        rows = torch.where(pitch[..., step] > 0, rows + 1, 0)
        lasting[..., step] = rows
        rows = torch.where(begun[..., step], 0, rows)
    kinds = torch.bucketize(lasting.clamp_min(1), torch.tensor(LENGTHS), right=True) - 1
    return _shares(kinds, begun, len(LENGTHS))
