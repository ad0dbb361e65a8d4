"""The watch of texts, and of pictures of texts, is itself measured: runs broken on purpose, and healthy ones.

As ``benchmarks/watch.py`` does it for GANs: a broken run counts as named if, after 40 % of the budget, the right name
is among the first two findings; a healthy one counts as alarmed if any of its looks has a severe finding. Runs take
about a minute of one core each, on short phrases and on drawn faces of 16 pixels, one after another; what lies in the
folder is not made again, and after so many CPU-minutes no further run is begun.

    python benchmarks/watch_texts.py FOLDER [--seeds 0 1] [--only NAME …] [--minutes M] [--write PAGE]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import process_time
from typing import Any

import torch
from rich.console import Console
from torch import Tensor
from torch.nn.functional import one_hot
from watch import Kind, table, train, where, write

from belamy.data import Dataset, open_data
from belamy.methods import char_lm, scratchgan, text_gan, text_to_image
from belamy.methods.base import BaseRecipe
from belamy.modalities.text import END
from belamy.registry import Part
from belamy.training.trainer import Trainer

BEGIN, END_OF_TABLE = "<!-- texts: begin -->", "<!-- texts: end -->"
"""Between these lines a page holds the table."""
PHRASES, PICTURES, BATCH = 24_000, 32_000, 32
"""Budgets in training samples, and their batches."""
FEW, PERIOD, EARLY = 60, 3, 3
"""Phrases that are learned by heart, symbols that come again, and places after which a collapsed text ends."""


@cache
def phrases() -> Dataset:
    """Phrases of WordNet, by characters."""
    return open_data("wordnet-phrases")


@cache
def few_phrases() -> Dataset:
    """So few of them that they can be learned by heart, and as many as ever held out."""
    data = phrases()
    return data.changed(official={"train": data.indices("train")[:FEW], "test": data.held_out})


@cache
def faces() -> Dataset:
    """Drawn faces of 16 pixels with captions."""
    return open_data("avatars-16:captions=true")


# Recipes that go well


def adam(lr: float, beta1: float = 0.5, **more: float) -> Part:
    """An optimiser at a rate."""
    return Part(name="adam", lr=lr, beta1=beta1, **more)


def written(**fields: Any) -> text_gan.Recipe:
    """A narrow text GAN."""
    narrow = Part(name="text-resnet", features=24, init="lecun")
    settings = {"generator": narrow, "discriminator": narrow, "batch": BATCH, "train_samples": PHRASES,
                "ema_half_life": 1000}  # fmt: skip
    return text_gan.Recipe(**{**settings, **fields})


def modelled(**fields: Any) -> char_lm.Recipe:
    """A small language model."""
    settings = {"network": Part(name="gru", width=64, embedding=16), "batch": BATCH, "train_samples": PHRASES}
    return char_lm.Recipe(**{**settings, **fields})


def drawn(**fields: Any) -> text_to_image.Recipe:
    """A narrow GAN-CLS-INT of faces."""
    network = Part(name="gan-cls", width=12, told=24)
    settings = {"data": "avatars-16:captions=true", "generator": network, "discriminator": network, "latent": 32,
                "interpolation": 1.0, "batch": BATCH, "train_samples": PICTURES, "ema_half_life": 2000,
                "generator_optimizer": adam(5e-4), "discriminator_optimizer": adam(5e-4)}  # fmt: skip
    return text_to_image.Recipe(**{**settings, **fields})


# What a recipe cannot say


def repeating(method: Any, trainer: Trainer | None) -> None:
    """The generator writes its first three symbols again and again."""
    if trainer is None:
        method.generator.register_forward_hook(lambda _, __, rows: rows[:, torch.arange(rows.shape[1]) % PERIOD])


def ending_early(method: Any, trainer: Trainer | None) -> None:
    """The generator ends every text after three symbols."""
    if trainer is None:

        def ended(_module: Any, _given: Any, rows: Tensor) -> Tensor:
            end = one_hot(torch.tensor(END), rows.shape[2]).to(rows)
            return torch.cat([rows[:, :EARLY], end.expand(len(rows), rows.shape[1] - EARLY, -1)], 1)

        method.generator.register_forward_hook(ended)


def without_text(method: Any, trainer: Trainer | None) -> None:
    """Texts are nothing, to both players."""
    if trainer is None:
        method.text_encoder.register_forward_hook(lambda _, __, said: said._replace(whole=0 * said.whole))


def without_latents(method: Any, trainer: Trainer | None) -> None:
    """Latents are nothing to the generator."""
    if trainer is None:
        method.generator.register_forward_pre_hook(lambda _, given: (0 * given[0], *given[1:]))


KINDS: dict[str, Kind] = {
    "text GAN: told by soft rows": Kind(
        ("soft-rows", "discriminator-wins"),
        lambda _: written(adversarial=Part(name="non-saturating"), penalties=(), views=()), data=phrases,
    ),
    "text GAN: repetition": Kind(("repetition",), lambda _: written(), repeating, data=phrases),
    "text GAN: length collapse": Kind(("length-collapse",), lambda _: written(), ending_early, data=phrases),
    "language model: copied phrases": Kind(
        ("memorisation", "overfitting"), lambda _: modelled(optimizer=adam(5e-3, 0.9)), data=few_phrases
    ),
    "pictures: text ignored": Kind(("text-ignored",), lambda _: drawn(mismatch=0.0), without_text, data=faces),
    "pictures: latent ignored": Kind(("latent-ignored",), lambda _: drawn(), without_latents, data=faces),
}  # fmt: skip


def healthy() -> dict[str, Kind]:
    """Eight runs that go well."""

    def kind(recipe: Callable[[], BaseRecipe], data: Callable[[], Dataset]) -> Kind:
        return Kind((), lambda _: recipe(), data=data)

    df_gan = Part(name="df-gan", width=8)
    unbounded = Part(name="df-gan", width=8, bounded=False)
    game = Part(name="gru", width=64, embedding=16)
    return {
        "text GAN": kind(written, phrases),
        "text GAN of probabilities": kind(
            lambda: written(
                views=(), adversarial=Part(name="wasserstein"), penalties=(Part(name="gradient-penalty"),),
                critic_steps=2, generator_optimizer=adam(5e-4, beta2=0.9),
                discriminator_optimizer=adam(5e-4, beta2=0.9),
            ),
            phrases,
        ),
        "gru": kind(modelled, phrases),
        "transformer": kind(
            lambda: modelled(network=Part(name="causal-transformer", width=32, depth=2, heads=2)), phrases
        ),
        "scratchgan": kind(
            lambda: scratchgan.Recipe(network=game, discriminator=game, batch=BATCH, train_samples=PHRASES), phrases
        ),
        "GAN-CLS-INT": kind(drawn, faces),
        "GAN-CLS, hinge": kind(lambda: drawn(interpolation=0.0, adversarial=Part(name="hinge")), faces),
        "DF-GAN": kind(
            lambda: drawn(
                generator=unbounded, discriminator=df_gan, text_encoder=Part(name="bag-of-words", width=128),
                interpolation=0.0, adversarial=Part(name="relativistic-pairing"),
                penalties=tuple(Part(name=each, weight=0.02, every=8) for each in ("r1", "r2")),
                generator_optimizer=adam(1e-3, 0.0, beta2=0.99), discriminator_optimizer=adam(1e-3, 0.0, beta2=0.99),
            ),
            faces,
        ),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", help="names of runs")
    parser.add_argument("--minutes", type=float, default=60, help="CPU-minutes after which no further run is begun")
    parser.add_argument("--write", type=Path, help="the page to write the table into, when all is done")
    options = parser.parse_args()
    torch.set_num_threads(1)
    console, well = Console(), healthy()
    work = [(KINDS[name], name, seed) for name in KINDS for seed in options.seeds]
    work += [(kind, name, options.seeds[0] + number) for number, (name, kind) in enumerate(well.items())]
    options.folder.mkdir(parents=True, exist_ok=True)
    for kind, name, seed in [each for each in work if not options.only or each[1] in options.only]:
        path = where(options.folder, name, seed)
        if path.exists():
            continue
        if (begun := process_time()) > 60 * options.minutes:
            console.print("The time is up: call again to go on.")
            return
        looks = train(kind, kind.recipe(options.folder).changed(seed=seed), path)
        console.print(f"{path.name}: {process_time() - begun:.0f} s, looks {looks:.1%} of the training")
    found = table(options.folder, options.seeds, KINDS, list(well))
    console.print(found, soft_wrap=True, markup=False)
    if options.write and not options.only:
        write(options.write, found, BEGIN, END_OF_TABLE)


if __name__ == "__main__":
    main()
