"""Chords for four voices by formula, as many pieces as are wanted, each with its mode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from belamy.data.assembly import Raw, categories, chosen_label
from belamy.data.dataset import Dataset, Memory
from belamy.data.formats.music import BARS
from belamy.data.harmony import CROTCHET, RANGES, piece
from belamy.data.load_options import LoadOptions
from belamy.errors import UsageError
from belamy.modalities.score import rolls
from belamy.ranges import Within
from belamy.seeds import derive

MOST = 20_000


class Source:
    """Chorale-like music on a grid of semiquavers: a grammar of harmony set by rules of voice leading, drawn by seed.

    Args:
        count: How many pieces.
        seed: Other seeds give other pieces.

    Raises:
        UsageError: Voices, bars or a range that the formula has not.

    Example:
        >>> from belamy.data import open_data
        >>> open_data("progressions:count=50", length=32).shape
        (4, 32, 48)
    """

    def __init__(self, *, count: int = 1000, seed: int = 0) -> None:
        self.count, self.seed = Within(2, MOST).check("progressions.count", count), seed

    def open(self, options: LoadOptions) -> Dataset:
        """The pieces, in keys of all signatures, or of none for ``music:key=common``; major and minor in turn."""
        reader = options.reader("music")
        low, high = RANGES[-1][0], RANGES[0][1]
        if reader.voices != len(RANGES) or reader.lowest > low or reader.highest < high or reader.bar % CROTCHET:
            raise UsageError(
                f"progressions are for {len(RANGES)} voices from {low} to {high} in whole crotchets. Leave "
                "music:voices out, let lowest and highest hold that range, and let bar be a multiple of 4."
            )
        field = reader.field(options.length or BARS * reader.bar, options.rate)
        modes = [("major", "minor")[number % 2] for number in range(self.count)]
        pieces = np.stack([self._piece(number, mode, field.shape[1], reader) for number, mode in enumerate(modes)])
        label = categories(modes)
        raw = Raw(name="progressions", label=label, attributes={"mode": label}, licence="computed by formula")
        wanted = replace(raw, label=chosen_label(raw, options.labels))
        return wanted.dataset(Memory(rolls(torch.from_numpy(pieces), reader.lowest, reader.highest)), field)

    def _piece(self, number: int, mode: str, steps: int, reader: object) -> np.ndarray:
        numbers = np.random.default_rng(derive(self.seed, "progressions", number))
        tonic = int(numbers.integers(12))
        if getattr(reader, "key", "own") == "common":
            tonic = 0 if mode == "major" else 9
        return piece(numbers, tonic, mode, -(-steps // CROTCHET))[:, :steps]
