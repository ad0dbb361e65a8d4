"""Generative adversarial networks of texts: rows of probabilities against symbols as rows of zeros and a one."""

from __future__ import annotations

from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import one_hot

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.likelihood import chosen
from belamy.methods import gan
from belamy.methods.base import OPTIMIZERS, DataSpec, Sampling, SamplingOption
from belamy.methods.construction import DISCRIMINATORS, GENERATORS, PENALTIES
from belamy.methods.levels import precise
from belamy.methods.requirements import ANY, kind_of
from belamy.modalities.text import END, PADDING, UNKNOWN
from belamy.registry import Part
from belamy.seeds import Draws

SAMPLING = {
    "temperature": SamplingOption(
        0.0, "0 writes the likeliest symbol at each place, 1 draws by the probabilities.", least=0, most=100
    )
}
"""What may be chosen when a text is written."""


class Recipe(gan.Recipe):
    """A generative adversarial network of texts, by characters or words (--modality text:unit=words,vocabulary=2048).

    What the discriminator sees of generated texts is chosen by --views: straight-through or gumbel-softmax draw
    symbols, without any it sees the probabilities themselves.
    """

    data: str = "wordnet-phrases"
    """A named set of texts, a file with a text on each line, a folder of text files, or JSON lines."""
    modality: str | None = "text"
    """How texts are read: text, or with options, e.g. text:unit=words,vocabulary=2048."""
    generator: Annotated[Part, GENERATORS] = Part(name="text-resnet", features=64, init="lecun")
    """The network that makes rows of probabilities from latents."""
    discriminator: Annotated[Part, DISCRIMINATORS] = Part(name="text-resnet", features=64, init="lecun")
    """The network that scores rows."""
    latent: int = Field(default=128, gt=0, le=65536)
    """Size of the latent vector."""
    views: tuple[Annotated[Part, gan.VIEWS], ...] = (Part(name="straight-through"),)
    """What the discriminator sees of both real and generated texts, e.g. gumbel-softmax:temperature=0.5."""
    adversarial: Annotated[Part, gan.ADVERSARIAL] = Part(name="relativistic-pairing")
    """What the two players minimise."""
    penalties: tuple[Annotated[Part, PENALTIES], ...] = (
        Part(name="r1", weight=1, every=8), Part(name="r2", weight=1, every=8)
    )  # fmt: skip
    """Terms and constraints that join a player's loss, e.g. r1:weight=5,every=16."""
    fresh_latents: bool = True
    """Draw new latents for the generator's turn instead of using those of the discriminator's."""
    train_samples: int = Field(default=300_000, gt=0, le=10**12)
    """Training texts to see, repetitions counted: the length of the run."""
    batch: int = Field(default=32, gt=0, le=65536)
    """Texts per step, over all processes together."""
    ema_half_life: int = Field(default=5000, ge=0)
    """Half-life, in samples, of the exponential average of the weights that is sampled from; 0 for none."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.0, beta2=0.99)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.0, beta2=0.99)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """Narrow networks on few phrases, whose symbols are drawn."""
        narrow = Part(name="text-resnet", features=4)
        views = (Part(name="straight-through"),)
        return cls(
            generator=narrow, discriminator=narrow, latent=8, views=views, critic_steps=1, train_samples=320, batch=16,
            ema_half_life=64,
        )  # fmt: skip


class Method(gan.Method):
    """A GAN whose samples are rows of probabilities over the vocabulary, ``[N, length, vocabulary]``.

    A real text's rows have a one at each symbol. The generator's rows go to the discriminator as they are, or as views
    draw symbols of them. A text that is written ends at its first end or padding.

    *Departs from the book*: padding and what is unknown are symbols of their own, where it repeats the last number of
    the vocabulary and gives what is unknown a number that may lie beyond it; one symbol ends a text and none begins it,
    where its markers are spelt out as characters; the critic's and the generator's batches differ, and none is skipped.
    ``--modality text:printed=true`` has the book's markers and its repetition of the last symbol.

    References:
        Gulrajani et al. 2017, arXiv 1704.00028, section 5.4; Valle 2019, "Hands-On Generative Adversarial Networks with
        Keras", chapter 8.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: A view that is not for texts.
    """

    sampling_options = SAMPLING

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        for part in recipe.views:
            if not {ANY, "text"} & {*kind_of(gan.VIEWS, part).split("/")}:
                raise UsageError(
                    f"The view '{part.name}' is not for texts. Choose gumbel-softmax, straight-through or "
                    "instance-noise, or leave --views out."
                )
        rows = spec.field._replace(shape=(*spec.shape, len(spec.field.classes)))
        super().__init__(recipe, DataSpec({**spec.fields, spec.main: rows}))
        self.rows, self.spec = rows.shape, spec

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Latents or rows, and labels where the data has them."""
        found = super().inputs()
        return {**found, "discriminator": (self.rows, *found["discriminator"][1:])}

    def real(self, batch: Batch) -> Tensor:
        """The batch's texts as rows of zeros and a one.  # [N, length, vocabulary]"""
        return one_hot(batch.main, self.rows[1]).to(next(self.parameters()).dtype)

    def shown_to_adversary(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Generated rows ``[n, length, vocabulary]`` drawn where views do so, by always the same numbers."""
        rows: Tensor = self.generator(latents, labels)
        numbers = Draws(self.recipe.seed, 0, device=rows.device, dtype=rows.dtype)
        for part, view in zip(self.recipe.views, self.views, strict=True):
            if kind_of(gan.VIEWS, part) == "text":
                rows = view(rows, numbers, 0.0)
        return rows

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Texts; what is unknown is never written.  # [n, latent] to long [n, length]

        Raises:
            UsageError: A number of steps is asked for.
        """
        if sampling is not None and sampling.steps is not None:
            raise UsageError("A generator writes a text at once, so --steps chooses nothing. Leave it out.")
        rows = self.generator(latents, labels).clone()
        rows[..., UNKNOWN] = 0
        temperature = sampling.options.get("temperature", 0.0) if sampling else 0.0
        if sampling is None or not temperature:
            return ended(rows.argmax(2))
        rows = rows.to(precise(rows.device))
        chance = sampling.draws.uniform("symbols", *rows.shape[:2]).to(rows)
        return ended(chosen(rows.log(), chance, temperature))


def ended(symbols: Tensor) -> Tensor:
    """Texts that hold nothing but padding after their first end or padding.  # long [n, length]

    Example:
        >>> ended(torch.tensor([[5, 1, 6, 0], [0, 7, 1, 8], [5, 6, 7, 8]])).tolist()
        [[5, 1, 0, 0], [0, 0, 0, 0], [5, 6, 7, 8]]
    """
    over = (symbols == END) | (symbols == PADDING)
    return torch.where(over.cumsum(1) - over.long() > 0, PADDING, symbols)
