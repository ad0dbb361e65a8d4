"""The images among which the groups of an expression are found, told apart by judges where nothing else tells."""

from __future__ import annotations

from collections.abc import Callable

from belamy.data import Dataset
from belamy.editing.groups import CLASS, ReferenceSet, make_reference_set
from belamy.evaluation.candidate import heeds_labels
from belamy.judges.attribute_predictors import attribute_predictors
from belamy.methods.base import BaseMethod, Encodes


def reference_set_of(
    method: BaseMethod, data: Dataset, *, seed: int = 0, say: Callable[[str], None] | None = None
) -> ReferenceSet:
    """The population of a run; a generator without encoder has its images told apart by judges.

    Args:
        method: The run's, on its device; it samples.
        data: What it was trained on.
        seed: Decides generated images.
        say: Is told that a judge is being trained.

    Raises:
        UsageError: The method does not sample.
    """
    matter = heeds_labels(method)
    known = [name for name, values in data.attributes.items() if len(values.values) > 1]
    wanted = known if matter or data.labels is None else None  # None is all, classes too
    judged = not isinstance(method, Encodes) and (wanted is None or wanted)
    judges = attribute_predictors(data, wanted, say=say) if judged else []
    asked = [judge for judge in judges if not (matter and judge.name == CLASS)]
    return make_reference_set(method, data, judges=asked, labels_matter=matter, seed=seed)
