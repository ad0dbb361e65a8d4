r"""What autoregressive models of pictures and sounds share: levels, their likelihood, and drawing value by value.

.. math:: \ln p(x) = \sum_i \ln p(x_i \mid x_1 \dots x_{i-1})

Pixels are numbered row by row, and the channels of one in their order. A picture's values are brought to the levels of
the likelihood first: of two levels, by the *binarisation*, whose name belongs to every likelihood that is told. A sound
is a picture of one row, whose values are brought to levels by the µ-law.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.likelihood import MOST_LEVELS
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Sampling, SamplingOption, Turn
from belamy.modalities import modality
from belamy.modalities.mu_law import levels_of, sounds_of
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws, generator

LIKELIHOODS = Registry("belamy.losses.likelihood", "likelihood", "Likelihood")
SAMPLING = {
    "temperature": SamplingOption(
        1.0, "Below 1 likelier and plainer, above 1 bolder; 0 always takes the likeliest value.", least=0, most=100
    )
}
BINARISATIONS = {
    "threshold": "binarised at half of white",
    "stochastic": "binarised once, each pixel white with the probability of its brightness",
    "dynamic": "binarised afresh, each pixel white with the probability of its brightness",
}
"""How pictures become black and white, in words."""


class ShadesRecipe(base.BaseRecipe):
    """What recipes of models of levels have in common, whether they draw pixel by pixel or not."""

    likelihood: Annotated[Part, LIKELIHOODS] = Part(name="bernoulli")
    """How likely a value is by what the network says: bernoulli (black and white), categorical, logistic-mixture."""
    binarisation: Literal["threshold", "stochastic", "dynamic"] = "stochastic"
    """How pictures become black and white where values have two levels: at half of white; once and for all, each pixel
    white with the probability of its brightness; or so afresh each time. Likelihoods under two of them do not
    compare."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How it learns."""
    clip_norm: float | None = Field(default=1.0, gt=0)
    """Scale the gradient down to this Euclidean norm."""


class LevelsRecipe(ShadesRecipe):
    """What recipes of models that draw pixel by pixel have in common."""

    conditional: bool = False
    """Learn pictures given their class, so that classes can be asked for."""


def classes_told(conditional: bool, spec: DataSpec, who: str) -> int:
    """How many classes a model of 8-bit pictures, or of sounds, is told; 0 where it is told none.

    Args:
        conditional: Whether it is to be told them.
        spec: What the data decide.
        who: What the model is called at the beginning of a sentence.

    Raises:
        UsageError: The pictures have not 8 bits, or a conditional model's have no classes.
    """
    if spec.modality != "audio" and spec.field.bits != 8:
        raise UsageError(f"{who} takes pictures of 8 bits, but these have {spec.field.bits}. Type --modality image.")
    if conditional and not spec.classes:
        kind = modality(spec.modality).words[1]
        raise UsageError(f"--conditional needs {kind} with classes, and these have none. Leave it out.")
    return len(spec.classes) if conditional else 0


def labels_told(classes: int, labels: Tensor | None) -> Tensor | None:
    """The labels that a model of so many classes is told; None for one that is told none.

    Raises:
        UsageError: There are none, and it needs them.
    """
    if classes and labels is None:
        raise UsageError(
            "This run's model is conditional, and these pictures have no classes. Give pictures that have, or take a "
            "run without --conditional."
        )
    return labels if classes else None


