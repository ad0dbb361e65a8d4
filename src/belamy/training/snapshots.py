"""What a snapshot shows: samples, what a method shows itself, or inputs above what it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from belamy.methods.base import BaseMethod, Captions, Reconstructs, Samples, Shows
from belamy.modalities import modality
from belamy.modalities.fields import Media
from belamy.modalities.grid import BACKGROUND
from belamy.modalities.text import strings
from belamy.sampling.captions import captioned_sheet
from belamy.sampling.density import density_picture, knows_the_plane
from belamy.sampling.draw import draw, placement
from belamy.sampling.sheets import GAP, sheet_of, side_by_side
from belamy.seeds import SampleDraws
from belamy.training.trainer import Trainer

IMAGES, SHOWN, PLAYED = 64, 16, 8
"""Samples of a snapshot; of methods that show several fields; and those that are heard, read or played."""
POINTS = 1000
"""Points in the plane, which are dots on one sheet."""

Report = Callable[[int, int], None]

NARROWEST = 7
"""Columns from which on a sheet of squares is at most 1.5 times as high as wide."""


class Snapshot(NamedTuple):
    """A picture, uint8 [H, W, 3], and what is better heard, read or played; () of pictures."""

    sheet: np.ndarray
    media: tuple[Media, ...] = ()


def real_pictures(trainer: Trainer) -> np.ndarray:
    """A sheet of training samples, from all over the set, as large as that of samples."""
    data, held = trainer.dataset, trainer.dataset.indices("train")
    columns = layout(trainer.method)
    count = min(samples_of(trainer.method), len(held))
    chosen = held[torch.linspace(0, len(held) - 1, count).round().long()]
    return sheet_of(data.store.read(chosen), data.field, columns)


def layout(method: BaseMethod) -> int:
    """Columns of a sheet: as many for each class, where there are a few, as keep it from becoming a tall sliver."""
    classes = len(method.spec.classes)
    return classes * -(-NARROWEST // classes) if 2 <= classes <= 16 else 8


def samples_of(method: BaseMethod) -> int:
    """How many samples are on a sheet: whole rows of it, or a cloud of points."""
    columns, field = layout(method), method.output
    points = field.modality == "vector" and tuple(field.shape) == (2,)
    return POINTS if points else columns * max(1, IMAGES // columns)


@torch.no_grad()
def snapshot(trainer: Trainer, report: Report | None = None) -> Snapshot | None:
    """What a method can do now, None where it makes nothing that could be shown."""
    method = trainer.method
    if isinstance(method, Shows):
        return _shown(trainer, method)
    if isinstance(method, Captions):
        return _captioned(trainer, method)
    if isinstance(method, Samples):
        count, field = samples_of(method), method.output
        raw = draw(method, count, seed=method.recipe.seed, report=report)
        sheet = sheet_of(raw, field, layout(method))
        if knows_the_plane(method):
            between = np.full((len(sheet), GAP, 3), BACKGROUND, np.uint8)
            sheet = np.concatenate([sheet, between, density_picture(method)], 1)
        return Snapshot(sheet, modality(field.modality).media(raw[:PLAYED], field))
    return _reconstructed(trainer, method) if isinstance(method, Reconstructs) else None


def _shown(trainer: Trainer, method: Shows) -> Snapshot:
    """What the method itself shows of held-out data."""
    data = trainer.dataset
    some = data.splits.get("test", data.splits["train"])[:SHOWN]
    device, dtype = placement(trainer.method)
    with evaluation_mode(trainer):
        batch = data.with_sides(data.batch(some, device, dtype))
        shown = method.show(batch, SampleDraws(trainer.method.recipe.seed, range(len(some))))
    media: list[Media] = []
    for name, (field, values) in shown.items():
        kind = modality(field.modality)
        media += [each._replace(caption=f"{name} {each.caption}".strip())
                  for each in kind.media(kind.to_raw(values[: PLAYED // 2], field).cpu(), field)]  # fmt: skip
    return Snapshot(side_by_side(shown), tuple(media))


def _captioned(trainer: Trainer, method: Captions) -> Snapshot:
    """Held-out pictures beside what is said of them."""
    data = trainer.dataset
    some = data.splits.get("test", data.splits["train"])[:SHOWN]
    with evaluation_mode(trainer):
        found = method.caption(data.batch(some, *placement(trainer.method)).main)
    texts = strings(found.symbols, method.written)
    return Snapshot(captioned_sheet(data.store.read(some), data.field, texts))


def _reconstructed(trainer: Trainer, method: Reconstructs) -> Snapshot:
    """Held-out samples above what the method makes of them."""
    data, field = trainer.dataset, trainer.method.output
    columns = layout(trainer.method)
    kept = data.splits.get("test", data.splits["train"])[: columns * (max(1, IMAGES // columns) // 2)]
    raw, columns = data.store.read(kept), min(columns, len(kept))
    with evaluation_mode(trainer):
        made = method.reconstruct(data.batch(kept, *placement(trainer.method)).main)
        again = modality(field.modality).to_raw(made, field).cpu()
    pairs = torch.cat([torch.stack([raw[i : i + columns], again[i : i + columns]]).flatten(0, 1)
                       for i in range(0, len(raw) - columns + 1, columns)])  # fmt: skip
    return Snapshot(sheet_of(pairs, field, columns), modality(field.modality).media(again[:PLAYED], field))


@contextmanager
def evaluation_mode(trainer: Trainer) -> Iterator[None]:
    """Dropout off and stored statistics of normalisation within the context."""
    trainer.method.eval()
    try:
        yield
    finally:
        trainer.method.train()
