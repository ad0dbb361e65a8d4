"""Rules of music in several voices, learned from scores: chords, ranges, leaps, crossings, parallel fifths and octaves.

A score is an array ``[T, V]`` of MIDI pitches on an even grid, highest voice first, 0 for a rest. Nothing here is about
images, so this is no rule of the shelf.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from belamy.errors import DataError
from belamy.forensics.specifications import Limits, learn

TONES = 12
RARE = 1e-4
"""A chord or a leap that makes up a smaller share of the real ones is no usual one."""
HIGHEST = 127


@dataclass(frozen=True)
class Rules:
    """What real scores keep to.

    Args:
        ranges: Lowest and highest usual pitch of each voice.
        leaps: Largest usual step of each voice, in semitones.
        chords: Usual chords, as pitch classes above the bass.
        limits: By rule, how many violations per hundred chords a real score has.
    """

    ranges: tuple[tuple[int, int], ...]
    leaps: tuple[int, ...]
    chords: frozenset[frozenset[int]]
    limits: Mapping[str, Limits]


def learn_rules(scores: Sequence[Tensor], false_alarms: float = 0.05) -> Rules:
    """Rules that real scores keep, and how often they break them nevertheless.

    Half of the scores teach what is usual, the other half how much of the unusual is.

    References:
        Learned specifications for chorales: Valle, Cai, Doshi 2018, arXiv 1807.04919, section 4; the rules themselves:
        Fux 1725, "Gradus ad Parnassum".

    Args:
        scores: Each [T, V], at least two.
        false_alarms: Share of real scores that may break a limit.

    Raises:
        DataError: Too few scores, other numbers of voices, or no pitches.
    """
    checked = [changes(score) for score in scores]
    if len(checked) < 2 or len({score.shape[1] for score in checked}) > 1:
        raise DataError(
            f"Rules are learned from two scores or more with equally many voices; {len(checked)} were given."
        )
    usual = _usual(checked[::2])
    found = [rates(score, usual) for score in checked[1::2]]
    limits = {name: learn(torch.tensor([each[name] for each in found]), false_alarms) for name in found[0]}
    return Rules(usual.ranges, usual.leaps, usual.chords, limits)


def violations(score: Tensor, rules: Rules) -> dict[str, Tensor]:
    """Where a score breaks each rule: chords by their number among the changes.  # name -> [K] bool

    Example:
        >>> rules = Rules(((60, 80), (40, 60)), (12, 12), frozenset({frozenset({0, 7})}), {})
        >>> found = violations(torch.tensor([[67, 48], [69, 50]]), rules)
        >>> found["parallel fifths"].tolist(), found["unusual chord"].tolist()
        ([False, True], [False, False])
    """
    chords = changes(score)
    sounding = chords > 0
    low, high = torch.tensor(rules.ranges).T
    found = {"voice range": (((chords < low) | (chords > high)) & sounding).any(1)}
    pairs = list(combinations(range(chords.shape[1]), 2))
    above, below = (list(side) for side in zip(*pairs, strict=True)) if pairs else ([], [])
    both = sounding[:, above] & sounding[:, below]  # [K, pairs]
    found["voice crossing"] = ((chords[:, above] < chords[:, below]) & both).any(1)
    step = chords.diff(dim=0) * (sounding[1:] & sounding[:-1])  # [K - 1, V]
    found["large leap"] = _later(step.abs() > torch.tensor(rules.leaps))
    apart = (chords[:, above] - chords[:, below]) % TONES
    moved = (step[:, above] != 0) & (step[:, above] == step[:, below]) & both[1:] & both[:-1]
    for name, interval in (("parallel fifths", 7), ("parallel octaves", 0)):
        found[name] = _later(moved & (apart[1:] == interval) & (apart[:-1] == interval))
    found["unusual chord"] = torch.tensor([bool(chord) and chord not in rules.chords for chord in _classes(chords)])
    return found


def rates(score: Tensor, rules: Rules) -> dict[str, float]:
    """Violations per hundred chords, by rule."""
    return {name: 100 * float(where.double().mean()) for name, where in violations(score, rules).items()}


def broken(score: Tensor, rules: Rules) -> dict[str, bool]:
    """Which rules a score breaks more often than real scores do, or so much less often that it is not like them."""
    return {name: bool(limit.broken(torch.tensor([rates(score, rules)[name]]))) for name, limit in rules.limits.items()}


def changes(score: Tensor) -> Tensor:
    """The chords of a score, each once where it lasts.  # [T, V] -> [K, V] long

    Raises:
        DataError: No array of pitches.
    """
    score = torch.as_tensor(score)
    if score.dim() != 2 or not score.numel() or score.is_floating_point():
        raise DataError(
            f"A score is an array [time, voices] of whole numbers; this one is {score.dtype} {list(score.shape)}."
        )
    score = score.long()
    if int(score.min()) < 0 or int(score.max()) > HIGHEST:
        raise DataError(f"Pitches are MIDI numbers in 0..{HIGHEST}; these are {int(score.min())}..{int(score.max())}.")
    new = torch.cat([torch.ones(1, dtype=torch.bool), (score[1:] != score[:-1]).any(1)])
    return score[new]


def _usual(scores: Sequence[Tensor]) -> Rules:
    """Ranges, leaps and chords that are not rare."""
    voices = scores[0].shape[1]
    together = torch.cat(list(scores))
    ranges, leaps = [], []
    for voice in range(voices):
        pitches = together[:, voice][together[:, voice] > 0].double()
        if not len(pitches):
            raise DataError(f"Voice {voice + 1} of the scores never sounds, so nothing can be learned of it.")
        edges = pitches.quantile(torch.tensor([RARE, 1 - RARE], dtype=torch.float64), interpolation="nearest")
        ranges.append((int(edges[0]), int(edges[1])))
        steps = torch.cat([_steps(score[:, voice]) for score in scores]).double()
        leaps.append(int(steps.quantile(1 - RARE, interpolation="nearest")) if len(steps) else 0)
    counts = Counter(chord for score in scores for chord in _classes(score) if chord)
    least = RARE * counts.total()
    return Rules(tuple(ranges), tuple(leaps), frozenset(chord for chord, count in counts.items() if count > least), {})


def _steps(voice: Tensor) -> Tensor:
    """Sizes of the steps between sounding pitches."""
    return voice.diff().abs()[(voice[1:] > 0) & (voice[:-1] > 0)]


def _later(where: Tensor) -> Tensor:
    """Any column, written at the second of the two chords.  # [K - 1, n] -> [K]"""
    return torch.cat([torch.zeros(1, dtype=torch.bool), where.any(1)])


def _classes(chords: Tensor) -> Iterator[frozenset[int]]:
    """Pitch classes above the lowest sounding voice."""
    for chord in chords.tolist():
        sounding = [pitch for pitch in chord if pitch]
        yield frozenset((pitch - min(sounding)) % TONES for pitch in sounding)
