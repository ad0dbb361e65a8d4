"""The order of stimuli for each participant: balanced, random, and the same whenever it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from belamy.seeds import generator
from belamy.survey.design import CATCH, LONGEST, MAIN, PARTNER, PRACTICE, Design

Pool = Mapping[tuple[int, str], Sequence[int]]
"""The stimuli's numbers by source and role."""


@dataclass(frozen=True)
class SurveyTrial:
    """One question.

    Args:
        role: ``main``, ``practice`` or ``catch``.
        stimuli: What is shown, from left to right.
        exposure: For how long, in ms; 0 until the answer.
    """

    role: str
    stimuli: tuple[int, ...]
    exposure: int = 0


def schedule(design: Design, pool: Pool, participant: int) -> list[SurveyTrial]:
    """A participant's trials, practice first.

    No stimulus is judged twice by one participant. Over participants each stimulus of a source is shown equally often,
    up to one; real and fake, the sources, their pairs, the two sides and the exposures are balanced within a
    participant as far as the numbers divide, and what remains goes round from one participant to the next. The order is
    drawn.

    Args:
        design: The survey's plan.
        pool: The stimuli.
        participant: Number from 0 on.
    """
    main = _MAKERS[design.kind](design, pool, participant)
    main = [main[place] for place in _order(design, len(main), "order", participant)]
    practice = _practice(design, pool)
    return [*practice, *_with_catches(design, pool, participant, main)]


def _categorise(design: Design, pool: Pool, participant: int) -> list[SurveyTrial]:
    half = design.trials // 2
    taken = [
        *_taken(design, pool, participant, (design.partner,), half),
        *_taken(design, pool, participant, design.fakes, half),
    ]
    return [SurveyTrial(MAIN, (each.stimulus,), _exposure(design, each.turn)) for each in taken]


def _choose(design: Design, pool: Pool, participant: int) -> list[SurveyTrial]:
    real = _taken(design, pool, participant, (design.partner,), design.trials)
    fake = _taken(design, pool, participant, design.fakes, design.trials)
    levels = max(1, len(design.exposures))
    made = []
    for each, partner in zip(fake, _order(design, len(real), "partners", participant), strict=True):
        pair = (real[partner].stimulus, each.stimulus)
        left = each.turn // levels % 2
        made.append(SurveyTrial(MAIN, pair if left else pair[::-1], _exposure(design, each.turn)))
    return made


def _rank(design: Design, pool: Pool, participant: int) -> list[SurveyTrial]:
    pairs = list(combinations(range(len(design.sources)), 2))
    now, before = (rule(design.trials, len(pairs), participant) for rule in (_spread, _earlier))
    queues = []
    for source in range(len(design.sources)):
        own = [number for number, pair in enumerate(pairs) if source in pair]
        taken = _window(design, pool, source, sum(before[each] for each in own), sum(now[each] for each in own))
        order = _order(design, len(taken), "partners", participant, source)
        queues.append([taken[place].stimulus for place in order])
    made = []
    for number, (one, other) in enumerate(pairs):
        for turn in range(now[number]):
            pair = (queues[one].pop(), queues[other].pop())
            made.append(SurveyTrial(MAIN, pair[::-1] if (turn + number + before[number]) % 2 else pair))
    return made


def _mos(design: Design, pool: Pool, participant: int) -> list[SurveyTrial]:
    taken = _taken(design, pool, participant, tuple(range(len(design.sources))), design.trials)
    return [SurveyTrial(MAIN, (each.stimulus,)) for each in taken]


_MAKERS = {"categorise": _categorise, "choose": _choose, "rank": _rank, "mos": _mos}


