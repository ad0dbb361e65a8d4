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
    """The population of a run; a generator without encoder has its images told apart by judges.

    Args:
        run: Whose data are opened.
        method: The run's, on its device.
        offline: Never touch the network.
        seed: Decides generated images.
        say: Is told that a judge is being trained.

    Raises:
        UsageError: The method does not sample.
        DataError: The data cannot be opened.
    """
    from belamy.cli.verbs.sample import heeds_labels
    from belamy.editing.groups import CLASS, population
    from belamy.methods.base import Encodes
    from belamy.training.attribute_judges import attribute_judges
    from belamy.training.start import open_recipe_data

    data, matter = open_recipe_data(run.recipe, offline), heeds_labels(method)
    known = [name for name, values in data.attributes.items() if len(values.values) > 1]
    wanted = known if matter or data.labels is None else None  # None is all, classes too
    judged = not isinstance(method, Encodes) and (wanted is None or wanted)
    judges = attribute_judges(data, wanted, say=say) if judged else []
    asked = [judge for judge in judges if not (matter and judge.name == CLASS)]
    return population(method, data, judges=asked, labels_matter=matter, seed=seed)
