"""An examination of pairs: inputs that say nothing, targets that are copies, what belongs to several, and leaks."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from belamy.data.dataset import Column, Dataset
from belamy.data.files import some
from belamy.data.pairing import TARGET
from belamy.modalities import modality
from belamy.modalities.grid import grid

SHOWN, COLUMNS = 24, 4
_CHUNK, _NAMED = 256, 4


def is_paired(dataset: Dataset) -> bool:
    """Whether each sample has a target beside it."""
    return TARGET in dataset.extra


def examine_pairs(dataset: Dataset) -> dict[str, list[str]]:
    """Faults of pairs, each with the names of the files: what is wrong, and of which."""
    inputs, targets, blank, copies = _looked_at(dataset)
    places = range(len(dataset))
    named = {place: dataset.names[place] if dataset.names else str(place) for place in places}
    split_of = torch.full((len(dataset),), -1)
    for number, indices in enumerate(dataset.splits.values()):
        split_of[indices] = number
    found: dict[str, list[str]] = {
        "the target is a copy of its input": [named[place] for place in copies],
        "the input is blank": [named[place] for place in blank[dataset.named]],
        "the target is blank": [named[place] for place in blank[TARGET]],
    }
    for title, keys, others in (
        ("one input has several targets", inputs, targets), ("one target has several inputs", targets, inputs)
    ):  # fmt: skip
        groups = [group for group in groups_of(keys) if len({others[place] for place in group}) > 1]
        found[title] = [" = ".join(named[place] for place in group) for group in groups]
    leaking = [group for group in groups_of(targets) if len({int(split_of[place]) for place in group}) > 1]
    found["a target lies in several splits"] = [" = ".join(named[place] for place in group) for group in leaking]
    return {title: names for title, names in found.items() if names}


def told(faults: Mapping[str, Sequence[str]]) -> list[str]:
    """The faults as lines."""
    return [f"{title}: {some(names, _NAMED, '; ')}" for title, names in faults.items()]


def pair_sheet(dataset: Dataset) -> np.ndarray:
    """Inputs and their targets side by side, from all over the set.  # [H, W, 3] uint8"""
    count = min(SHOWN, len(dataset))
    cells = []
    for index in torch.linspace(0, len(dataset) - 1, count).round().long():
        columns = [dataset.columns[name] for name in (dataset.named, TARGET)]
        both = [modality(column.field.modality).sheet(column.store.read(index[None]), column.field, 1)
                for column in columns]  # fmt: skip
        cells.append(np.concatenate(both, 1))
    return grid(np.stack(cells).transpose(0, 3, 1, 2), COLUMNS)


def _looked_at(dataset: Dataset) -> tuple[list[bytes], list[bytes], dict[str, list[int]], list[int]]:
    """A digest of each input and target, the places of blank ones, and those of targets that copy their input."""
    digests: dict[str, list[bytes]] = {dataset.named: [], TARGET: []}
    blank: dict[str, list[int]] = {dataset.named: [], TARGET: []}
    copies: list[int] = []
    for indices in torch.arange(len(dataset)).split(_CHUNK):
        raw = {name: dataset.columns[name].store.read(indices) for name in digests}
        for name, values in raw.items():
            flat = values.flatten(1)
            digests[name] += map(digest, flat)
            same = [bool((row == row[0]).all()) for row in _planes(values, dataset.columns[name])]
            blank[name] += [int(index) for index, one in zip(indices, same, strict=True) if one]
        copies += [int(index) for index, one in zip(indices, _copies(*raw.values()), strict=True) if one]
    return digests[dataset.named], digests[TARGET], blank, copies


def _planes(values: Tensor, column: Column) -> Iterator[Tensor]:
    """Each sample as rows of pixels, all channels of a pixel together."""
    for value in values:
        yield value.flatten(1).T if column.field.modality == "image" else value.flatten()[:, None]


def _copies(inputs: Tensor, targets: Tensor) -> list[bool]:
    """Which targets hold their input, grey or in colour."""
    if inputs.dim() != 4 or inputs.shape[2:] != targets.shape[2:] or inputs.dtype != targets.dtype:
        return [False] * len(inputs)
    channels = max(inputs.shape[1], targets.shape[1])
    if {inputs.shape[1], targets.shape[1]} - {1, channels}:
        return [False] * len(inputs)
    wide = [each.expand(-1, channels, -1, -1) for each in (inputs, targets)]
    return [bool(torch.equal(one, other)) for one, other in zip(*wide, strict=True)]


def digest(sample: Tensor) -> bytes:
    """What only equal samples of one shape share."""
    return hashlib.blake2b(sample.numpy().tobytes(), digest_size=16).digest()


def groups_of(keys: Iterable[bytes]) -> list[list[int]]:
    """The places of equal keys, of those that come more than once."""
    places: dict[bytes, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    return [group for group in places.values() if len(group) > 1]
