"""Retrieval: the images or documents whose codes are nearest to a query's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from belamy.data import Dataset
from belamy.errors import DataError, RunError, UsageError
from belamy.evaluation.neighbours import Nearest, nearest
from belamy.methods.base import BaseMethod
from belamy.modalities.grid import grid
from belamy.runs import files
from belamy.sampling.picture import Picture, beside
from belamy.sampling.points import encoded

Metric = Literal["whitened", "euclidean", "cosine"]
FILE = "index.safetensors"
BATCH = 256
"""Images that are encoded together."""
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Index:
    """Codes to search among.

    Distances are Euclidean, after one of three changes to all codes: none, each number divided by its standard
    deviation in the index (``whitened``), so that none drowns another, or the same about the mean and divided by the
    length (``cosine``), so that only the direction counts.

    References:
        Codes of images: Krizhevsky & Hinton 2011, "Using very deep autoencoders for content-based image retrieval";
        of documents: Hinton & Salakhutdinov 2006, Science 313.

    Args:
        codes: As the encoder gave them.  # [n, latent]
        indices: Which images of the data these are.  # [n]
        metric: The change.
        data: Fingerprint of the data.
    """

    codes: Tensor
    indices: Tensor
    metric: Metric = "cosine"
    data: str = ""

    def search(self, queries: Tensor, count: int = 10) -> Nearest:
        """The nearest codes of each query; ``indices`` are those of the data.

        Args:
            queries: Codes.  # [q, latent]
            count: How many each.

        Raises:
            UsageError: Codes of another length, or more are asked for than there are.
        """
        found = nearest(self.changed(queries), self.changed(self.codes), count)
        return Nearest(found.distances, self.indices[found.indices])

    def changed(self, codes: Tensor) -> Tensor:
        """Codes as they are compared.

        Raises:
            UsageError: They are of another length.
        """
        if codes.shape[1:] != self.codes.shape[1:]:
            raise UsageError(f"Codes of {codes.shape[1]} numbers are sought among codes of {self.codes.shape[1]}.")
        if self.metric == "cosine":
            return normalize((codes - self.codes.mean(0)) / self.codes.std(0).clamp_min(1e-6), dim=1)
        if self.metric == "whitened":
            return codes / self.codes.std(0).clamp_min(1e-6)
        return codes

    def save(self, path: Path) -> None:
        """Write the index as one safetensors file."""
        facts = json.dumps({"metric": self.metric, "data": self.data}).encode()
        told = torch.frombuffer(bytearray(facts), dtype=torch.uint8)
        files.save_tensors(path, {"codes": self.codes, "indices": self.indices, "facts": told})

    @classmethod
    def load(cls, path: Path) -> Index:
        """An index that :meth:`save` wrote.

        Raises:
            RunError: There is none, or it is damaged.
        """
        try:
            held = files.load_tensors(path, None)
            facts = json.loads(held["facts"].numpy().tobytes())
            return cls(held["codes"], held["indices"], facts["metric"], facts["data"])
        except (RunError, KeyError, TypeError, ValueError):
            raise RunError(f"{path} holds no index. Name a new file, and one is made.") from None


def index(method: BaseMethod, data: Dataset, split: str = "train", metric: Metric = "cosine") -> Index:
    """The index of a split of the data.

    Args:
        method: It encodes.
        data: Of the method's shape.
        split: Which images.
        metric: How codes are compared.

    Raises:
        UsageError: The method has no encoder, or there is no such split.
        DataError: The data are of another shape.
    """
    if data.shape != tuple(method.spec.shape):
        raise DataError(
            f"{data.name} is {data.shape}, but this run's images are {tuple(method.spec.shape)}. Type --size."
        )
    chosen = data.indices(split)
    codes = [encoded(method, data.store.read(part), BATCH) for part in chosen.split(_CHUNK)]
    return Index(torch.cat(codes).float(), chosen, metric, data.fingerprint)


def sheet(queries: Tensor, data: Dataset, found: Nearest, names: Sequence[str] | None = None) -> Picture:
    """Each query, and to its right what was found, the nearest first: its class, or else its place, and the distance.

    Args:
        queries: uint8.  # [q, C, H, W]
        data: What was searched.
        found: What :meth:`Index.search` told.
        names: Of the queries.
    """
    places, count = found.indices.flatten(), found.indices.shape[1]
    called = map(str, places.tolist()) if data.labels is None else (data.classes[kind] for kind in data.labels[places])
    captions = [f"{name}: {far:.2g}" for name, far in zip(called, found.distances.flatten().tolist(), strict=True)]
    left = grid(queries, columns=1, scale=None, captions=names or list(map(str, range(len(queries)))))
    right = grid(data.images(places), columns=count, scale=None, captions=captions)
    return Picture(beside([left, right]))
