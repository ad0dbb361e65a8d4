"""The images among which a verb finds the groups that a user names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from belamy.editing.groups import Population
    from belamy.methods.base import BaseMethod
    from belamy.runs.run import Run


def people(
    run: Run, method: BaseMethod, *, offline: bool = False, seed: int = 0, say: Callable[[str], None] | None = None
) -> Population:
    """The population of a run; a generator without encoder has its images told apart by the data's judge.

    Args:
        run: Whose data are opened.
        method: The run's, on its device.
        offline: Never touch the network.
        seed: Decides generated images.
        say: Is told that the judge is being trained.

    Raises:
        UsageError: The method does not sample.
        DataError: The data cannot be opened.
    """
    from belamy.cli.verbs.sample import heeds_labels
    from belamy.editing.groups import population
    from belamy.methods.base import Encodes
    from belamy.training.start import open_recipe_data

    data, matter = open_recipe_data(run.recipe, offline), heeds_labels(method)
    classify: Any = None
    if not isinstance(method, Encodes) and not matter and len(data.classes) > 1:
        from belamy.training.judge import extractor, trained_judge

        judge = extractor(data, trained_judge(data, say=say))

        def classify(images: Any) -> Any:
            told: Any = judge.look(images, None).probabilities
            return told.argmax(1)

    return population(method, data, classify=classify, labels_matter=matter, seed=seed)
