"""Features kept on disk, so that no image passes the same extractor twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from belamy.errors import StorageError
from belamy.evaluation.extracted import ExtractedFeatures
from belamy.evaluation.features import Extractor
from belamy.runs import files

LIMIT = 2 << 30
"""Bytes that are kept; beyond them, the files that were not used for longest go."""
_KEY = 16
_SUFFIX = ".safetensors"

Row = tuple[Tensor, Tensor | None]


class CachedFeatures:
    """An extractor that remembers what it has seen.

    An image is known by the digest of its shape and pixels, and what is kept by the extractor's digest, which covers
    its weights, layer and resize: nothing goes by a name. Each call writes one file of the new rows, whole or not at
    all. So calls of any size find what others left, several processes may share a folder, and folders merge by copying
    files. A folder that cannot be written or a damaged file costs time and nothing else.

    Args:
        extractor: Turns images into features.
        folder: Where to keep features, those of all extractors.
        limit: Bytes of all files in it.
    """

    def __init__(self, extractor: Extractor, folder: Path, limit: int = LIMIT) -> None:
        self.extractor, self.root, self.limit = extractor, folder, limit
        self.name, self.digest, self.size = extractor.name, extractor.digest, extractor.size
        self.classes, self.layer, self.resize = extractor.classes, extractor.layer, extractor.resize
        self.notes: Sequence[str] = getattr(extractor, "notes", ())
        self.folder = folder / f"{extractor.name}-{extractor.digest}"
        self._places: dict[bytes, tuple[Path, int]] = {}
        self._read: set[Path] = set()

    def extract(self, images: Tensor, labels: Tensor | None = None) -> ExtractedFeatures:
        if not len(images):
            return self.extractor.extract(images, labels)
        keys = [_key(image) for image in images]
        rows = self._recall(keys)
        fresh = {key: index for index, key in enumerate(keys) if key not in rows}
        if fresh:
            seen = self.extractor.extract(images[list(fresh.values())])
            self._keep(list(fresh), seen)
            for index, key in enumerate(fresh):
                rows[key] = seen.features[index], None if seen.probabilities is None else seen.probabilities[index]
        features = torch.stack([rows[key][0] for key in keys]).double()
        probabilities = [row for key in keys if (row := rows[key][1]) is not None]
        return ExtractedFeatures(features, torch.stack(probabilities) if probabilities else None, labels, images)

    def _recall(self, keys: list[bytes]) -> dict[bytes, Row]:
        """Rows that are kept, by key."""
        self._index()
        wanted: dict[Path, list[bytes]] = {}
        for key in dict.fromkeys(keys):
            if key in self._places:
                wanted.setdefault(self._places[key][0], []).append(key)
        rows: dict[bytes, Row] = {}
        for path, found in wanted.items():
            try:
                with safe_open(path, "pt") as file:
                    features = file.get_tensor("features")
                    probabilities = file.get_tensor("probabilities") if "probabilities" in file.keys() else None  # noqa: SIM118
                os.utime(path)
            except (OSError, SafetensorError):  # another process made room, or the file is damaged: look again
                self._forget(path)
                continue
            for key in found:
                index = self._places[key][1]
                rows[key] = features[index], None if probabilities is None else probabilities[index]
        return rows

    def _index(self) -> None:
        """Take notice of files that have appeared."""
        for path in sorted(set(self.folder.glob(f"[!.]*{_SUFFIX}")) - self._read):
            self._read.add(path)
            try:
                with safe_open(path, "pt") as file:
                    keys = file.get_tensor("keys").numpy()
            except (OSError, SafetensorError):
                self._forget(path)
                continue
            self._places |= {key.tobytes(): (path, index) for index, key in enumerate(keys)}

    def _forget(self, path: Path) -> None:
        self._places = {key: place for key, place in self._places.items() if place[0] != path}
        self._read.discard(path)
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def _keep(self, keys: list[bytes], seen: ExtractedFeatures) -> None:
        single = seen.features.float()
        exact = bool((single.double() == seen.features).all())  # what a float32 network gave needs no more
        tensors = {
            "keys": torch.frombuffer(bytearray(b"".join(keys)), dtype=torch.uint8).view(-1, _KEY),
            "features": single if exact else seen.features,
        }
        if seen.probabilities is not None:
            tensors["probabilities"] = seen.probabilities
        name = hashlib.sha256(b"".join(sorted(keys))).hexdigest()[:32]
        with suppress(StorageError, OSError):  # a cache that cannot be written is no reason not to look
            files.save_tensors(self.folder / f"{name}{_SUFFIX}", tensors)
            self._make_room()

    def _make_room(self) -> None:
        found = [(path.stat(), path) for path in self.root.glob(f"*/*{_SUFFIX}")]
        total = sum(status.st_size for status, _ in found)
        for status, path in sorted(found, key=lambda each: each[0].st_mtime_ns):
            if total <= self.limit:
                return
            path.unlink(missing_ok=True)
            total -= status.st_size


def _key(image: Tensor) -> bytes:
    """Identifies an image by its shape and pixels."""
    digest = hashlib.blake2b(repr(tuple(image.shape)).encode(), digest_size=_KEY)
    digest.update(image.contiguous().numpy().tobytes())
    return digest.digest()