def _practice(design: Design, pool: Pool) -> list[SurveyTrial]:
    """The same for all: sources in turn, the truth and the side changing irregularly."""
    held = {source: list(pool.get((source, PRACTICE), ())) for source in range(len(design.sources))}
    longest = LONGEST if design.staircase else max(design.exposures, default=0)
    made = []
    for number in range(design.practice):
        swapped = _order(design, 2, "practice", number)[0]
        if design.kind == "categorise":
            source = design.fakes[number // 2 % len(design.fakes)] if number % 2 else design.partner
            made.append(SurveyTrial(PRACTICE, (held[source].pop(0),), longest))
        elif design.kind == "mos":
            made.append(SurveyTrial(PRACTICE, (held[number % len(design.sources)].pop(0),)))
        else:
            fake = design.fakes[number % len(design.fakes)]
            two = (design.partner, fake) if design.kind == "choose" else _turns(number, len(design.sources))
            pair = (held[two[0]].pop(0), held[two[1]].pop(0))
            made.append(SurveyTrial(PRACTICE, pair[::-1] if swapped else pair, longest))
    if design.kind == "categorise":
        made = [made[place] for place in _order(design, len(made), "practice")]
    return made


def _turns(number: int, count: int) -> tuple[int, int]:
    """Two neighbours on the circle of sources: over many numbers each comes equally often."""
    return 2 * number % count, (2 * number + 1) % count


def _with_catches(design: Design, pool: Pool, participant: int, main: list[SurveyTrial]) -> list[SurveyTrial]:
    """One catch trial at a random place of each stretch of equal length."""
    broken, partners = pool.get((design.partner, CATCH), ()), pool.get((design.partner, PARTNER), ())
    longest = LONGEST if design.staircase else max(design.exposures, default=0)
    made: list[SurveyTrial] = []
    for number in range(design.catch):
        first, last = (len(main) * edge // design.catch for edge in (number, number + 1))
        stretch = main[first:last]
        place = _order(design, len(stretch) + 1, "catch", participant, number)[0]
        stimuli: tuple[int, ...] = (broken[number],)
        if design.kind in ("choose", "rank"):
            left = (number + participant) % 2
            stimuli = (partners[number], broken[number]) if left else (broken[number], partners[number])
        made += [*stretch[:place], SurveyTrial(CATCH, stimuli, longest), *stretch[place:]]
    return made or main


@dataclass(frozen=True)
class _Taken:
    """A stimulus, and how often the wheel of exposures and sides has turned for it."""

    stimulus: int
    turn: int


def _taken(design: Design, pool: Pool, participant: int, sources: Sequence[int], count: int) -> list[_Taken]:
    """``count`` stimuli of these sources."""
    now, before = (rule(count, len(sources), participant) for rule in (_spread, _earlier))
    return [
        each
        for source, skipped, wanted in zip(sources, before, now, strict=True)
        for each in _window(design, pool, source, skipped, wanted)
    ]


def _window(design: Design, pool: Pool, source: int, before: int, count: int) -> list[_Taken]:
    """The next ``count`` stimuli on the circle of a source's, after ``before`` were taken.

    Neighbours on the circle differ in their turn by one, and so does a stimulus from itself one round later.
    """
    stimuli = pool[source, MAIN]
    if count > len(stimuli):
        raise ValueError(f"{count} stimuli are wanted of {len(stimuli)}")
    order = _order(design, len(stimuli), "stimuli", source)
    places = [divmod(before + step, len(stimuli)) for step in range(count)]
    return [_Taken(stimuli[order[place]], place + rounds) for rounds, place in places]


def _spread(count: int, cells: int, participant: int) -> list[int]:
    """``count`` over the cells, equally; the remainder goes round from participant to participant.

    Example:
        >>> [_spread(5, 3, participant) for participant in range(3)]
        [[2, 2, 1], [2, 1, 2], [1, 2, 2]]
    """
    each, rest = divmod(count, cells)
    return [each + ((cell - participant * rest) % cells < rest) for cell in range(cells)]


def _earlier(count: int, cells: int, participant: int) -> list[int]:
    """What the participants before this one got in each cell."""
    return [
        sum(column)
        for column in zip([0] * cells, *(_spread(count, cells, each) for each in range(participant)), strict=True)
    ]


def _exposure(design: Design, turn: int) -> int:
    if design.staircase:
        return LONGEST // 2  # replaced when the trial begins
    return design.exposures[turn % len(design.exposures)] if design.exposures else 0


def _order(design: Design, count: int, *path: str | int) -> list[int]:
    """A random order of ``count`` places."""
    import torch

    drawn: list[int] = torch.randperm(count, generator=generator(design.seed, "survey", *path)).tolist()
    return drawn
