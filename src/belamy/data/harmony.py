"""Music for four voices by formula: a small grammar of harmony, chords set by rules of voice leading, passing notes.

Functions follow one another as in textbooks: tonic, subdominant, dominant, tonic; each phrase of two bars ends on the
tonic or, half-way, on the dominant. Each chord takes the setting that moves the voices least among those that break no
rule after the last one: no parallel fifths and octaves, no crossed voices, at most an octave between upper neighbours.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise, product

import numpy as np

from belamy.modalities.score import ONSET

RANGES = ((60, 79), (55, 72), (50, 67), (41, 60))
"""Of soprano, alto, tenor and bass: MIDI pitches."""
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 11)}
"""Semitones of the degrees above the tonic; the minor is the harmonic one."""
CROTCHET = 4
"""Steps."""
_NEXT = {
    0: ((3, 4), (1, 2), (5, 3), (4, 3), (0, 1)),
    1: ((4, 4), (6, 1)),
    3: ((4, 4), (1, 2), (0, 2)),
    4: ((0, 5), (5, 2), (4, 1)),
    5: ((1, 3), (3, 3), (4, 2)),
    6: ((0, 1),),
}
"""The degrees that may follow a chord's, and how often; the tonic is 0."""
_WRONG = 1000.0
_PASSING, _HELD = 0.45, 0.35
"""How often a leap of a third is filled, and a repeated note held."""


def piece(numbers: np.random.Generator, key: int, mode: str, beats: int) -> np.ndarray:
    """A piece for four voices.

    Args:
        numbers: Decide it.
        key: The tonic, 0 for C to 11.
        mode: ``major`` or ``minor``.
        beats: Crotchets, at least 1.

    Returns:
        Codes, uint8 ``[4, 4 * beats]``.
    """
    found = degrees(numbers, beats)
    way = int(numbers.integers(len(settings(key, mode, found[0]))))
    chosen = [settings(key, mode, found[0])[way]]
    for degree, following in pairwise(found):
        cost = costs_from(key, mode, degree, way, following)
        way = int((cost + numbers.exponential(1.5, len(cost))).argmin())
        chosen.append(settings(key, mode, following)[way])
    return decorated(np.stack(chosen, 1), key, mode, numbers)


def degrees(numbers: np.random.Generator, beats: int) -> list[int]:
    """The degree of each crotchet's chord: phrases of eight that end on the dominant and the tonic in turn."""
    found = [0]
    while len(found) < beats:
        to_end = 8 - len(found) % 8
        if to_end in (1, 2) and len(found) // 8 % 2 == 1:
            found.append(4 if to_end == 2 else 0)
        elif to_end == 1:
            found.append(4)
        else:
            ways, often = zip(*_NEXT[found[-1]], strict=True)
            found.append(int(numbers.choice(ways, p=np.array(often) / sum(often))))
    return found[:beats]


@lru_cache(maxsize=256)
def settings(key: int, mode: str, degree: int) -> np.ndarray:
    """The ways to set a triad for four voices, in root position or, for the second and seventh degree, as a sixth.

    All its notes sound, the leading note once; voices lie in their ranges, upper neighbours within an octave.

    Returns:
        MIDI pitches ``[ways, 4]`` from soprano to bass.
    """
    scale = SCALES[mode]
    triad = [(key + scale[(degree + third) % 7]) % 12 for third in (0, 2, 4)]
    leading = (key + 11) % 12
    bass = triad[1] if degree in (1, 6) else triad[0]
    notes = [[pitch for pitch in range(low, high + 1) if pitch % 12 in triad] for low, high in RANGES[:3]]
    notes.append([pitch for pitch in range(RANGES[3][0], RANGES[3][1] + 1) if pitch % 12 == bass])
    found = [
        way
        for way in product(*notes)
        if way[0] > way[1] > way[2] > way[3] and way[0] - way[1] <= 12 and way[1] - way[2] <= 12
        and {pitch % 12 for pitch in way} == set(triad) and sum(pitch % 12 == leading for pitch in way) <= 1
    ]  # fmt: skip
    return np.array(found)


@lru_cache(maxsize=2**16)
def costs_from(key: int, mode: str, degree: int, way: int, following: int) -> np.ndarray:
    """What the ways to set a degree cost after one way, by its number, to set the degree before."""
    return costs(settings(key, mode, degree)[way], settings(key, mode, following))


def costs(last: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """How far the voices move from one chord to each way to set the next, and 1,000 for each rule that is broken.

    Args:
        last: MIDI pitches ``[4]``.
        ways: ``[ways, 4]``.
    """
    moved = ways - last
    cost = np.abs(moved[:, :3]).sum(1) + 0.3 * np.abs(moved[:, 3]).astype(float)
    cost += _WRONG * (np.abs(moved) > np.array([7, 7, 7, 12])).sum(1)
    for upper in range(4):
        for lower in range(upper + 1, 4):
            before, after = last[upper] - last[lower], ways[:, upper] - ways[:, lower]
            same = (moved[:, upper] != 0) & (moved[:, upper] * moved[:, lower] > 0)
            cost += _WRONG * (same & np.isin(after % 12, (0, 7)) & (after % 12 == before % 12))
        if upper < 3:  # no voice beyond where its neighbour has just been
            cost += _WRONG * ((ways[:, upper + 1] > last[upper]) | (ways[:, upper] < last[upper + 1]))
    return np.asarray(cost)


def decorated(chords: np.ndarray, key: int, mode: str, numbers: np.random.Generator) -> np.ndarray:
    """Chords as codes: some thirds are filled by a passing quaver, some repeated notes held.

    Args:
        chords: MIDI pitches ``[4, beats]``.
        key: The tonic.
        mode: Its scale gives the passing notes.
        numbers: Decide which.
    """
    codes = np.repeat(chords, CROTCHET, 1).astype(np.uint8)
    codes[:, ::CROTCHET] |= ONSET
    tones = {(key + degree) % 12 for degree in SCALES[mode]}
    for beat in range(chords.shape[1] - 1):
        steps = chords[:, beat + 1] - chords[:, beat]
        filled = numbers.permutation(4)[:2]  # at most two voices pass at once
        for voice in range(4):
            here, there = int(chords[voice, beat]), int(chords[voice, beat + 1])
            if steps[voice] == 0 and numbers.random() < _HELD:
                codes[voice, CROTCHET * (beat + 1)] = there
            elif abs(steps[voice]) in (3, 4) and voice in filled and numbers.random() < _PASSING:
                between = [pitch for pitch in range(min(here, there) + 1, max(here, there)) if pitch % 12 in tones]
                if between:
                    codes[voice, CROTCHET * beat + 2 : CROTCHET * (beat + 1)] = between[0]
                    codes[voice, CROTCHET * beat + 2] |= ONSET
    return codes
