"""Whether pictures have the attributes that their captions ask for, as judges of real pictures tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.data.attribute_captions import attribute_captions, named_attributes
from belamy.data.captions import FIELD as CAPTION
from belamy.data.dataset import Attribute
from belamy.evaluation.intervals import mean, wilson
from belamy.evaluation.statistics import Interval
from belamy.judges.attribute_predictors import attribute_predictors
from belamy.modalities.text import strings
from belamy.seeds import generator

Say = Callable[[str], None]
Named = dict[str, str]
"""What a caption names, or judges see, by attribute."""
TRIALS = 20
"""Recombinations that are tried for each that is wanted."""
READ = 100
"""Captions by which it is told whether all are made of attributes."""


class Recombined(NamedTuple):
    """Captions of combinations of attributes that no training picture has.

    Args:
        captions: As many as were found.
        share: Of the recombinations that no training picture has.
    """

    captions: list[str]
    share: float


class CaptionedAttributes:
    """Judges what pictures show of what captions ask for.

    A judge of each attribute, which has seen real training pictures alone, says what a picture has; captions are made
    of that and read back, so that what is compared is what can be said.

    Args:
        data: Pictures with attributes, and captions made of them.
        cache: Where judges are kept; None is $BELAMY_CACHE or the platform's cache.
        say: Is told that judges are being trained, and how many held-out pictures each tells right.
    """

    def __init__(self, data: Dataset, cache: Path | None = None, say: Say | None = None) -> None:
        self.data = data
        told = [name for name, known in data.attributes.items() if len(known.values) > 1]
        self.predictors = attribute_predictors(data, told, cache, say)

    def seen(self, pictures: Tensor) -> list[Named]:
        """What judges see that a caption would name.  # uint8 [n, C, H, W]"""
        found = {each.name: Attribute(each.values, each.predict(pictures).verdict) for each in self.predictors}
        return [named_attributes(caption) for caption in attribute_captions(found)]

    def agreement(self, pictures: Tensor, captions: Sequence[str], prefix: str = "attributes") -> dict[str, Interval]:
        """How much of what captions name is in their pictures.

        - ``attributes``: the share of the named attributes that are there, the mean over pictures.
        - ``attributes-at-once``: the share of pictures with all of them.
        - ``attributes-added``: the share of pictures with something beside, of which the caption says nothing.
        - ``attributes <name>``: of captions that name it, the share of pictures that have it.

        Args:
            pictures: One for each caption.  # uint8 [n, C, H, W]
            captions: What was asked for.
            prefix: What the numbers are called instead of ``attributes``.
        """
        asked, found = [named_attributes(caption) for caption in captions], self.seen(pictures)
        right = [[found[row].get(name) == value for name, value in each.items()] for row, each in enumerate(asked)]
        more = [not set(there) <= set(each) for each, there in zip(asked, found, strict=True)]
        told = {
            prefix: mean([sum(each) / len(each) for each in right]),
            f"{prefix}-at-once": wilson(sum(map(all, right)), len(right)),
            f"{prefix}-added": wilson(sum(more), len(more)),
        }
        for name in sorted({name for each in asked for name in each}):
            own = [found[row].get(name) == each[name] for row, each in enumerate(asked) if name in each]
            told[f"{prefix} {name}"] = wilson(sum(own), len(own))
        return told

    def recombined(self, count: int, seed: int) -> Recombined:
        """Captions whose combination of attributes no training picture has, each attribute drawn as often as there.

        Args:
            count: How many.
            seed: Of what is combined.
        """
        train, source = self.data.indices("train"), generator(seed, "recombined")
        known = set(map(combination, attribute_captions(self._of(lambda: train))))
        trials = (TRIALS * count,)
        drawn = attribute_captions(self._of(lambda: train[torch.randint(len(train), trials, generator=source)]))
        new = [combination(caption) not in known for caption in drawn]
        unseen = dict.fromkeys(caption for caption, is_new in zip(drawn, new, strict=True) if is_new)
        return Recombined(list(unseen)[:count], sum(new) / len(new))

    def _of(self, rows: Callable[[], Tensor]) -> dict[str, Attribute]:
        """The attributes of rows, which are asked for anew for each."""
        return {name: Attribute(each.values, each.codes[rows()]) for name, each in self.data.attributes.items()}


def made_of_attributes(data: Dataset) -> bool:
    """Whether captions name the attributes of their pictures, and what they name can be read."""
    rows = (data.held_out if len(data.held_out) else data.indices("all"))[:READ]
    column = data.columns[CAPTION]
    read = [named_attributes(text) for text in strings(column.store.read(rows), column.field)]
    own = {name: Attribute(each.values, each.codes[rows]) for name, each in data.attributes.items()}
    try:
        true = attribute_captions(own) if own else []
    except KeyError:  # of attributes that are called so, but have other values
        return False
    return all(read) and read == [named_attributes(text) for text in true]


def combination(caption: str) -> frozenset[tuple[str, str]]:
    """What a caption says, however it is put."""
    return frozenset(named_attributes(caption).items())
