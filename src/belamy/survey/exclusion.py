"""Whose answers count, and which: rules that are stated before anything is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from belamy.survey.binomial import tail
from belamy.survey.design import CATCH, MAIN, Design
from belamy.survey.response import Response, right_answer

EARLIEST = 100.0
"""Milliseconds after onset before which no answer can be about what was seen."""
SLACK = 25.0
"""Milliseconds by which a picture may be seen longer or shorter than planned."""
UNIFORM_FROM = 20
"""Trials from which on giving one answer throughout excludes."""


@dataclass(frozen=True)
class Kept:
    """What counts.

    Args:
        judgements: The answers to main trials that count.
        people: The participants whose answers count.
        excluded: Why a participant does not, by number.
        left_out: How many single answers of the others do not, by reason.
        rules: The rules in words.
    """

    judgements: tuple[Response, ...]
    people: tuple[int, ...]
    excluded: dict[int, str]
    left_out: dict[str, int]
    rules: tuple[str, ...]


def keep(design: Design, judgements: Sequence[Response]) -> Kept:
    """Apply the rules.

    References:
        That answers sooner than 100 ms are no reactions: Luce 1986, "Response times", section 2.4; the screening by
        trials with a known answer: ITU-T P.808 (2021), clause 6.3.
    """
    people = sorted({each.participant for each in judgements})
    excluded = {}
    for person in people:
        reason = _why_not(design, [each for each in judgements if each.participant == person])
        if reason:
            excluded[person] = reason
    left_out: Counter[str] = Counter()
    kept = []
    for each in judgements:
        if each.role != MAIN or each.participant in excluded:
            continue
        reason = _flaw(design, each)
        if reason:
            left_out[reason] += 1
        else:
            kept.append(each)
    counted = tuple(person for person in people if person not in excluded)
    return Kept(tuple(kept), counted, excluded, dict(left_out), rules(design))


def rules(design: Design) -> tuple[str, ...]:
    """The rules in words."""
    said = [
        f"A participant with fewer than {design.catch_needed:.0%} of the catch trials right is excluded; one who "
        f"guesses in all of {design.catch} passes with a chance of {lucky(design):.1%}.",
        f"A participant who gives one and the same answer in all of {UNIFORM_FROM} or more trials is excluded.",
        f"An answer sooner than {EARLIEST:.0f} ms after the onset is left out.",
        "Practice trials never count. Sessions that were broken off count as far as they went.",
    ]
    if _timed(design):
        said.append(
            f"A brief picture seen {SLACK:.0f} ms more or less than planned (and more than 10 %), begun twice, or out "
            "of sight meanwhile is left out."
        )
    return tuple(said)


def lucky(design: Design) -> float:
    """The chance that a participant who answers at random passes the catch trials."""
    chance = 0.4 if design.kind == "mos" else 0.5
    needed = ceil(design.catch_needed * design.catch - 1e-9)
    return tail(needed, design.catch, chance)


def catch_score(design: Design, judgements: Sequence[Response]) -> tuple[int, int]:
    """Right answers and answers of catch trials."""
    caught = [each for each in judgements if each.role == CATCH]
    return sum(_passed(design, each) for each in caught), len(caught)


def _why_not(design: Design, own: Sequence[Response]) -> str:
    right, count = catch_score(design, own)
    if count and right < design.catch_needed * count:
        return f"{right} of {count} catch trials right"
    answers = [each.reply.answer for each in own if each.role == MAIN]
    if len(answers) >= UNIFORM_FROM and len(set(answers)) == 1:
        return f"answered “{answers[0]}” throughout"
    return ""


def _passed(design: Design, each: Response) -> bool:
    if design.kind == "mos":
        return each.reply.answer in ("1", "2")
    return each.reply.answer == right_answer(design, each.role, each.stimuli)


def _flaw(design: Design, each: Response) -> str:
    reply = each.reply
    if reply.latency < EARLIEST:
        return "too soon"
    if not _timed(design):
        return ""
    if reply.hidden:
        return "out of sight"
    if each.views > 1:
        return "seen twice"
    if abs(reply.shown - each.exposure) > max(SLACK, 0.1 * each.exposure):
        return "seen longer or shorter than planned"
    return ""


def _timed(design: Design) -> bool:
    return bool(design.exposures) or design.staircase
