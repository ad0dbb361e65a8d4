"""Comparing recipes from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from belamy import recipes as known
from belamy.comparison.conduct import ComparisonConfig, Execution
from belamy.comparison.conduct import compare as conduct
from belamy.comparison.plan import Variant


def compare(
    *recipes: str | Variant,
    out: str | Path,
    variants: Mapping[str, Mapping[str, Any]] | None = None,
    seeds: int | None = None,
    draws: int | None = None,
    vary: Sequence[str] = (),
    samples: int | None = None,
    seconds: float | None = None,
    judged: int | None = None,
    workers: int = 1,
    device: str = "auto",
    offline: bool = False,
    storage: str | None = None,
    progress: bool = True,
    **fields: Any,
) -> Path:
    """Compare recipes over seeds and hyper-parameter draws, under an equal budget, and return the report's path.

    Args:
        recipes: Names of recipes; none to go on with the comparison in ``out``.
        out: The comparison's folder: new, or one to go on with.
        variants: More of the first recipe: what each is called, and the fields that differ.
        seeds: Of each recipe, from 0 on; by default 3.
        draws: Of the hyper-parameters in ``vary``, the same for all; by default 1.
        vary: What is drawn, e.g. ``generator_optimizer.lr=1e-5..1e-2:log``.
        samples: Budget of each trial in training samples; by default the recipes' own, if they agree.
        seconds: Budget of each trial in seconds instead.
        judged: Samples of each trial that are judged; by default 10,000.
        workers: Processes to start.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        offline: Never fetch anything from the network.
        storage: Share the work through this storage of Optuna instead of through the folder.
        progress: Show how far it is.
        fields: Fields of all recipes, e.g. ``data="photos"``, ``size=32``.

    Raises:
        BelamyError: What is wrong and what to type instead.

    Example:
        >>> page = compare("digits", variants={"hinge": {"adversarial": "hinge"}}, out="losses")  # doctest: +SKIP
    """
    made = [each if isinstance(each, Variant) else _variant(each, each, fields) for each in recipes]
    for label, changes in (variants or {}).items():
        made.append(_variant(label, made[0].recipe if made else "digits", {**fields, **changes}))
    config = ComparisonConfig(tuple(made), seeds, draws, tuple(vary), samples, seconds, judged)
    return conduct(config, Execution(Path(out).expanduser(), workers, device, offline, storage, progress))


def _variant(label: str, name: str, fields: Mapping[str, Any]) -> Variant:
    """A recipe with fields changed, as plain data."""
    recipe = known.get(name)
    recipe.check_sides(fields)
    plain = recipe.changed(**fields).model_dump(mode="json")
    return Variant(label=label, recipe=name.replace("_", "-"), fields={key: plain[key] for key in fields})
