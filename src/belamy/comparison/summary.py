"""What a comparison found, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from belamy.comparison.outcome import Outcome
from belamy.comparison.plan import Plan
from belamy.evaluation import statistics
from belamy.evaluation.two_samples import probability_better


def summary(
    plan: Plan, outcomes: Mapping[str, Outcome], real_baseline: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Distributions by variant, who is better than whom, and how stable the order is.

    Args:
        plan: What was planned.
        outcomes: What is done, by the trials' keys.
        real_baseline: The numbers of real training images, which no generator should beat.
    """
    trials = plan.trials()
    done = [outcomes[trial.key] for trial in trials if trial.key in outcomes]
    labels = [variant.label for variant in plan.variants]
    merits = {label: [each.merit for each in done if each.variant == label] for label in labels}
    begun = [label for label in labels if merits[label]]
    whole = whole_seeds(plan, outcomes)
    by_seed = {label: {seed: [each.merit for each in done if each.variant == label and each.seed == seed]
                       for seed in whole} for label in labels}  # fmt: skip
    return {
        "plan": plan.model_dump(mode="json"),
        "merit": plan.merit,
        "planned": len(trials),
        "done": len(done),
        "failed": sum(each.failure is not None for each in done),
        "protocols": protocols(done),
        "floor": dict(real_baseline or {}),
        "variants": {label: variant_facts([each for each in done if each.variant == label]) for label in labels},
        "better": {a: {b: probability_better(merits[a], merits[b])._asdict() for b in begun if b != a} for a in begun},
        "stability": stability(by_seed),
        "best_of": {label: statistics.best_of(merits[label]) for label in begun},
        "trials": [each.as_json() for each in done],
    }


def variant_facts(done: Sequence[Outcome]) -> dict[str, Any]:
    """The distribution of a variant's trials; failures count as infinitely bad in its quantiles."""
    merits = [each.merit for each in done]
    facts: dict[str, Any] = {"done": len(done), "failed": sum(merit == inf for merit in merits)}
    if not done:
        return facts
    for name, share in (("best", 0), ("q1", 0.25), ("median", 0.5), ("q3", 0.75), ("worst", 1)):
        facts[name] = statistics.quantile(merits, share)
    spread = statistics.mean_and_deviation(merits)
    if spread:
        facts["mean"], facts["sd"] = spread
    facts["seconds"] = statistics.quantile([each.seconds for each in done], 0.5)
    facts["samples"] = statistics.quantile([each.samples for each in done], 0.5)
    names = dict.fromkeys(name for each in done for name in each.values if name != each.by)
    facts["medians"] = {
        name: statistics.quantile([each.values[name] for each in done if name in each.values], 0.5) for name in names
    }
    facts["reasons"] = sorted({each.failure for each in done if each.failure is not None})
    return facts


def whole_seeds(plan: Plan, outcomes: Mapping[str, Outcome]) -> list[int]:
    """The seeds of which every trial is done."""
    missing = {trial.seed for trial in plan.trials() if trial.key not in outcomes}
    return [seed for seed in range(plan.seeds) if seed not in missing]


def stability(by_seed: Mapping[str, Mapping[int, Sequence[float]]]) -> dict[str, Any]:
    """How far the order of the variants depends on the seeds: only seeds of which every trial is done count."""
    seeds = list(next(iter(by_seed.values())))
    if not seeds or len(by_seed) < 2:
        return {"seeds": len(seeds)}
    medians = [[statistics.quantile(trials[seed], 0.5) for trials in by_seed.values()] for seed in seeds]
    return {
        "seeds": len(seeds),
        "kendall_w": statistics.concordance(medians),
        "places": statistics.rank_shares(by_seed),
    }


def protocols(done: Sequence[Outcome]) -> list[str]:
    """The different protocols of the numbers, as text: one, if they are comparable."""
    cards = [card for each in done if (card := each.protocol) is not None]
    return sorted({str(card) for card in cards})