class ShadesMethod(base.BaseMethod):
    """A model of pictures as levels.

    Args:
        recipe: Its likelihood decides the levels.
        spec: What the data decide.
    """

    def __init__(self, recipe: Any, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.law = LIKELIHOODS.build(recipe.likelihood)
        self.sounds = spec.modality == "audio"
        self.channels, *sides = spec.shape
        self.height, self.width = [1, *sides][-2:]
        self.values = self.channels * self.height * self.width
        if self.sounds and self.law.levels == 2:
            raise UsageError("Sounds have more levels than two. Type --likelihood categorical.")
        heard = f"sounds in {self.law.levels} levels of the µ-law"
        self.scored = heard if self.sounds else scored(self.law.levels, recipe.binarisation)

    def levels(self, batch: Batch, draws: Draws | SampleDraws) -> Tensor:
        """The pictures of a batch as levels.  # [N, C, H, W] in [-1, 1] to long [N, C, H, W]

        Args:
            batch: The pictures; ``stochastic`` binarisation is a function of their indices.
            draws: The numbers of ``dynamic`` binarisation.
        """
        if self.sounds:
            return levels_of(batch.main.double(), self.law.levels)
        if self.law.levels > 2:
            return (bright_of(batch) * (self.law.levels / MOST_LEVELS)).long().clamp(0, self.law.levels - 1)
        return binarised(batch, self.recipe.binarisation, draws)

    def shown(self, levels: Tensor, like: torch.dtype | None = None) -> Tensor:
        """Levels as networks see them, black -1 and white 1, in a floating type."""
        return levels.to(like or torch.float32) * (2 / (self.law.levels - 1)) - 1

    def valued(self, levels: Tensor, like: torch.dtype | None = None) -> Tensor:
        """Levels as the data have them: sounds by the µ-law, and pictures as networks see them."""
        return sounds_of(levels, self.law.levels, like) if self.sounds else self.shown(levels, like)

    def mean_shown(self, parameters: Tensor) -> Tensor:
        """The mean of each value's distribution, as networks see it.  # [..., parameters] to [...]"""
        total = torch.zeros_like(parameters[..., 0])
        for level in range(self.law.levels):
            levels = torch.full(total.shape, level, device=total.device)
            total = total + self.law.log_prob(parameters, levels).exp() * self.shown(levels, total.dtype)
        return total


class LevelsMethod(ShadesMethod):
    """One player that minimises the nats of pictures; it knows their likelihood exactly, and draws pixel by pixel.

    What is drawn is a function of uniform numbers, in float64 where the device has it, so that pictures do not depend
    on rounding.

    Raises:
        UsageError: The pictures have not 8 bits, or a conditional model's have no classes.
    """

    averaged: tuple[str, ...] = ("network",)
    nats_terms = ("model.nats",)
    sampling_options = SAMPLING
    likelihood: Literal["exact", "bound"] = "exact"

    def __init__(self, recipe: Any, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.classes = classes_told(recipe.conditional, spec, "An autoregressive model")

    def given(self, labels: Tensor | None, count: int) -> Tensor | None:
        """The classes that a conditional model is told; None for another.  # [N]

        Raises:
            UsageError: A conditional model is given none.
        """
        labels = labels_told(self.classes, labels)
        return None if labels is None else labels.expand(count)

    def nats(self, levels: Tensor, labels: Tensor | None = None) -> Tensor:
        """Minus the log-likelihood of each picture, given its class if the model is conditional.  # [N, C, H, W]"""
        raise AssertionError(f"{type(self).__module__} has no likelihood")

    def learned(self, levels: Tensor, labels: Tensor | None, draw: Draws) -> Tensor:
        """What a step minimises: the nats, unless a step trains otherwise than it measures.  # [N]"""
        return self.nats(levels, labels)

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn; the nats are weighted by 1 over a picture's values, so that gradients keep their size."""
        batch = next(data)
        nats = self.learned(self.levels(batch, draw), batch.labels, draw)
        yield Turn("model", {"nats": nats}, {"nats": 1 / self.values})

    def log_prob(self, batch: Batch, draws: SampleDraws) -> Tensor:
        """Log-likelihood of each picture in nats, exact, of what ``scored`` says.  # [n]"""
        return -self.nats(self.levels(batch, draws), batch.labels)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """Nats of a picture."""
        return {"loss": self.nats(self.levels(batch, draw), batch.labels)}

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """Uniform numbers: a picture is a function of them.  # [n, pixels, channels, chances]"""
        size = (self.height * self.width, self.channels, self.law.chances)
        return torch.stack([torch.rand(size, generator=generator(seed, "sample", index)) for index in indices])

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Pictures from their first pixel to their last, or sounds, in [-1, 1].  # [n, *shape]

        Raises:
            UsageError: A number of steps is asked for.
        """
        check_steps(sampling)
        nothing = torch.zeros(len(latents), 0, self.channels, dtype=torch.long, device=latents.device)
        drawn = self.drawn(nothing, latents, self.given(labels, len(latents)), sampling)
        return self.valued(self.picture(drawn), latents.dtype)

    def continuation(self, prefix: Tensor, count: int, sampling: Sampling, labels: Tensor | None = None) -> Tensor:
        """Pictures that go on after their first pixels.  # long [n, t, C] to [n, t + count, C]

        Args:
            prefix: Levels of the pixels that are given, row by row, at least none.
            count: How many follow; together no more than a picture has, of a sound as many as one likes.
            sampling: Its streams choose them; option ``temperature``.
            labels: The classes, if the model is conditional.  # [n]
        """
        size = (count, self.channels, self.law.chances)
        chance = sampling.draws.uniform("continuation", len(prefix), *size).to(prefix.device)
        return self.drawn(prefix, chance, self.given(labels, len(prefix)), sampling)

    def picture(self, pixels: Tensor) -> Tensor:
        """Pixels in their order as pictures, or as sounds.  # [n, pixels, C] to [n, C, H, W] or [n, C, T]"""
        return pixels.transpose(1, 2).unflatten(2, (-1, *self.spec.shape[2:]))

    def drawn(self, begun: Tensor, chance: Tensor, labels: Tensor | None, sampling: Sampling | None) -> Tensor:
        """Pixels after those that are there, one for each of ``chance``.  # long [n, t, C] to [n, t + count, C]"""
        raise AssertionError(f"{type(self).__module__} draws nothing")


def bright_of(batch: Batch) -> Tensor:
    """The brightness of a batch's pictures, 0 to 255, rounded.  # float64 [N, C, H, W]"""
    return ((batch.main.double() + 1) * 127.5).round()


def binarised(batch: Batch, how: str, draws: Draws | SampleDraws) -> Tensor:
    """The pictures of a batch in black and white.  # [N, C, H, W] in [-1, 1] to long [N, C, H, W], 0 and 1

    Args:
        batch: The pictures; ``stochastic`` binarisation is a function of their indices.
        how: One of ``BINARISATIONS``.
        draws: The numbers of ``dynamic`` binarisation.
    """
    bright = bright_of(batch)
    if how == "threshold":
        return (bright * (2 / MOST_LEVELS)).long().clamp(0, 1)
    chosen = SampleDraws(0, batch.indices.tolist()) if how == "stochastic" else draws
    chance = chosen.uniform("binarisation", *bright.shape)
    return (chance.to(bright) < bright / 255).long()


def check_steps(sampling: Sampling | None) -> None:
    """Refuse a number of steps.

    Raises:
        UsageError: One is asked for.
    """
    if sampling is not None and sampling.steps is not None:
        raise UsageError("Each value is a step of its own here, so --steps chooses nothing. Leave it out.")


def scored(levels: int, binarisation: str) -> str:
    """Of what pictures of so many levels a likelihood is, in words.

    Example:
        >>> scored(2, "threshold")
        'pictures binarised at half of white'
    """
    if levels == 2:
        return f"pictures {BINARISATIONS[binarisation]}"
    return "pictures of 8 bits" if levels == MOST_LEVELS else f"pictures of {levels} levels"


def temperature_of(sampling: Sampling | None) -> float:
    """The temperature that is asked for; 1 where none is."""
    return float((sampling.options if sampling else {}).get("temperature", 1.0))


def precise(device: torch.device) -> torch.dtype:
    """The floating type in which pictures are drawn."""
    return torch.float32 if device.type == "mps" else torch.float64
