"""How often generated music breaks the rules of voice leading."""

from __future__ import annotations

from belamy.evaluation.intervals import mean
from belamy.evaluation.music_metric import MusicMetric, rules_broken
from belamy.evaluation.statistics import Interval

RANGES = ((57, 81), (53, 74), (48, 69), (36, 64))
"""Of soprano, alto, tenor and bass: those of Bach's chorales, MIDI pitches."""


class Metric(MusicMetric):
    """Rules of voice leading broken in a bar of generated music, on average.

    They are ``parallels`` (fifths, octaves and unisons), ``crossings``, ``spacing`` (upper neighbours more than an
    octave apart), ``leaps`` (of a seventh, or beyond an octave), of four voices ``ranges``; and ``broken-rules``, all
    together.

    Bach breaks some, too: real music beside it says how many are usual. Random notes break many, a single chord that is
    held none. Intervals are over draws of generated pieces.

    References:
        The rules as textbooks have them, e.g. Aldwell, Schachter & Cadwallader 2011, "Harmony and voice leading", 5-6.
    """

    def measured(self, seed: int) -> dict[str, Interval]:
        """All of them."""
        codes = self.codes("fake")
        bars = codes.shape[2] / self.bar
        found = rules_broken(codes, RANGES if codes.shape[1] == len(RANGES) else ())
        found = {**found, "broken-rules": sum(found.values(), start=found["parallels"] * 0)}
        return {name: mean(counts / bars) for name, counts in found.items()}
