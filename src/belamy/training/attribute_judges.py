"""Independent classifiers of attributes: one for each, trained on the data once and kept, as the judge is."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from belamy.data import Dataset
from belamy.data.dataset import Attribute
from belamy.editing.observers import Judged
from belamy.errors import UsageError, nearest
from belamy.training.judge import Say, extractor, trained_judge

CLASSES = "class"
"""The name of the data's own labels among attributes."""


def relabelled(data: Dataset, attribute: Attribute) -> Dataset:
    """The same images and splits with an attribute as label."""
    return Dataset(
        data.name, data.pixels, labels=attribute.codes, classes=attribute.values, attributes=data.attributes,
        official=data.splits, rule=data.rule, licence=data.licence, names=data.names, origin=data.origin,
    )  # fmt: skip


def attribute_judge(data: Dataset, name: str, cache: Path | None = None, say: Say | None = None) -> Judged:
    """The classifier of an attribute, from the cache or trained into it.

    Args:
        data: Images with attributes.
        name: One of them, or ``class`` for the labels.
        cache: Where judges are kept; None is $BELAMY_CACHE or the platform's cache.
        say: Is told that a judge is being trained.

    Raises:
        UsageError: There is no such attribute.
    """
    if name == CLASSES and name not in data.attributes:
        chosen = data
    elif name in data.attributes:
        chosen = relabelled(data, data.attributes[name])
    else:
        raise UsageError(f"{data.name} has no attribute '{name}'. {nearest(name, data.attributes)}")
    looking = extractor(chosen, trained_judge(chosen, cache, (lambda text: say(f"{name}: {text}")) if say else None))

    def probabilities(images: Tensor) -> Tensor:
        found = looking.look(images).probabilities
        assert found is not None  # a classifier gives them
        return found

    return Judged(name, chosen.classes, probabilities)


def attribute_judges(data: Dataset, cache: Path | None = None, say: Say | None = None) -> list[Judged]:
    """A classifier of every attribute of the data, and of its labels if no attribute says the same."""
    judges = [attribute_judge(data, name, cache, say) for name in data.attributes]
    if data.labels is not None and all(data.classes != found.values for found in data.attributes.values()):
        judges.insert(0, attribute_judge(data, CLASSES, cache, say))
    return judges
