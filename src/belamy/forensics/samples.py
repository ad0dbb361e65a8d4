"""An examination of samples that are no pictures: the traces of their kind, neighbours, and all of these together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from belamy.errors import DataError, UsageError
from belamy.forensics import neighbours
from belamy.forensics.comparison import NEIGHBOURS, Comparison, Progress, Sets, tests_of
from belamy.forensics.examination import (
    AS_GIVEN,
    CONTROL,
    LEAST,
    ForensicExamination,
    ForensicsSettings,
    with_remarks,
)
from belamy.forensics.sample_traces import SAMPLE_TRACES, traces_for
from belamy.forensics.scores import Shuffled, deal
from belamy.forensics.testing import holm
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.registry import Part
from belamy.seeds import generator

PART = 200
"""Samples whose distances are measured together."""


def check_kind(kind: str) -> None:
    """Refuse a kind of which no trace is known.

    Raises:
        UsageError: It is one.
    """
    if not traces_for(kind):
        known = sorted({modality(each).words[1] for name in SAMPLE_TRACES.names()
                        for each in SAMPLE_TRACES.load(name).modalities})  # type: ignore[attr-defined]  # fmt: skip
        raise UsageError(
            f"unmask knows no traces of {modality(kind).words[1]}; it knows those of pictures, {', '.join(known)}."
        )


def examine_samples(
    suspect: Tensor,
    real: Tensor,
    field: Field,
    settings: ForensicsSettings,
    *,
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> ForensicExamination:
    """Examine suspects of a kind of which traces are known, as pictures are, without rules and a trained network.

    All cues together are the detector: a ridge regression on the numbers of all traces that never saw the sample that
    it scores.

    Args:
        suspect: As files hold them.  # [n, *field.shape]
        real: Likewise; one half is the reference.  # [2m, *field.shape]
        field: What they are.
        settings: How.
        notes: What a reader should know of the samples.
        progress: Called with the share that is done and what is being done.

    Raises:
        DataError: Too few samples.
    """
    if len(suspect) < LEAST or len(real) < 3 * LEAST:
        raise DataError(
            f"There are {len(suspect)} suspects and {len(real)} real {modality(field.modality).words[1]}, but an "
            f"examination needs at least {LEAST} and {3 * LEAST}. Give more, or a larger --count."
        )
    shuffled = real[torch.randperm(len(real), generator=generator(settings.seed, "parted"))]
    half, third = len(real) // 2, len(real) // 3
    sets = Sets(shuffled[:half], shuffled[half:], suspect)
    thirds = Sets(*(shuffled[start * third : (start + 1) * third] for start in range(3)))
    told = progress or (lambda share, text: None)
    matched = compare_samples(sets, field, AS_GIVEN, settings, lambda share, text: told(share / 2, text))
    control = compare_samples(
        thirds, field, CONTROL, settings, lambda share, text: told(0.5 + share / 2, f"real against real: {text}")
    )
    found = ForensicExamination(
        settings, matched, None, control, (), sets, sets, holm(matched.p_values()), kind=field
    )  # fmt: skip
    return with_remarks(found, notes)


def compare_samples(sets: Sets, field: Field, name: str, settings: ForensicsSettings, progress: Progress) -> Comparison:
    """Every test of suspects against real samples.

    Args:
        sets: The samples as files hold them.
        field: What they are.
        name: Of the comparison.
        settings: How.
        progress: Called with the share that is done and what is being done.
    """
    counts = len(sets.real), len(sets.suspect), len(sets.reference)
    shuffled = Shuffled(deal(*counts, settings.seed), settings.seed, settings.permutations)
    described, titles = {}, {}
    for trace in traces_for(field.modality):
        made = SAMPLE_TRACES.build(Part(name=trace), field=field)
        progress(0.1, f"looking at {made.title.lower()}")
        described[trace] = tuple(torch.cat([made.describe(part) for part in each.split(PART)]) for each in sets)
        titles[trace] = made.title
        if not all(torch.isfinite(each).all() for each in described[trace]):
            raise ValueError(f"the trace '{trace}' gives numbers that are not finite")
    progress(0.2, "looking for neighbours")
    found = [nearest(each, sets.reference, field) for each in sets]
    described[NEIGHBOURS] = tuple(neighbours.describe(distances) for distances, _ in found)
    titles[NEIGHBOURS] = "Nearest real sample"
    silent: dict[str, str] = {}
    tests, _ = tests_of(described, titles, silent, shuffled, false_alarms=settings.false_alarms, more=(), told=progress)
    if not tests:
        raise DataError("All suspects and all real samples are alike: nothing can be told of them.")
    distances, places = found[2]
    return Comparison(name, tests, {}, None, silent, torch.stack([distances[:, 0], places.double()], 1))


def nearest(raw: Tensor, reference: Tensor, field: Field) -> tuple[Tensor, Tensor]:
    """Distances of the modality to the two nearest reference samples, and which is nearest.  # [n, 2] and [n]

    Args:
        raw: Samples; each is not its own neighbour where they are the reference itself.
        reference: Real samples.
        field: What they are.
    """
    measure = partial(modality(field.modality).distances, field=field)
    rows, within = [], raw is reference
    for number, part in enumerate(raw.split(PART)):
        far = measure(part, reference).double()
        if within:
            place = torch.arange(len(part))
            far[place, place + number * PART] = torch.inf
        rows.append(far.topk(2, 1, largest=False))
    return torch.cat([row.values for row in rows]), torch.cat([row.indices[:, 0] for row in rows])
