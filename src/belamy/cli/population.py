"""The images among which a verb finds the groups that a user names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from belamy.editing.groups import Population
    from belamy.methods.base import BaseMethod
    from belamy.runs.run import Run


def people(
    run: Run, method: BaseMethod, *, offline: bool = False, seed: int = 0, say: Callable[[str], None] | None = None
) -> Population:
    """The population of a run, whose data are opened; see :func:`belamy.training.population.people`."""
    from belamy.training import population
    from belamy.training.start import open_recipe_data

    return population.people(method, open_recipe_data(run.recipe, offline), seed=seed, say=say)
