"""What judges say of a run's translations of held-out samples, and what these cost, as measures of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from belamy.api.judged import Protocol
from belamy.api.translate import HELD_OUT, translate, translator
from belamy.api.translation_measures import MADE
from belamy.api.translation_scores import ALL, REAL, SCORES, check_scores
from belamy.data import Dataset
from belamy.errors import UsageError, nearest
from belamy.evaluation.measures import Measure
from belamy.methods.base import METHODS, Translates, given_field
from belamy.runs.run import Run

METRICS = ("frechet", "kernel")
"""Scores that an evaluation has as metrics."""


def check_measures(run: Run | None, names: Sequence[str]) -> None:
    """Refuse measures of translations where there are none, before data are read.

    Raises:
        UsageError: What to leave out, or to type instead.
    """
    if not names:
        return
    if run is None:
        raise UsageError("Measures of translations ask a run that translates, but this is none. Leave --measures out.")
    translator(run)
    if METHODS.load(run.method_name).translating is not None:  # type: ignore[attr-defined]
        raise UsageError(
            f"{run.path} is evaluated by its samples, not by its translations. Leave --measures out, or type: belamy "
            f"translate {run.path} test --measures {' '.join(names)}."
        )
    for name in names:
        if name in METRICS:
            raise UsageError(f"'{name}' is a metric of an evaluation. Type --metrics {name}.")
        if name not in (*SCORES, ALL):
            known = [each for each in (*SCORES, ALL) if each not in METRICS]
            raise UsageError(f"There is no measure '{name}' of translations. {nearest(name, known)}")


def check_data(run: Run | None, names: Sequence[str], data: Dataset) -> None:
    """Refuse measures that these data do not allow, before anything is drawn or trained.

    Raises:
        UsageError: Which, and why.
    """
    if names and run is not None:
        method = run.build()
        assert isinstance(method, Translates)
        check_scores(names, method, given_field(method), method.spec.fields[method.target], data, False)


def judged_translations(
    run: Run | None, data: Dataset, protocol: Protocol, device: str, say: Callable[[str], None]
) -> tuple[tuple[Measure, ...], tuple[str, ...]]:
    """The measures of translations of held-out samples, as ``belamy translate RUN test`` tells them, and notes.

    Args:
        run: That translates; None where nothing is asked.
        data: The run's.
        protocol: What is asked, the seed and the weights.
        device: Where.
        say: Is told that a judge is being trained.
    """
    names = protocol.measures
    if not names or run is None:
        return (), ()
    asked = [name for name in names if name != ALL] if ALL not in names else [
        name for name in SCORES if name not in METRICS and _can(run, name, data)
    ]  # fmt: skip
    weights = "best" if protocol.best else "newest"
    made = translate(
        run, HELD_OUT, data=data, seed=protocol.seed, weights=weights, device=device, measures=asked, say=say
    )
    real = made.scores.get(REAL, {})
    found = []
    for who, scores in made.scores.items():
        for name, number in scores.items():
            ceiling = real.get(name) if who == MADE else None
            if who != REAL:
                called = name if who == MADE else f"{who}-{name}"
                found.append(Measure(called, number.value, number, ceiling and ceiling.value, ceiling, "translations"))
    return tuple(found), tuple(made.notes)


def _can(run: Run, name: str, data: Dataset) -> bool:
    try:
        check_data(run, [name], data)
    except UsageError:
        return False
    return True
