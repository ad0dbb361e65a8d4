"""How long passages of generated music are that stand in the music that was learned from."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from belamy.evaluation.intervals import mean, wilson
from belamy.evaluation.music_metric import BEAT, MusicMetric
from belamy.evaluation.statistics import Interval
from belamy.modalities.score import pitches
from belamy.ranges import Within


class Metric(MusicMetric):
    """Passages of generated pieces that training pieces have.

    ``longest-copy`` is the beats of the longest one of a piece, on average, ``copied-pieces`` the share of pieces with
    one of so many beats.

    A passage is some beats one after the other, of all voices and pitch for pitch in the same key; notes that are
    struck again count as held. Passages of silence are none. Composers copy themselves: more than real music that was
    not learned from is copied. Training pieces that are cut without overlap (``music:stride=0``) hide passages across
    their ends. Intervals are over draws of generated pieces.

    Args:
        beats: Of a passage that counts as copied.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"train"})

    def __init__(self, *, beats: int = 8) -> None:
        super().__init__()
        self.beats = Within(1, 1024).check("copied-passages.beats", beats)

    def measured(self, seed: int) -> dict[str, Interval]:
        """Both."""
        longest = longest_copies(self.codes("fake"), self.codes("train"))
        right = int((longest >= self.beats).sum())
        return {"longest-copy": mean(longest.double()), "copied-pieces": wilson(right, len(longest))}


def longest_copies(made: Tensor, known: Tensor) -> Tensor:
    """The beats of the longest passage of each piece that is in a known one.

    Args:
        made: uint8 ``[n, voices, steps]``.
        known: uint8 ``[m, voices, steps]``.

    Returns:
        long ``[n]``.
    """
    longest = torch.zeros(len(made), dtype=torch.long)
    left = list(range(len(made)))
    for beats in range(1, made.shape[2] // BEAT + 1):
        passages = {passage for piece in known for passage in passages_of(piece, beats)}
        left = [place for place in left if any(each in passages for each in passages_of(made[place], beats))]
        longest[left] = beats
        if not left:
            break
    return longest


def passages_of(codes: Tensor, beats: int) -> list[bytes]:
    """All passages of so many beats in which something sounds.  # uint8 [voices, steps]"""
    pitch = pitches(codes).to(torch.uint8).numpy()
    starts = range(0, pitch.shape[1] - beats * BEAT + 1, BEAT)
    found = [pitch[:, start : start + beats * BEAT] for start in starts]
    return [passage.tobytes() for passage in found if passage.any()]
