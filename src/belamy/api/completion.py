"""Pictures that go on: a run that draws row by row is given the first rows of some."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from belamy.data.batch import Batch
from belamy.device import choose_device
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, Continues, Sampling
from belamy.methods.levels import LevelsMethod
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.ranges import Within
from belamy.runs.run import Run
from belamy.sampling.draw import checked_options, class_number
from belamy.seeds import SampleDraws

MOST = 64
"""Pictures that are made of one."""
AT_A_TIME = 64
UNKNOWN = 128
"""The grey of what is not given."""


@dataclass(frozen=True, eq=False)
class Completions:
    """Pictures and how they went on.

    Args:
        field: What a picture is.
        rows: How many rows of each were given.
        given: The pictures, in the levels that the run knows.  # uint8 [n, C, H, W]
        made: What was made of each.  # uint8 [n, count, C, H, W]
    """

    field: Field
    rows: int
    given: Tensor
    made: Tensor

    def sheet(self) -> np.ndarray:
        """A row for each picture: itself, what of it was given, and how that went on.  # uint8 [H, W, 3]"""
        cut = self.given.clone()
        cut[:, :, self.rows :] = UNKNOWN
        shown = torch.cat([self.given[:, None], cut[:, None], self.made], 1)
        return modality("image").sheet(shown.flatten(0, 1), self.field, columns=shown.shape[1])


def complete(
    run: str | Path | Run,
    pictures: Tensor,
    *,
    keep: float = 0.5,
    count: int = 8,
    temperature: float = 1.0,
    label: str | None = None,
    labels: Tensor | None = None,
    seed: int = 0,
    best: bool = False,
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Completions:
    """Pictures whose first rows are given; the j-th of the i-th depends on the seed, i and j alone.

    Args:
        run: One that draws pictures pixel by pixel, or its directory.
        pictures: In the shape of the run's.  # uint8 [n, C, H, W]
        keep: Share of the rows that is given, from the top; at least one row must be left.
        count: How many to make of each.
        temperature: Below 1 likelier and plainer, above 1 bolder; 0 always takes the likeliest value.
        label: The class of all, by name or number, if the run is conditional.
        labels: The class of each picture; without both, the classes in turn.  # [n]
        seed: Decides what is made.
        best: With the best weights that ``train --keep-best`` kept.
        device: Where to compute.
        progress: Called with (done, total).

    Raises:
        UsageError: The run does not go on with pictures, a number is out of range, or there is no such class.

    Example:
        >>> complete("runs/gated-pixel-cnn-1", images[:4], keep=0.5).made.shape  # doctest: +SKIP
        torch.Size([4, 8, 1, 28, 28])
    """
    Within(1, MOST).check("count", count)
    Within(0, 1).check("keep", keep)
    opened = run if isinstance(run, Run) else Run.open(run)
    method = completing(opened.method(best=best).to(choose_device(device)))
    _, height, width = method.spec.shape
    if pictures.shape[1:] != method.spec.shape:
        raise UsageError(f"The pictures are {tuple(pictures.shape[1:])}, but this run's {method.spec.shape}.")
    if (rows := round(keep * height)) >= height:
        raise UsageError(f"keep is {keep:g}, which leaves none of {height} rows to make. Type less.")
    options = checked_options(method, {"temperature": float(temperature)})
    chosen = classes_told(method, len(pictures), count, label, labels)
    where = next(method.parameters()).device
    values = modality("image").to_float(pictures, method.spec.field)
    batch = Batch.of(values, None, torch.arange(len(pictures)))
    levels = method.levels(batch, SampleDraws(seed, range(len(pictures))))
    prefix = levels.flatten(2).transpose(1, 2)[:, : rows * width].repeat_interleave(count, 0).to(where)
    made, total = [], len(prefix)
    for part in torch.arange(total).split(AT_A_TIME):

        def tell(done: int, steps: int, first: int = int(part[0]), some: int = len(part)) -> None:
            if progress:
                progress(first * steps + some * done, total * steps)

        sampling = Sampling(SampleDraws(seed, part.tolist()), None, tell, options)
        told = None if chosen is None else chosen[part].to(where)
        with torch.no_grad():
            pixels = method.eval().continuation(prefix[part], (height - rows) * width, sampling, told)
        made.append(_raw(method, method.picture(pixels)))
    return Completions(
        method.spec.field, rows, _raw(method, levels), torch.cat(made).unflatten(0, (len(pictures), count))
    )


def completing(method: BaseMethod) -> Any:
    """The method, known to go on with pictures.

    Raises:
        UsageError: It does not.
    """
    if isinstance(method, Continues) and isinstance(method, LevelsMethod) and not method.sounds:
        return method
    kind = modality(method.spec.modality).words[1]
    raise UsageError(
        f"continue needs a run that draws pictures pixel by pixel, e.g. `belamy train gated-pixel-cnn`, or of a "
        f"language model, `belamy train char-lm`; this one was trained on {kind} by another method."
    )


def classes_told(
    method: Any, begun: int, count: int, label: str | None, labels: Tensor | None = None
) -> Tensor | None:  # fmt: skip
    """The class of everything that is to be made; None where the run is told none.

    Args:
        method: Of the run.
        begun: How many samples go on.
        count: How many are made of each.
        label: The class of all, by name or number.
        labels: The class of each sample that goes on; without both, the classes in turn.  # [begun]

    Raises:
        UsageError: There is no such class, or the run is told none.
    """
    if not method.classes:
        if label is not None:
            raise UsageError(
                "This run was not trained with --conditional, so no class can be chosen. Leave --label out."
            )
        return None
    classes = method.spec.classes
    if label is not None:
        return torch.full((begun * count,), class_number(label, classes))
    if labels is not None:
        return labels.repeat_interleave(count)
    return torch.arange(begun * count) % len(classes)


def _raw(method: Any, levels: Tensor) -> Tensor:
    return modality("image").to_raw(method.shown(levels.cpu()), method.spec.field)
