"""Sounds of an array: ``.npy`` of a stated rate, or an ``.npz`` archive that may say its rate and classes itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from belamy.data.assembly import Raw, categories, chosen_label
from belamy.data.dataset import Dataset, Memory, hold_out_whole
from belamy.data.files import open_zip
from belamy.data.load_options import LoadOptions
from belamy.data.opened_arrays import array_of, arrays_of, attributes_of, per_sample
from belamy.errors import DataError, UsageError
from belamy.modalities.audio import FULL
from belamy.modalities.fields import Field

SOUNDS = ("audio", "sounds", "sound", "waves")
NAMED = (*SOUNDS, "x", "samples", "data", "arr_0")
LABELS = ("labels", "label", "y", "classes")
PLANES, RATE, GROUP = "planes", "rate", "group"


class Format:
    """Sounds ``[N, samples]`` or ``[N, channels, samples]``, int16 or floats in [-1, 1]; in an archive ``audio``.

    In place of ``audio`` an archive may hold ``planes``, uint8 [2, N, samples]: the high and the low bytes of the
    second differences of 16-bit samples, which pack well. ``rate`` holds the samples per second, ``labels`` the
    classes, ``group`` which sounds are of one recording and stay on one side; other arrays [N] are attributes.
    """

    modalities = ("audio",)

    def claim(self, path: Path) -> int:
        """3 for an archive whose arrays say that they are sound, 1 for any other array, which may be one."""
        suffix = path.suffix.lower() if path.is_file() else ""
        if suffix != ".npz":
            return int(suffix == ".npy")
        try:
            names = {name.removesuffix(".npy") for name in open_zip(path).namelist()}
        except DataError:
            return 1
        return 3 if PLANES in names or (RATE in names and names.intersection(SOUNDS)) else 1

    def open(self, path: Path, options: LoadOptions) -> Dataset:
        """The sounds as 16-bit samples; they keep their channels.

        Raises:
            DataError: The file is damaged, or lacks what it needs.
            UsageError: It does not say its rate, and nobody did; or an option that is for files of sound.
        """
        reader = options.reader("audio")
        if reader.trim or reader.noise or reader.cut == "pieces":
            raise UsageError(
                f"{path} holds an array of clips: audio:trim, cut and noise are for files. Leave them out."
            )
        held: Mapping[str, np.ndarray] = {}
        if path.suffix.lower() == ".npz":
            held = arrays_of(path, options.memory_budget)
        rate = _rate(path, held.get(RATE), options.rate)
        given = held[PLANES] if PLANES in held else array_of(path, NAMED, options.memory_budget)
        values = _sixteen_bit(path, _summed(path, given) if PLANES in held else given, options.length)
        if reader.normalise:
            peaks = np.abs(values.astype(np.float64)).max((1, 2), keepdims=True)
            values = np.round(values * ((FULL - 1) / np.maximum(peaks, 1))).astype(np.int16)
        raw = _described(path, {name: held[name] for name in held if name not in (PLANES, RATE)}, len(values))
        kind = Field("audio", values.shape[1:], rate=rate)
        rule = None if raw.official is None else f"a tenth of the groups ('{GROUP}') held out by seed 0"
        store = Memory(torch.from_numpy(np.ascontiguousarray(values)))
        return replace(raw, label=chosen_label(raw, options.labels)).dataset(store, kind, rule=rule)


def _rate(path: Path, said: np.ndarray | None, asked: int | None) -> float:
    """Samples per second, which the file says or else the user."""
    if said is None:
        if asked is None:
            raise UsageError(f"{path} holds an array, which does not say its rate. Type it, e.g. --rate 16000.")
        return float(asked)
    if said.size != 1 or said.dtype.kind not in "iuf" or not said.item() >= 1:
        raise DataError(f"{path} holds a '{RATE}' of the shape {said.shape}, but it is one number of samples a second.")
    if asked is not None and asked != said.item():
        raise UsageError(f"{path} says that its rate is {said.item():g}, not {asked}. Leave --rate out.")
    return float(said.item())


def _summed(path: Path, planes: np.ndarray) -> np.ndarray:
    """Samples of which the bytes of the second differences are given.  # uint8 [2, N, samples] -> int16 [N, samples]"""
    if planes.ndim != 3 or len(planes) != 2 or planes.dtype != np.uint8:
        raise DataError(
            f"{path} holds '{PLANES}' of {planes.dtype} and the shape {planes.shape}, but the high and low bytes of "
            "sounds are uint8 [2, N, samples]. If they are pictures, type --modality image."
        )
    differences = (planes[0].astype(np.uint16) << 8) | planes[1]
    return differences.cumsum(1, np.uint16).cumsum(1, np.uint16).view(np.int16)


def _sixteen_bit(path: Path, values: np.ndarray, length: int | None) -> np.ndarray:
    """The beginnings of sounds, int16 ``[N, channels, samples]``."""
    if values.ndim == 2:
        values = values[:, None]
    if values.ndim != 3 or not 1 <= values.shape[1] <= 2 or not values.size:
        raise DataError(f"{path} has the shape {values.shape}, but sounds are [N, samples] or [N, channels, samples].")
    if length is not None and length > values.shape[2]:
        raise DataError(f"{path} holds sounds of {values.shape[2]:,} samples: give at most --length {values.shape[2]}.")
    values = values[:, :, :length]
    if values.dtype.kind == "f":
        if not np.isfinite(values).all() or np.abs(values).max() > 1:
            raise DataError(f"{path} holds floats that are not all in [-1, 1]. Divide them by their largest first.")
        return np.clip(np.round(values * FULL), -FULL, FULL - 1).astype(np.int16)
    if values.dtype != np.int16:
        raise DataError(f"{path} holds {values.dtype}, but sound is int16, or floats in [-1, 1].")
    return values


def _described(path: Path, held: Mapping[str, np.ndarray], count: int) -> Raw:
    """What an archive says of its sounds."""
    columns: dict[str, np.ndarray] = {}
    for name in (*LABELS, GROUP):
        if name not in held:
            continue
        column = per_sample(held[name], count)
        if column is None:
            raise DataError(
                f"{path} holds '{name}' of {held[name].dtype} and the shape {held[name].shape}, but it is one name or "
                f"whole number for each of {count:,} sounds."
            )
        columns[name] = column
    known, label = attributes_of(held, count), None
    for name in [each for each in LABELS if each in columns][:1]:
        label = known[name] = categories(columns[name])
    official = hold_out_whole([str(each) for each in columns[GROUP]]) if GROUP in columns else None
    return Raw(name=path.stem, label=label, attributes=known, official=official)
