"""What a survey's answers show, with intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from statistics import NormalDist
from typing import Any

from belamy.evaluation import intervals
from belamy.evaluation.intervals import clopper_pearson, wilson
from belamy.evaluation.statistics import Interval, quantile
from belamy.survey.binomial import p_value
from belamy.survey.clusters import mean_over, share_over_participants
from belamy.survey.design import LONGEST, SHORTEST, Design
from belamy.survey.exclusion import Kept, catch_score, keep
from belamy.survey.psychometric import Curve, fit
from belamy.survey.response import Response, right_answer
from belamy.survey.store import Store
from belamy.survey.strengths import bradley_terry

SETTLED = 20
"""Trials after which a staircase is taken to have settled; its exposure is averaged over the second half."""
FEW = 5
"""Participants below which intervals over participants are hardly informative."""

Right = Callable[[Response], bool]


def analyse(store: Store) -> dict[str, Any]:
    """All that a survey shows so far, as plain data.

    Intervals are of 95 %. Those called *trials* take every answer for independent; those called *participants* (and
    *items*) say how the number would come out with others.
    """
    design, judgements = store.design, store.judgements()
    kept = keep(design, judgements)
    return _plain(
        {
            "survey": {
                "file": store.path.name, "kind": design.kind, "medium": design.medium, "sources": list(design.sources),
                "real": design.real, "question": design.question, "exposures": list(design.exposures),
                "staircase": design.staircase, "trials": design.trials, "protocol": design.protocol,
            },
            "participants": _people(store, kept),
            "exclusion": {
                "rules": list(kept.rules), "excluded": {str(who): why for who, why in kept.excluded.items()},
                "left_out": kept.left_out,
            },
            "catch_trials": dict(zip(("right", "answered"), catch_score(design, judgements), strict=True)),
            "latency": _latency(kept.judgements),
            "shown": _shown(design, kept.judgements),
            "results": _MAKERS[design.kind](design, kept.judgements) if kept.judgements else {},
            "notes": _notes(design, kept),
        }
    )  # fmt: skip


def _people(store: Store, kept: Kept) -> dict[str, int]:
    people = store.progress()
    return {
        "invited": len(people),
        "begun": sum(bool(each["done"]) for each in people),
        "finished": sum(bool(each["finished"]) and not each["withdrawn"] for each in people),
        "withdrawn": sum(bool(each["withdrawn"]) for each in people),
        "counted": len(kept.people),
        "answers": len(kept.judgements),
    }


def _categorise(design: Design, judgements: Sequence[Response]) -> dict[str, Any]:
    reals = [each for each in judgements if each.stimuli[0][0] == design.real]
    fakes = [each for each in judgements if each.stimuli[0][0] != design.real]
    groups = {"fakes": fakes, "reals": reals, "both": list(judgements)}
    right = _right(design)

    def wrong(each: Response) -> bool:
        return not right(each)

    found: dict[str, Any] = {
        "errors": {name: _share(group, wrong) for name, group in groups.items() if group},
        "errors_by_source": {
            design.sources[source]: _share(group, wrong)
            for source in design.fakes
            if (group := [each for each in fakes if each.stimuli[0][0] == source])
        },
        "sensitivity": _sensitivity(design, reals, fakes),
    }
    if design.staircase:
        found["staircase"] = _staircase(judgements)
    else:
        found["by_exposure"] = {
            str(exposure): {name: _share(own, wrong) for name, group in groups.items() if (own := _at(group, exposure))}
            for exposure in _exposures(judgements)
        }
    found["curve"] = _curve(design, judgements)
    return found


def _choose(design: Design, judgements: Sequence[Response]) -> dict[str, Any]:
    right = _right(design)
    by_source = {
        design.sources[source]: _chosen(group, right)
        for source in design.fakes
        if (group := [each for each in judgements if any(shown[0] == source for shown in each.stimuli)])
    }
    return {
        "right": _chosen(judgements, right),
        "right_by_source": by_source,
        "left": _share(judgements, lambda each: each.reply.answer == "left"),
        "by_exposure": {
            str(exposure): {"right": _chosen(_at(judgements, exposure), right)} for exposure in _exposures(judgements)
        },
        "curve": _curve(design, judgements),
    }


def _rank(design: Design, judgements: Sequence[Response]) -> dict[str, Any]:
    count = len(design.sources)
    wins = [[0] * count for _ in range(count)]
    choices = []
    for each in judgements:
        left, right = (shown[0] for shown in each.stimuli)
        winner, loser = (left, right) if each.reply.answer == "left" else (right, left)
        wins[winner][loser] += 1
        choices.append((each.participant, winner, loser))
    found = bradley_terry(choices, count)
    over_trials, over_people = found.intervals(participants=False), found.intervals(participants=True)
    order = sorted(range(count), key=lambda source: -over_trials[source].value)
    return {
        "strengths": {
            design.sources[source]: {"trials": over_trials[source], "participants": over_people[source]}
            for source in order
        },
        "wins": wins,
        "half_choices_added": found.helped,
        "left": _share(judgements, lambda each: each.reply.answer == "left"),
    }


def _mos(design: Design, judgements: Sequence[Response]) -> dict[str, Any]:
    scores = {}
    for source, name in enumerate(design.sources):
        own = [each for each in judgements if each.stimuli[0][0] == source]
        if own:
            values = [float(each.reply.answer) for each in own]
            people, items = [each.participant for each in own], [each.identities[0] for each in own]
            scores[name] = {
                "participants": mean_over(values, people),
                "items": mean_over(values, items),
                "both": mean_over(values, people, items),
                "answers": len(own),
                "counts": [values.count(score) for score in (1.0, 2.0, 3.0, 4.0, 5.0)],
            }
    return {"scores": scores}


_MAKERS = {"categorise": _categorise, "choose": _choose, "rank": _rank, "mos": _mos}


def _right(design: Design) -> Right:
    return lambda each: each.reply.answer == right_answer(design, each.role, each.stimuli)


def _share(judgements: Sequence[Response], is_so: Right) -> dict[str, Any]:
    """A share with the intervals over trials (Wilson's) and over participants."""
    own: dict[int, list[bool]] = defaultdict(list)
    for each in judgements:
        own[each.participant].append(is_so(each))
    counts, sizes = [sum(each) for each in own.values()], [len(each) for each in own.values()]
    return {
        "count": sum(counts),
        "of": len(judgements),
        "trials": wilson(sum(counts), len(judgements)),
        "participants": share_over_participants(counts, sizes),
    }


def _chosen(judgements: Sequence[Response], right: Right) -> dict[str, Any]:
    """A share against one half: with the exact binomial interval and test."""
    found = _share(judgements, right)
    exact = clopper_pearson(found["count"], found["of"])
    return {**found, "trials": exact, "p_value": p_value(found["count"], found["of"])}


def _sensitivity(design: Design, reals: Sequence[Response], fakes: Sequence[Response]) -> dict[str, float] | None:
    r"""d' and criterion of signal detection, with a half added to each cell.

    .. math:: d' = z(H) - z(F), \qquad c = -\tfrac12\bigl(z(H)+z(F)\bigr)

    with H the share of fakes called fake and F that of reals called fake; c > 0 leans to “real”.

    References:
        Green & Swets 1966; the half: Hautus 1995, "Corrections for extreme proportions".
    """
    if not reals or not fakes:
        return None
    z = NormalDist().inv_cdf
    hits, alarms = (
        (sum(each.reply.answer == "fake" for each in group) + 0.5) / (len(group) + 1) for group in (fakes, reals)
    )
    return {"d_prime": z(hits) - z(alarms), "criterion": -(z(hits) + z(alarms)) / 2}


def _staircase(judgements: Sequence[Response]) -> dict[str, Any]:
    """Each participant's exposure at which the staircase settled, and the mean of all."""
    settled = {}
    for who, own in _by_participant(judgements).items():
        times = [float(each.exposure) for each in own]
        if len(times) >= SETTLED:
            second = times[len(times) // 2 :]
            settled[str(who)] = sum(second) / len(second)
    courses = {str(who): [each.exposure for each in own] for who, own in _by_participant(judgements).items()}
    mean = intervals.mean(list(settled.values())) if settled else None
    return {"threshold_ms": mean, "participants": settled, "courses": courses, "range_ms": [SHORTEST, LONGEST]}


def _curve(design: Design, judgements: Sequence[Response]) -> dict[str, Any] | None:
    """The psychometric curve; None where there are too few exposures."""
    import torch

    exposures = _exposures(judgements)
    people = sorted({each.participant for each in judgements})
    right, trials = (torch.zeros(len(people), len(exposures), dtype=torch.float64) for _ in range(2))
    is_right = _right(design)
    for each in judgements:
        if each.exposure:
            place = people.index(each.participant), exposures.index(each.exposure)
            trials[place] += 1
            right[place] += is_right(each)
    found: Curve | None = fit(right, trials, exposures)
    if found is None:
        return None
    drawn = [exposures[0] * (exposures[-1] / exposures[0]) ** (step / 60) for step in range(61)]
    return {
        "threshold_ms": found.threshold,
        "slope": found.slope,
        "within": found.within,
        "points": [[exposure, found.share(exposure)] for exposure in drawn],
    }


def _exposures(judgements: Iterable[Response]) -> list[int]:
    return sorted({each.exposure for each in judgements if each.exposure})


def _at(judgements: Sequence[Response], exposure: int) -> list[Response]:
    return [each for each in judgements if each.exposure == exposure]


def _by_participant(judgements: Iterable[Response]) -> dict[int, list[Response]]:
    own: dict[int, list[Response]] = defaultdict(list)
    for each in judgements:
        own[each.participant].append(each)
    return own


def _latency(judgements: Sequence[Response]) -> dict[str, Any] | None:
    """Quartiles in milliseconds, over all answers and by exposure."""
    if not judgements:
        return None
    groups = {"all": list(judgements)}
    groups |= {str(exposure): _at(judgements, exposure) for exposure in _exposures(judgements)}
    return {name: _quartiles([each.reply.latency for each in group]) for name, group in groups.items()}


def _shown(design: Design, judgements: Sequence[Response]) -> dict[str, Any] | None:
    """How far the exposures were from the plan, in milliseconds."""
    off = [each.reply.shown - each.exposure for each in judgements if each.exposure]
    if not off:
        return None
    frames = [each.reply.frame for each in judgements if each.reply.frame]
    return {
        "off_by": _quartiles(off),
        "largest": max(map(abs, off)),
        "frame": quantile(frames, 0.5) if frames else None,
    }


def _quartiles(values: Sequence[float]) -> dict[str, float]:
    return {name: quantile(values, share) for name, share in (("q1", 0.25), ("median", 0.5), ("q3", 0.75))}


def _notes(design: Design, kept: Kept) -> list[str]:
    said = []
    if not kept.judgements:
        return ["There is no answer that counts yet."]
    if len(kept.people) < FEW:
        said.append(
            f"{len(kept.people)} participant{'s' if len(kept.people) > 1 else ''} counted: intervals over participants "
            "need more; those over trials hold for these people only."
        )
    if kept.excluded:
        said.append(f"{len(kept.excluded)} excluded by the rules below, which were fixed before the first answer.")
    formats = {str(facts.get("format")) for facts in design.protocol.get("sources", {}).values()} - {"run"}
    if len(formats) > 1:
        said.append(f"The sources were files of different kinds ({', '.join(sorted(formats))}): their traces may show.")
    return said


def _plain(value: Any) -> Any:
    """Intervals as dictionaries; bounds that are not known as None."""
    if isinstance(value, Interval):
        return {name: _plain(number) for name, number in zip(("value", "low", "high"), value, strict=True)}
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value
