"""An answer of a participant, and whether it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from belamy.survey.design import Design


@dataclass(frozen=True)
class Reply:
    """What a browser sends for a trial.

    Args:
        place: The trial's.
        answer: One of the design's alternatives.
        latency: Milliseconds from the onset of the picture, or of the sound, to the answer.
        shown: Milliseconds for which the picture was seen; the latency where it stayed until the answer.
        frame: Milliseconds between two frames of the screen; 0 where it was not measured.
        hidden: Whether the page was out of sight meanwhile.
    """

    place: int
    answer: str
    latency: float
    shown: float
    frame: float
    hidden: bool


@dataclass(frozen=True)
class Response:
    """An answer with all that is known about its trial.

    Args:
        participant: Number from 1 on.
        place: Number of the trial in the session, from 0 on.
        role: ``main``, ``practice`` or ``catch``.
        stimuli: What was shown, from left to right: source, number in the source, role.
        identities: The stimuli's numbers in the survey.
        reply: The answer.
        exposure: Milliseconds for which the picture was to be seen; 0 until the answer.
        views: How often the trial was begun.
        received: When the answer came, UTC.
    """

    participant: int
    place: int
    role: str
    stimuli: tuple[tuple[int, int, str], ...]
    identities: tuple[int, ...]
    reply: Reply
    exposure: int
    views: int
    received: str


def right_answer(design: Design, role: str, stimuli: Sequence[tuple[int, int, str]]) -> str | None:
    """The answer that is right; None where all are. Something broken deserves the score 1 or 2: "1" stands for both."""
    if role == "catch":
        if len(stimuli) == 2:
            return "left" if stimuli[0][2] != "catch" else "right"
        return "fake" if design.kind == "categorise" else "1"
    if design.kind == "categorise":
        return "real" if stimuli[0][0] == design.real else "fake"
    if design.kind == "choose":
        return "left" if stimuli[0][0] == design.real else "right"
    return None
