"""The segmenter: a network that tells the class of every pixel of real pictures, trained once and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.data import Dataset, to_float
from belamy.data.load_options import LoadOptions
from belamy.errors import UsageError
from belamy.evaluation.label_agreement import LabelCounts
from belamy.methods.base import Player, Turn
from belamy.methods.learning import COSINE, fit
from belamy.networks.pixel_classifier import PixelClassifier
from belamy.registry import Part
from belamy.runs import files
from belamy.seeds import derive, generator

SEED = 12345
STEPS, BATCH = 600, 8
ADAM = Part(name="adam", lr=2e-3, beta1=0.9)
TESTED = 500
"""Held-out pictures that it is tested on, at most."""
LEARNED = 1
"""Counts the ways in which segmenters have learned: one of another way is not found in the cache."""
_PART = 32

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class PixelJudge:
    """Tells the class of every pixel.

    Args:
        network: That gives logits of classes.
        classes: How many.
        accuracy: The share of pixels of held-out real pictures that it tells right; None where none are held out.
        iou: Its mean intersection over union there.
        count: How many pictures these were.
    """

    network: nn.Module
    classes: int
    accuracy: float | None = None
    iou: float | None = None
    count: int = 0

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> Tensor:
        """Classes ``[N, H, W]`` of pictures ``[N, C, H, W]`` of 8 bits."""
        return torch.cat([self.network(to_float(some)).argmax(1) for some in pictures.split(_PART)])

    def __str__(self) -> str:
        if self.accuracy is None:
            return "no picture was held out to test the segmenter"
        return (
            f"the segmenter tells {self.accuracy:.1%} of the pixels of {self.count:,} real held-out pictures right, a "
            f"mean intersection over union of {self.iou:.3f}"
        )


def segmenter(
    data: Dataset, maps: str, pictures: str, *, cache: Path | None = None, say: Say | None = None, steps: int = STEPS
) -> PixelJudge:
    """The segmenter of label maps and the pictures that belong to them, from the cache or trained into it.

    It has seen the real pictures of the training split alone, no translation. It appears in the cache whole or not at
    all; of several processes one trains it while the others wait.

    Args:
        data: Holds both fields.
        maps: The name of the label maps.
        pictures: The name of the pictures.
        cache: Where judges are kept; None is $BELAMY_CACHE or the platform's cache.
        say: Is told that one is being trained.
        steps: Of 8 pictures, that it learns for.

    Raises:
        UsageError: The fields are not label maps and pictures of 8 bits of one size.
    """
    of_maps, of_pictures = (data.spec.fields.get(name) for name in (maps, pictures))
    if of_maps is None or of_pictures is None or of_maps.modality != "label_map" or of_pictures.modality != "image":
        raise UsageError(
            f"A segmenter learns the classes of pixels from label maps and their pictures, and {data.name} holds "
            f"{', '.join(f'{name} ({field.modality})' for name, field in data.spec.fields.items())}."
        )
    if of_maps.shape != of_pictures.shape[1:] or of_pictures.bits != 8:
        raise UsageError(
            f"A segmenter learns from label maps and pictures of 8 bits of one size, but these are {of_maps.shape} and "
            f"{of_pictures.shape} of {of_pictures.bits} bits."
        )
    classes = int(max(len(of_maps.classes), 1))
    key = json.dumps([data.fingerprint, maps, pictures, classes, steps, LEARNED])
    name = f"segmenter-{hashlib.sha256(key.encode()).hexdigest()[:24]}.safetensors"
    path = LoadOptions(cache=cache).cache_folder / "judges" / name
    if not path.is_file():
        with files.locked(path.with_suffix(".lock")):
            if not path.is_file():
                if say:
                    say(f"Training the segmenter of {data.name}, once for all: {steps:,} steps …")
                files.save_tensors(path, _trained(data, maps, pictures, classes, steps).state_dict())
    network = _fresh(of_pictures.shape, classes)
    network.load_state_dict(files.load_tensors(path, None))
    made = PixelJudge(network.eval().requires_grad_(False), classes)
    held = data.held_out[:TESTED]
    if not len(held):
        return made
    raw = data.raw(held)
    counts = LabelCounts.of(made(raw[pictures]), raw[maps].long(), classes)
    return PixelJudge(network, classes, float(counts.accuracy.mean()), float(counts.iou.mean()), len(held))


def _fresh(shape: tuple[int, ...], classes: int) -> nn.Module:
    """A network with weights of its own seed, whatever else is drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(SEED, "weights"))
        return PixelClassifier(shape, classes)


def _trained(data: Dataset, maps: str, pictures: str, classes: int, steps: int) -> nn.Module:
    """A network after so many steps over the training split, whose mean cross-entropy of pixels it minimises."""
    train, order = data.indices("train"), generator(SEED, "segmenter")
    network = _fresh(data.spec.fields[pictures].shape, classes)

    def play(_step: int) -> Turn:
        raw = data.raw(train[torch.randint(len(train), (BATCH,), generator=order)])
        loss = cross_entropy(network(to_float(raw[pictures])), raw[maps].long(), reduction="none")
        return Turn("segmenter", {"entropy": loss.mean((1, 2))})

    fit({"segmenter": Player(network, ADAM)}, play, steps, schedule=COSINE, seed=derive(SEED, "dropout"))
    return network
