"""Directions of a run: evidence, vectors and observers put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from belamy.data import Dataset
from belamy.data.measures.labelling import is_measured
from belamy.device import choose_device
from belamy.editing.attribute_predictors import AttributePredictor, measured
from belamy.editing.directions import DIRECTIONS, Direction, Directions
from belamy.editing.evidence import from_data, from_draws, turns
from belamy.editing.leakage import Leakage, leakage
from belamy.errors import RunError, UsageError
from belamy.judges.attribute_predictors import CLASSES, attribute_predictors
from belamy.judges.judge import Say
from belamy.methods.base import BaseMethod, Encodes
from belamy.registry import Part
from belamy.runs import files
from belamy.runs.run import Run
from belamy.sampling.deeper import LayerLatents
from belamy.sampling.points import encoded, pixels_at, sampler
from belamy.sampling.styles import Space, in_space
from belamy.training.setup import open_recipe_data

USUAL = ("thickness", "slant", "width")
"""Measures of grey images that are tried and observed where nothing is named."""
DRAWS = 5000
"""Latents drawn as evidence where there is no encoder."""
FILE = "directions.safetensors"


@dataclass(frozen=True, eq=False)
class Steering:
    """A run with what is needed to steer it.

    Args:
        run: The run.
        method: Its method, in evaluation mode.
        data: What it was trained on.
        cache: Where judges are kept.
        say: Is told what takes long.
    """

    run: Run
    method: BaseMethod
    data: Dataset
    cache: Path | None = None
    say: Say | None = None

    @classmethod
    def open(
        cls,
        run: Run,
        device: str = "auto",
        offline: bool = False,
        say: Say | None = None,
        layer: str | None = None,
        best: bool = False,
        space: Space = "z",
    ) -> Steering:
        """A run's method and data.

        Args:
            run: The run.
            device: Where to compute.
            offline: Never fetch data from the network.
            say: Is told what takes long.
            layer: Steer among the features of this layer of the generator, not among its latents.
            best: With the best weights that ``belamy train --keep-best`` kept, not the newest.
            space: Steer among styles, ``w`` or ``w+``, not among latents.

        Raises:
            UsageError: The method does not sample, or its generator has no such layer or no styles.
        """
        method: Any = run.method(best=best).to(choose_device(device)).eval()
        sampler(method)
        if layer is not None and space != "z":
            raise UsageError("--layer and --space name two places in the generator. Leave one out.")
        method = in_space(method, space) if layer is None else LayerLatents(method, layer)
        return cls(run, method, open_recipe_data(run.recipe, offline), None, say)

    def usual(self) -> tuple[str, ...]:
        """The attributes of two values; for grey images without any, the usual measures."""
        binary = tuple(name for name, known in self.data.attributes.items() if len(known.values) == 2)
        if binary:
            return binary
        return USUAL if self.data.shape[0] == 1 else ("brightness", "colour")

    def find(self, part: Part, names: Sequence[str], seed: int = 0) -> Directions:
        """Directions from encoded training images, or from drawn ones that observers looked at.

        Args:
            part: The kind of direction.
            names: Attributes; not used by kinds that need none.
            seed: Of the drawn latents.
        """
        kind: Direction = DIRECTIONS.build(part)
        wanted = list(names) if kind.supervised else []
        if isinstance(self.method, Encodes):
            known = [*wanted, *self._values(wanted)] if kind.wide else wanted
            return kind.find(from_data(self.method, self.data, known), wanted)
        told = [name for name, held in self.data.attributes.items() if len(held.values) > 1 and name not in wanted]
        watching = self.predictors([*wanted, *told] if kind.wide else wanted)
        return kind.find(from_draws(self.method, watching, DRAWS, seed), wanted)

    def _values(self, besides: Sequence[str]) -> list[str]:
        """The data's attributes of two values, and every value of the others, less those named."""
        found = [
            name if len(known.values) == 2 else f"{name}={value}"
            for name, known in self.data.attributes.items()
            for value in known.values[-1 if len(known.values) == 2 else 0 :]
            if len(known.values) > 1
        ]
        return [name for name in found if name not in besides]

    def predictors(self, names: Sequence[str]) -> list[AttributePredictor]:
        """A measure, with the median of the training images as threshold, or a judge for each name."""
        if not names:
            return []
        train = self.data.images(self.data.indices("train")[:DRAWS])
        own = [name for name in names if name == CLASSES or name in self.data.attributes]
        judges = (
            {judge.name: judge for judge in attribute_predictors(self.data, own, self.cache, self.say)} if own else {}
        )
        found: list[AttributePredictor] = []
        for name in names:
            if name not in judges and not is_measured(name):
                raise UsageError(
                    f"'{name}' can be told of drawn images only where it is an attribute of two values or a measure: "
                    f"{', '.join([*self.usual(), 'thickness', '…'])}."
                )
            found.append(judges[name] if name in judges else measured(name, train))
        return found

    def attribute_predictors(self, names: Sequence[str]) -> list[AttributePredictor]:
        """The predictors that measure leakage: all attributes of the data, the measures named, and the usual ones."""
        told = [name for name, known in self.data.attributes.items() if len(known.values) > 1]
        labels = [CLASSES] if self.data.labels is not None and not told else []
        usual = USUAL if self.data.shape[0] == 1 else ("brightness", "colour")
        wanted = [name for name in names if is_measured(name)]
        return self.predictors(list(dict.fromkeys([*labels, *told, *wanted, *usual])))

    def beginnings(self, count: int, seed: int) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """Latents to begin with, of held-out images or drawn anew, and how to make pixels of latents around them."""
        if isinstance(self.method, Encodes):
            held = self.data.splits.get("test", self.data.splits["train"])[:count]
            return encoded(self.method, self.data.images(held)), partial(pixels_at, self.method, batch=256)
        latents: Tensor = sampler(self.method).latents(seed + 1, range(count))
        labels = turns(self.method, count)

        def render(points: Tensor) -> Tensor:
            per = len(points) // count  # rows of a strip repeat a latent's label; so do whole series
            weights = None if labels is None else labels.repeat_interleave(per, 0)
            return pixels_at(self.method, points, weights, batch=256)

        return latents, render

    def leaks(
        self, directions: Directions, names: Sequence[str], alphas: Sequence[float], count: int, seed: int = 0
    ) -> Leakage:
        """What else changes, on held-out images or latents drawn anew."""
        latents, render = self.beginnings(count, seed)
        return leakage(render, latents, directions, self.attribute_predictors(names), alphas)


def save(directions: Directions, folder: Path) -> Path:
    """Write the vectors, by name."""
    path = folder / FILE
    pairs = zip(directions.names, directions.vectors, strict=True)
    files.save_tensors(path, {name: vector.clone() for name, vector in pairs})
    return path


def load(path: Path) -> Directions:
    """Vectors that :func:`save` wrote.

    Raises:
        RunError: There is no such file, or it is damaged.
    """
    if path.is_dir():
        path = path / FILE
    tensors = files.load_tensors(path, None)
    if not tensors or any(vector.ndim != 1 for vector in tensors.values()):
        raise RunError(f"{path} holds no directions. Write them with `belamy directions`.")
    return Directions(torch.stack(list(tensors.values())), tuple(tensors))
