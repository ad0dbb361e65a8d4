"""Captions of held-out pictures beside true ones: the attributes that they name, and BLEU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.data.attribute_captions import attribute_captions, named_attributes
from belamy.data.captions import FIELD
from belamy.data.dataset import Column
from belamy.data.variants import Variants
from belamy.evaluation.bleu import ORDERS, References
from belamy.evaluation.text_metric import tokens_of
from belamy.methods.base import BaseMethod, Captions
from belamy.modalities.text import strings
from belamy.sampling.draw import placement

TELLINGS = 5
"""True captions of each drawn face with which one is compared."""
TOLD = (2, 4)
"""N of the BLEU that is told."""
REAL = f"bleu-{TOLD[-1]}-real"
BATCH = 50


def captioned(method: BaseMethod, data: Dataset, indices: Tensor) -> Iterator[Mapping[str, Tensor]]:
    """What is found of the captions of pictures whose captions are known; the likeliest word is taken each time.

    ``word-for-word`` is the share that equals a known one. BLEU, against all known ones, is the mean of that of single
    captions, smoothed as in :mod:`belamy.evaluation.bleu`. Where the known captions are made of attributes, a caption
    is compared with five tellings of them, and a sixth stands beside it as ``REAL``; and the attributes are told that a
    caption names as the known one does, in all, each by itself, and as they would be named by chance: by the caption of
    another picture.

    Args:
        method: A captioner, in evaluation mode.
        data: What it learned from.
        indices: Which samples.  # [n], to [n] each, a batch at a time
    """
    assert isinstance(method, Captions)
    device, dtype = placement(method)
    several = _known(data.columns[FIELD], indices)
    known = [each[0] for each in several]
    tellings = _tellings(data, indices, known)
    true = [named_attributes(text) for text in known] if tellings else []
    varied = [name for name in dict.fromkeys(name for each in true for name in each)
              if len({each.get(name, "") for each in true}) > 1]  # fmt: skip
    for chosen in torch.arange(len(indices)).split(BATCH):
        found = method.caption(data.batch(indices[chosen], device, dtype).main)
        texts, rows = strings(found.symbols.cpu(), method.written), chosen.tolist()
        references = [_references(several[row], [telling[row] for telling in tellings[1:]]) for row in rows]
        bleu = torch.tensor([_bleu(text, true) for text, true in zip(texts, references, strict=True)])
        told = {
            "word-for-word": torch.tensor([float(text in several[row]) for text, row in zip(texts, rows, strict=True)])
        }
        told |= {f"bleu-{size}": bleu[:, ORDERS.index(size)] for size in TOLD}
        if tellings:
            real = [_bleu(tellings[0][row], its) for row, its in zip(rows, references, strict=True)]
            told[REAL] = torch.tensor(real)[:, ORDERS.index(TOLD[-1])]
            named = [named_attributes(text) for text in texts]
            told |= _right(named, [true[row] for row in rows], [true[row - 1] for row in rows], varied)
        yield told


def _tellings(data: Dataset, indices: Tensor, known: Sequence[str]) -> list[list[str]]:
    """Other captions of the same samples, where those that are known are made of attributes; else none."""
    if not data.attributes:
        return []
    made = attribute_captions(data.attributes)
    if [made[index] for index in indices.tolist()] != list(known):
        return []
    some = {name: replace(each, codes=each.codes[indices]) for name, each in data.attributes.items()}
    return [attribute_captions(some, telling) for telling in range(1, TELLINGS + 1)]


def _known(column: Column, indices: Tensor) -> list[list[str]]:
    """All captions of each of some samples.  # [n]"""
    if not isinstance(column.store, Variants):
        return [[text] for text in strings(column.store.read(indices), column.field)]
    return [list(dict.fromkeys(strings(rows, column.field))) for rows in column.store.every(indices)]


def _references(known: Sequence[str], others: Sequence[str]) -> References:
    return References([tokens_of(each, "words") for each in (*known, *others)])


def _bleu(text: str, references: References) -> tuple[float, ...]:
    return references.bleu(tokens_of(text, "words"))


def _right(
    named: Sequence[Mapping[str, str]], true: Sequence[Mapping[str, str]], others: Sequence[Mapping[str, str]],
    attributes: Sequence[str],
) -> dict[str, Tensor]:  # fmt: skip
    """Shares of attributes that are named as they are; one that is not spoken of is named so where it is absent.

    # [n] each
    """
    right, chance = (
        torch.tensor([[mine.get(name) == its.get(name) for name in attributes]
                      for mine, its in zip(named, those, strict=True)]).float()
        for those in (true, others)
    )  # fmt: skip
    found = {
        "attributes-right": right.mean(1), "all-attributes-right": right.amin(1), "attributes-by-chance": chance.mean(1)
    }  # fmt: skip
    return found | {f"{name.replace(' ', '-')}-right": right[:, place] for place, name in enumerate(attributes)}
