"""Music as symbols in a row: where in the bar something happens, then which voices begin what.

At each step at which a note or a rest begins, and at the beginning of each bar, stands its place in the bar, then
for each of those voices, the highest first, the pitch or the rest. So a place not beyond the last one is in the next
bar, and whatever is written is music.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from belamy.modalities.fields import Field
from belamy.modalities.music import highest_of, score_of
from belamy.modalities.score import onsets, pitches, rolls, told_apart
from belamy.modalities.text import END, PADDING, SPECIAL

IN_TWO_STEPS = 5
"""Symbols that a piece may have, on average; what is beyond is cropped."""
_NOTHING = -1


class Events(NamedTuple):
    """The symbols of music of one shape; the first are those that texts have, too.

    References:
        Positions in a bar in place of waits: Huang & Yang 2020, "Pop music transformer", arXiv 2002.00212, section 3.2.

    Args:
        voices: How many.
        steps: Of a piece.
        bar: Steps of a bar.
        lowest: The lowest pitch.
        highest: The highest pitch.
    """

    voices: int
    steps: int
    bar: int
    lowest: int
    highest: int

    @classmethod
    def of(cls, field: Field) -> Events:
        """Those of a field of music."""
        voices, steps, _ = field.shape
        return cls(voices, steps, int(field.facts["bar"]), int(field.facts["lowest"]), highest_of(field))

    @property
    def size(self) -> int:
        """How many symbols there are: the special ones, the places in a bar, a rest and the pitches of each voice."""
        return self.first + self.voices * self.each

    @property
    def length(self) -> int:
        """Symbols of a piece, at most."""
        return IN_TWO_STEPS * self.steps // 2

    @property
    def first(self) -> int:
        """The first voice's rest."""
        return len(SPECIAL) + self.bar

    @property
    def each(self) -> int:
        """Symbols of a voice."""
        return self.highest - self.lowest + 2

    def read(self, codes: Tensor) -> Tensor:
        """The symbols of pieces, their end and padding.  # uint8 [n, voices, steps] to long [n, length]"""
        pitch = pitches(codes)
        rests = (pitch == 0) & (torch.nn.functional.pad(pitch, (1, 0))[..., :-1] > 0)
        what = torch.where(pitch > 0, pitch - self.lowest + 1, 0)
        own = self.first + self.each * torch.arange(self.voices, device=codes.device)[:, None] + what
        begun = torch.where(onsets(codes) | rests, own, 0).transpose(1, 2)  # [n, steps, voices]
        place = torch.arange(self.steps, device=codes.device) % self.bar
        told = (begun > 0).any(2) | (place == 0)
        row = torch.cat([torch.where(told, place + len(SPECIAL), 0)[..., None], begun], 2).flatten(1)
        row = row.gather(1, (row == 0).sort(dim=1, stable=True).indices)
        row = torch.nn.functional.pad(row, (0, max(0, self.length + 1 - row.shape[1])))[:, : self.length + 1]
        ends = (row > 0).sum(1, keepdim=True)
        return row.scatter(1, ends.clamp(max=self.length), END)[:, : self.length]

    def write(self, symbols: Tensor) -> Tensor:
        """The pieces that symbols tell.  # long [n, length] to uint8 [n, voices, steps]

        What stands before the first place, after the end or beyond the last step says nothing; of two symbols for a
        voice at one step the later holds. All voices begin at rest.
        """
        count, rows = len(symbols), torch.arange(len(symbols), device=symbols.device)
        grid = torch.full((count, self.voices, self.steps + 1), _NOTHING, device=symbols.device)
        step = torch.full((count,), -1, device=symbols.device)
        ended = torch.zeros(count, dtype=torch.bool, device=symbols.device)
        for symbol in symbols.unbind(1):
            ended = ended | (symbol == END) | (symbol == PADDING)
            place = symbol - len(SPECIAL)
            moves = (place >= 0) & (place < self.bar) & ~ended
            later = step + 1 + (place - step - 1) % self.bar
            step = torch.where(moves, later, step).clamp(max=self.steps)
            plays = (symbol >= self.first) & ~ended & (step >= 0)
            voice, what = (symbol - self.first) // self.each, (symbol - self.first) % self.each
            kept = rows[plays]
            grid[kept, voice[plays], step[kept]] = what[plays]
        return self._held(grid[..., : self.steps])

    def _held(self, grid: Tensor) -> Tensor:
        """Codes of what begins at each step, held until something else does."""
        now, held = torch.zeros_like(grid[..., 0]), []
        for begins in grid.unbind(2):
            now = torch.where(begins == _NOTHING, now, begins)
            held.append(now)
        sounding = torch.stack(held, 2)
        return told_apart(torch.where(sounding > 0, sounding + self.lowest - 1, 0), grid > 0)

    def symbols_of(self, values: Tensor, field: Field) -> Tensor:
        """The symbols of what networks see of pieces.  # [n, voices, steps, columns] to long [n, length]"""
        return self.read(score_of(values, field).to(values.device))

    def values_of(self, symbols: Tensor) -> Tensor:
        """What networks see of the pieces that symbols tell.  # long [n, length] to float32 in [-1, 1]"""
        return rolls(self.write(symbols), self.lowest, self.highest).to(torch.float32).mul_(2).sub_(1)
