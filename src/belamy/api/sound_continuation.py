"""Sounds that go on: a run that draws sample by sample is given the beginning of some."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.api.completion import classes_told
from belamy.data.clips import mixed, resampled
from belamy.device import choose_device
from belamy.errors import DataError, Unreadable, UsageError
from belamy.methods.base import BaseMethod, Continues, Sampling
from belamy.methods.levels import LevelsMethod
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.modalities.mu_law import levels_of
from belamy.modalities.waves import read_samples
from belamy.ranges import Within
from belamy.runs.run import Run
from belamy.sampling.draw import checked_options
from belamy.seeds import SampleDraws

MOST = 64
"""Sounds that are made of one."""
LONGEST = 1_000_000


@dataclass(frozen=True, eq=False)
class ContinuedSounds:
    """Sounds and how they went on.

    Args:
        field: What a sound is.
        given: Samples of each that were given.
        made: What was made of each, with what was given, in its levels.  # int16 [n, count, C, given + length]
    """

    field: Field
    given: int
    made: Tensor

    def sheet(self) -> np.ndarray:
        """A row for each sound: waveforms and spectrograms of how it went on.  # uint8 [H, W, 3]"""
        return modality("audio").sheet(self.made.flatten(0, 1), self.field, columns=self.made.shape[1])


def continue_sounds(
    run: str | Path | Run,
    sounds: Tensor,
    *,
    keep: float = 0.5,
    count: int = 8,
    length: int | None = None,
    temperature: float = 1.0,
    label: str | None = None,
    seed: int = 0,
    best: bool = False,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> ContinuedSounds:
    """Sounds whose beginning is given; the j-th of the i-th depends on the seed, i and j alone.

    Args:
        run: One that draws sounds sample by sample, or its directory.
        sounds: At the run's rate, in [-1, 1].  # [n, C, T]
        keep: Share of the samples that is given, from the first.
        count: How many to make of each.
        length: Samples that follow; by default as many as were left out.
        temperature: Below 1 likelier and plainer, above 1 bolder; 0 always takes the likeliest value.
        label: The class of all, by name or number, if the run is conditional; by default the classes in turn.
        seed: Decides what is made.
        best: With the best weights that ``train --keep-best`` kept.
        device: Where to compute.
        progress: Called with (samples done, in all).

    Raises:
        UsageError: The run does not go on with sounds, the channels are not the run's, a number is out of range, or
            there is no such class.

    Example:
        >>> continue_sounds("runs/wavenet-small-1", sounds[:4]).made.shape  # doctest: +SKIP
        torch.Size([4, 8, 1, 4096])
    """
    Within(1, MOST).check("count", count)
    Within(0, 1).check("keep", keep)
    opened = run if isinstance(run, Run) else Run.open(run)
    method = continuing_sounds(opened.method(best=best).to(choose_device(device)))
    field = method.spec.field
    if sounds.dim() != 3 or sounds.shape[1] != field.shape[0]:
        raise UsageError(f"The sounds are {tuple(sounds.shape[1:])}, but this run's have {field.shape[0]} channel(s).")
    begun = round(keep * sounds.shape[2])
    if length is None and begun == sounds.shape[2]:
        raise UsageError(f"keep is {keep:g}, which leaves none of {begun:,} samples to make. Type less, or --length.")
    after = Within(1, LONGEST).check("length", sounds.shape[2] - begun if length is None else length)
    options, total = checked_options(method, {"temperature": float(temperature)}), len(sounds) * count
    labels = classes_told(method, len(sounds), count, label)
    where = next(method.parameters()).device
    prefix = levels_of(sounds[..., :begun].double(), method.law.levels).transpose(1, 2).repeat_interleave(count, 0)
    sampling = Sampling(SampleDraws(seed, range(total)), None, progress or (lambda done, total: None), options)
    with torch.no_grad():
        told = None if labels is None else labels.to(where)
        levels = method.eval().continuation(prefix.to(where), after, sampling, told)
    raw = modality("audio").to_raw(method.valued(method.picture(levels.cpu())), field)
    return ContinuedSounds(field, begun, raw.unflatten(0, (len(sounds), count)))


def continuing_sounds(method: BaseMethod) -> Any:
    """The method, known to go on with sounds.

    Raises:
        UsageError: It does not.
    """
    if isinstance(method, Continues) and isinstance(method, LevelsMethod) and method.sounds:
        return method
    raise UsageError(
        "This run's method does not go on with sounds: it only makes whole ones. Take a run of "
        "`belamy train wavenet-small`."
    )


def beginning_of(path: Path, field: Field) -> Tensor:
    """A sound file at the rate and with the channels of a run's sounds.  # float32 [1, C, T]

    Raises:
        DataError: There is none, or it cannot be read.
    """
    if not path.is_file():
        raise DataError(f"There is no file {path}. Name a sound file, or held-out sounds: test:0..7.")
    try:
        with path.open("rb") as file:
            values, rate = read_samples(file)
    except Unreadable as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    values = mixed(resampled(values, rate, round(field.rate or rate)), field.shape[0])
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))[None]
