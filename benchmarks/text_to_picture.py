"""Faces drawn by what a caption says: how much of it is there, after CPU-minutes of latent diffusion.

Captions of held-out faces are drawn, one picture each. An independent classifier of the faces' attributes, which has
seen real ones alone, tells what is there: the share of all attributes that captions name, beside the same of the real
pictures, of their reconstructions, and beside chance, the captions in another order. Two captions with the same noise
are compared with two draws of noise with the same caption. Only training counts as time. A run goes on where its folder
holds a state.

    python benchmarks/text_to_picture.py [--minutes 12] [--threads 1] [--seed 0] [--count 300] [--guidance 1 2]
                                         [--folder DIR] [-- OPTIONS]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from minutes import lasting, trained_through
from notes import Notes
from torch import Tensor

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import Dataset, open_data
from belamy.editing.attribute_predictors import ClassifierPredictor
from belamy.evaluation.pairs.summary import summarise
from belamy.judges.attribute_predictors import attribute_predictors
from belamy.methods.base import BaseMethod, BaseRecipe
from belamy.modalities import modality
from belamy.modalities.fields import Field
from belamy.modalities.grid import grid
from belamy.modalities.text import printed, strings
from belamy.sampling.draw import draw
from belamy.training.setup import Options, open_recipe_data

FACES = "avatars-32"
NAMED = ("hair_color", "long_hair", "bun", "skin", "eyes", "mouth", "beard")
"""Attributes that captions name, or whose absence they tell by silence."""
SHOWN, WIDE = 12, 640
"""Captions on a sheet, and the pixels that each takes across."""
LOOKS = (0.25, 0.5, 0.75, 1.0)
"""Shares of the run after which its state and a sheet are kept; all is measured at the end."""
OPTIONS = Options(device="cpu", progress=False)


class Judge:
    """Tells what is there in pictures of faces.

    Args:
        data: The faces, with captions.
        count: How many held-out ones are asked for.
        say: Is told what is going on.
    """

    def __init__(self, data: Dataset, count: int, say: Any) -> None:
        self.data, self.chosen = data, data.held_out[:count]
        self.say = say
        self.wanted = torch.stack([data.attributes[name].codes[self.chosen] for name in NAMED], 1)
        self.field: Field = data.extra["caption"].field
        self.captions = strings(data.extra["caption"].store.read(self.chosen), self.field)

    @cached_property
    def predictors(self) -> list[ClassifierPredictor]:
        """One for each attribute; they have never seen captions."""
        return attribute_predictors(open_data(FACES), NAMED, say=self.say)

    def seen(self, images: Tensor) -> Tensor:
        """The number of the value of each attribute.  # [n, attributes]"""
        return torch.stack([each.predict(images).verdict for each in self.predictors], 1)

    def agreement(self, images: Tensor, wanted: Tensor | None = None) -> dict[str, Any]:
        """The share of attributes that are there, of all and of each."""
        right = (self.seen(images) == (self.wanted if wanted is None else wanted)).double()
        found = {"all": right.mean(1), **{name: right[:, place] for place, name in enumerate(NAMED)}}
        return {name: summarise(values).mean for name, values in found.items()}

    def real(self) -> dict[str, Any]:
        """Of the pictures that the captions are of."""
        return self.agreement(self.data.images(self.chosen))

    def reconstructed(self, method: Any) -> dict[str, Any]:
        """Of what the autoencoder makes of those pictures, which bounds what is drawn."""
        with torch.no_grad():
            made = method.eval().reconstruct(self.data.batch(self.chosen).main)
        return self.agreement(modality("image").to_raw(made, method.output))

    def chance(self) -> dict[str, Any]:
        """Of those pictures, for the captions of others."""
        return self.agreement(self.data.images(self.chosen), self.wanted.roll(1, 0))

    def drawn(self, method: BaseMethod, guidance: float) -> dict[str, Any]:
        """Of what is drawn for the captions, and what changes pictures more: another caption, or other noise."""
        how: dict[str, Any] = {"options": {"guidance": guidance}, "batch": 100}
        count, captions = len(self.captions), self.captions
        images = draw(method, count, seed=1, text=captions, **how)
        other_words = draw(method, count, seed=1, text=captions[1:] + captions[:1], **how)
        other_noise = draw(method, count, seed=2, text=captions, **how)
        by_words, by_noise = (
            ((each.double() - images.double()) / 255).square().flatten(1).mean(1).sqrt()
            for each in (other_words, other_noise)
        )
        told = {
            "changed by the caption": summarise(by_words).mean, "changed by the noise": summarise(by_noise).mean,
            "changed more by the caption": summarise((by_words > by_noise).double()).mean,
        }  # fmt: skip
        return {"guidance": guidance, **self.agreement(images), **told}

    def sheet(self, method: BaseMethod, guidance: float) -> np.ndarray:
        """What is drawn for captions, four pictures of each, beside it."""
        rows = []
        for number, caption in enumerate(self.captions[:SHOWN]):
            images = draw(method, 4, seed=1, start=4 * number, text=caption, options={"guidance": guidance})
            pictures, words = grid(images, 4, scale=3), printed([caption])
            padded = np.full((len(pictures), WIDE, 3), 255, np.uint8)
            padded[: len(words)] = words[: len(pictures), :WIDE]
            rows.append(np.concatenate([pictures, padded], 1))
        return np.concatenate(rows)


def planned(data: Dataset, minutes: float) -> Any:
    """Makes a recipe last so many CPU-minutes."""

    def plan(recipe: Any) -> BaseRecipe:
        share, start = recipe.first_stage, recipe.adversarial_start
        alone = {"first_stage": 0.99, "adversarial_start": 1.0}
        both = {"first_stage": 0.0, "adversarial_weight": 0.0}  # less the autoencoder's turn, it is the second stage
        parts: list[tuple[float, Mapping[str, Any]]] = [
            (share * start - (1 - share), alone), (share * (1 - start), {**alone, "adversarial_start": 0.0}),
            (1 - share, both),
        ]  # fmt: skip
        return lasting(recipe, data, OPTIONS, minutes, parts)

    return plan


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 2.0])
    parser.add_argument("--folder", type=Path)
    end = list(words).index("--") if "--" in words else len(words)
    chosen = parser.parse_args(words[:end])
    torch.set_num_threads(chosen.threads)
    usual = recipes.get("text-avatars")
    fields, _ = read(usual, list(words[end + 1 :]), "text_to_picture.py")
    usual = usual.changed(**fields, seed=chosen.seed)
    data = open_recipe_data(usual)
    notes = Notes(chosen.folder, minutes=chosen.minutes)
    judge = Judge(data, chosen.count, notes.console.print)
    trainer, spent = notes.trainer("text", usual, planned(data, chosen.minutes), data, OPTIONS)
    for share, now in trained_through(trainer, spent, LOOKS):
        with trainer.averages.in_place(trainer.method):
            if share == 1:
                notes.once("real", judge.real)
                notes.once("chance", judge.chance)
                notes.add("reconstructed", judge.reconstructed(trainer.method))
                for guidance in chosen.guidance:
                    notes.add("drawn", judge.drawn(trainer.method, guidance))
            sheet = judge.sheet(trainer.method, chosen.guidance[-1])
        notes.keep("text", trainer, share, now, {"share": share}, sheet)


if __name__ == "__main__":
    main(sys.argv[1:])
