"""IDX files, the format of MNIST: one file of images, or a folder with images and labels for training and test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from belamy.data.arrays import interpret, joined
from belamy.data.assembly import Raw, assemble_rows, categories
from belamy.data.dataset import Attribute, Dataset
from belamy.data.idx import find_pairs, is_idx, labels_beside, read_idx
from belamy.data.load_options import LoadOptions
from belamy.errors import DataError


class Format:
    """IDX files of unsigned bytes, plain or in gzip."""

    def claim(self, path: Path) -> int:
        """2 for an IDX file or a folder with IDX images."""
        if path.is_dir():
            return 2 if find_pairs(path) else 0
        return 2 if path.is_file() and is_idx(path) else 0

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The images, training images first; labels where a file of them is there for all."""
        pairs = find_pairs(path) if path.is_dir() else {"train": (path, labels_beside(path))}
        images = {split: read_idx(pair[0], options.memory_budget) for split, pair in pairs.items()}
        labels = [None if pair[1] is None else _labels(pair[1], len(images[split])) for split, pair in pairs.items()]
        rows = joined([interpret(part, str(pairs[split][0])) for split, part in images.items()], _marks(pairs))
        known: Attribute | None = None
        if all(part is not None for part in labels):
            known = categories(np.concatenate([part for part in labels if part is not None]))
        official = None
        if len(images) == 2:
            training, total = len(images["train"]), sum(len(part) for part in images.values())
            official = {"train": torch.arange(training), "test": torch.arange(training, total)}
        raw = Raw(
            name=path.absolute().name.split(".")[0],
            labels=known.codes if known else None,
            classes=known.values if known else (),
            attributes={"label": known} if known else {},
            official=official,
        )
        return assemble_rows(rows, raw, options)


def _labels(path: Path, count: int) -> np.ndarray:
    labels = read_idx(path, 1 << 30)
    if labels.shape != (count,):
        raise DataError(f"{path} holds labels of shape {labels.shape}, but there are {count:,} images.")
    return labels


def _marks(pairs: dict[str, tuple[Path, Path | None]]) -> list[str]:
    return [f"{pair[0].name} {pair[0].stat().st_size} {pair[0].stat().st_mtime_ns}" for pair in pairs.values()]
