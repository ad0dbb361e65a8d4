"""How much pictures of one caption differ, beside pictures of different captions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from belamy.evaluation.intervals import mean
from belamy.evaluation.statistics import Interval

FEWEST = 10
"""Captions with several pictures that tell how much real pictures of one caption differ."""


def variety(features: Tensor, said: Sequence[Hashable], unit: float) -> dict[str, Interval]:
    """Mean distances between pictures of one caption, and between pictures of different ones.

    - ``caption-variety``: the mean distance of two pictures of one caption, meant over captions; 0 for a generator that
      makes one picture of a caption. Left out where fewer than 10 captions have several pictures.
    - ``between-captions``: the mean distance of a picture from those of other captions, meant over captions.

    Intervals are for other captions of the same kind.

    Args:
        features: Of pictures.  # [n, d]
        said: What the caption of each says; equal ones are one caption.
        unit: The distance that is 1, as a rule that of real pictures of different captions.

    Example:
        >>> rows = torch.tensor([[0.0], [2.0], [10.0], [12.0]])
        >>> {name: number.value for name, number in variety(rows, ["a", "a", "b", "b"], 10.0).items()}
        {'between-captions': 1.0}
    """
    places = {each: place for place, each in enumerate(dict.fromkeys(said))}
    group = torch.tensor([places[each] for each in said])
    features = features.double()
    distances, same = torch.cdist(features, features), group[:, None] == group[None]
    within, between = [], []
    for place in range(len(places)):
        own = group == place
        if int(own.sum()) > 1:
            within.append(apart(features[own]) / unit)
        if len(places) > 1:
            between.append(float(distances[own][~same[own]].mean()) / unit)
    found = {"caption-variety": mean(within)} if len(within) >= FEWEST else {}
    return {**found, **({"between-captions": mean(between)} if between else {})}


def apart(features: Tensor) -> float:
    """The mean distance of two pictures.  # [n, d]"""
    return float(torch.pdist(features.double()).mean())
