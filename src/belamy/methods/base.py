"""What every method is made of: its recipe, its turns and its players."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from belamy.data import Batch, Dataset
from belamy.methods.captioning import Captions as Captions
from belamy.methods.captioning import WrittenCaptions as WrittenCaptions
from belamy.methods.evaluating import Evaluates as Evaluates
from belamy.methods.evaluating import Ratio as Ratio
from belamy.methods.inverting import Inverts as Inverts
from belamy.methods.recipe import BaseRecipe as BaseRecipe
from belamy.methods.sampling_option import SamplingOption as SamplingOption
from belamy.modalities.fields import DataSpec as DataSpec
from belamy.modalities.fields import Field as DataField
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws, generator

METHODS = Registry("belamy.methods", "method", "Method")
OPTIMIZERS = Registry("belamy.training.optimizers", "optimizer", "Optimizer")


@dataclass(frozen=True)
class Turn:
    """One player's chance to learn.

    The trainer minimises the weighted sum of the terms' means with respect to this player's parameters only.

    Args:
        player: A key of the method's ``players``.
        terms: Named losses, one value per sample ``[N]`` (or already a scalar); each is logged under its name.
        weights: Factor of a term in the sum; 1 where a term has none.
        signals: Quantities to log that are not learned from, reduced to their mean.
    """

    player: str
    terms: Mapping[str, Tensor]
    weights: Mapping[str, float] = field(default_factory=dict)
    signals: Mapping[str, Tensor] = field(default_factory=dict)

    def total(self) -> Tensor:
        """The scalar that is minimised: the only place where a mean over samples is taken."""
        return weighted({name: term.mean() for name, term in self.terms.items()}, self.weights)


def weighted(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The sum of terms of one shape, each times its weight; 1 where it has none.

    Example:
        >>> weighted({"adversarial": torch.tensor([1.0]), "cycle": torch.tensor([2.0])}, {"cycle": 10.0})
        tensor([21.])
    """
    return torch.stack([weights.get(name, 1.0) * term for name, term in terms.items()]).sum(0)


class Player(NamedTuple):
    """One that learns: the module whose parameters a turn changes, and the optimiser that changes them."""

    module: nn.Module
    optimizer: Part


class BaseMethod(nn.Module):
    """Networks and the algorithm that trains them.

    A method is built from a recipe and the domain that the data decides. Whatever must survive a resume is a
    parameter or a buffer.

    Attributes:
        averaged: Names of the networks whose weights are averaged for sampling.
        objective_terms: The losses, ``player.term``, whose sum falls while the method learns; the watch judges by them.
            Empty where none falls for certain, as in a game, or where there is but one number, which is then it.
        nats_terms: The losses, ``player.term``, that are nats of levels or symbols, with noise of a whole level if with
            any: none is below 0, nor is its measure ``loss`` on held-out data, which is in nats too.
        first_drawn: Share of the run after which the networks that samples are drawn with begin to learn; the watch
            looks at samples a while after that.
        scored: What a method that knows likelihoods tells them of, in words, where that is not the data as they are.
        fingerprint: SHA-256 of what is learned from beside the data; empty where there is nothing.
        sampling_options: What may be chosen, by name, when a method draws whose ``generate`` takes ``sampling``, or one
            translates, whose ``translate`` then takes ``options``, a value of each.
        translating: What a trained method of this kind translates by, built from it, where it does not do so itself.
        born_of: Networks that begin as averages of another method's run, which must be named, with their names there.
    """

    averaged: tuple[str, ...] = ()
    objective_terms: tuple[str, ...] = ()
    nats_terms: tuple[str, ...] = ()
    first_drawn: float = 0.0
    fingerprint: str = ""
    scored: str = ""
    sampling_options: Mapping[str, SamplingOption] = MappingProxyType({})
    translating: Callable[[Any], BaseMethod] | None = None
    born_of: Mapping[str, str] = MappingProxyType({})

    def __init__(self, recipe: Any, spec: DataSpec) -> None:
        super().__init__()
        self.recipe, self.spec = recipe, spec

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """The fields that the data must have, by name, with their modalities.

        ``main`` is the main field, whatever it is called; ``any`` is every modality, ``table/vector`` either.
        """
        return {"main": "image"}

    @property
    def output(self) -> DataField:
        """What samples, reconstructions and the like are; by default like the main field of the data."""
        return self.spec.field

    def measure_data(self, data: Dataset) -> None:
        """Measure what must be known of the training data, once, before anything is learned.

        What is found goes into buffers of the networks.

        Args:
            data: Its ``train`` split is what will be learned from.

        Raises:
            BelamyError: Nothing can be learned from them.
        """

    def prepare(self, offline: bool = False) -> None:
        """Read what is learned from beside the data, once, before anything is learned or written.

        Args:
            offline: Never fetch it from the network.

        Raises:
            BelamyError: It cannot be read.
        """

    @property
    def players(self) -> dict[str, Player]:
        """The players of the method, by name."""
        raise AssertionError(f"{type(self).__module__} names no players")

    @property
    def undivided(self) -> str:
        """Why a step must see its batch as a whole, never in micro-batches; empty where it need not."""
        return ""

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn | tuple[Turn, ...]]:
        """One step of the algorithm: yields a turn each time a player learns.

        Turns yielded together in a tuple are simultaneous: all gradients are taken before any player moves.

        Of a batch in micro-batches, one ``play`` for each goes on in lock step: all come to a turn, their gradients are
        averaged, the player moves, all go on to the next turn. Who learns must therefore not depend on the batch.

        Args:
            data: Endless batches; ``next(data)`` takes one.
            draw: The step's random numbers; ``draw.step`` counts from 0, ``draw.parts`` is how many micro-batches play.
        """
        raise AssertionError(f"{type(self).__module__} does not play")

    def networks(self) -> dict[str, nn.Module]:
        """The networks by name, as ``belamy inspect`` shows them."""
        return dict(self.named_children())

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """What each network is called with: the shape of one sample, or a batch of two where numbers must be whole."""
        return dict.fromkeys(self.networks(), (self.spec.shape,))


@dataclass(frozen=True)
class Sampling:
    """What a sampler is given beside latents, if its ``generate`` takes the keyword ``sampling``.

    Args:
        draws: Random streams of its own; row i depends on the seed and the i-th sample's index alone.
        steps: Of a sampler that takes many; None for the method's own number.
        report: Called with steps done and steps in all; it shows the progress, and ends the sampling by raising.
        options: A value of each of the method's ``sampling_options``, e.g. a temperature.
    """

    draws: SampleDraws
    steps: int | None = None
    report: Callable[[int, int], None] = lambda done, total: None
    options: Mapping[str, float] = field(default_factory=dict)


@runtime_checkable
class Samples(Protocol):
    """Draws new samples of the field ``output``."""

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, latent]``: the latent of each sample index, a function of (seed, index) alone."""
        ...

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Samples ``[n, *shape]`` as networks see them: images in [-1, 1]."""
        ...


@runtime_checkable
class TakesText(Protocol):
    """Draws samples of what a text says; its ``generate`` is given the symbols ``[n, length]`` in place of labels."""

    caption: DataField | None
    """The field of the captions that it learned with; None where it learned without."""


@runtime_checkable
class TakesVoice(Protocol):
    """Draws speech in a voice; its ``generate`` may be given vectors ``[n, 256]`` of voices in place of labels."""

    speakers: Any
    """The voices that it learned with, by the numbers of their speakers; None where it learned without."""


@runtime_checkable
class HasStyles(Protocol):
    """Makes its samples from intermediate latents: one style, a vector of the space W, for each layer.

    Where ``style_layers`` is empty the network that it holds has none.
    """

    @property
    def style_layers(self) -> tuple[int, ...]:
        """The resolution at which each layer's style acts, coarse first."""
        ...

    @property
    def mean_style(self) -> Tensor:
        """``[w]``: the mean of the styles seen in training, towards which truncation leads."""
        ...

    def styles(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[n, layers, w]``: the styles of latents, all layers alike."""
        ...

    def synthesize(self, styles: Tensor, noise: Sequence[torch.Generator] | None = None) -> Tensor:
        """Samples from styles ``[n, layers, w]``, images in [-1, 1].

        Args:
            styles: One of each layer; layers may differ.
            noise: Random numbers of each sample's details; None for the network's constant ones.
        """
        ...


@runtime_checkable
class Translates(Protocol):
    """Makes one field of another: a photograph of a drawing, clean sound of noisy."""

    source: str
    """The name of the field that is given."""
    target: str
    """The name of the field that is made."""

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Values ``[n, …]`` of the target field from values of the source field, both as networks see them.

        Args:
            source: What is given.
            draws: Random streams; the i-th translation depends on the seed and the i-th index alone.
        """
        ...


@runtime_checkable
class TranslatesFilms(Translates, Protocol):
    """Translates films, each frame from what it made before."""

    def continued(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        """Frames ``[n, …]`` of the target field, one for each of the source field, of a film of any length.

        Args:
            frames: One after the other, as networks see them; no more of them is held than the past that counts.
        """
        ...

    def movement(self, source: Tensor) -> Tensor | None:
        """The flow ``[n, T - 1, 2, H, W]`` from each frame after the first of what it makes to the one before, pixels
        to the right and downwards; None where it tells none.

        Args:
            source: Of the source field, as networks see it.
        """
        ...


UNTOUCHED = "untouched"


@runtime_checkable
class Restores(Translates, Protocol):
    """Translates into the data themselves: it makes its own sources of them, small pictures of large ones, say."""

    @property
    def degraded(self) -> DataField:
        """What is given: the kind, channels and size of the sources."""
        ...

    def degrade(self, values: Tensor, draws: SampleDraws) -> Tensor:
        """Sources ``[n, …]`` made of values ``[n, …]`` of the target field, both as networks see them.

        Args:
            values: What a translation should give back.
            draws: Random streams; the i-th source depends on the seed and the i-th index alone.
        """
        ...

    def rivals(self, source: Tensor) -> Mapping[str, Tensor]:
        """What is made of sources without learning, by name, to be measured beside the translations.

        The one called ``untouched`` is the source itself, brought to the shape of the target.
        """
        ...


@runtime_checkable
class Fills(Restores, Protocol):
    """Restores pictures with opacity: fills what is transparent, and leaves the rest as it is."""

    def fill(self, source: Tensor, feather: int = 0) -> Tensor:
        """Whole pictures ``[n, C, H, W]`` from pictures with opacity ``[n, C + 1, H, W]``, in [-1, 1].

        Args:
            source: What is given; all that is not opaque is filled.
            feather: So many pixels into the holes what is filled in is shifted to join the known pixels; 0 for not.
        """
        ...


@runtime_checkable
class Redraws(Fills, Protocol):
    """Fills holes of pictures of one size, and draws whole pictures anew from what they are, by choice."""

    def redraws(self, options: Mapping[str, float]) -> bool:
        """Whether pictures without holes are drawn anew, by values of ``sampling_options``."""
        ...

    def check_size(self, name: str, raw: Tensor) -> None:
        """Refuse a picture of another size, which is called so in the message.  # [C, H, W]"""
        ...


def given_field(method: BaseMethod) -> DataField:
    """What a method that translates is given."""
    assert isinstance(method, Translates)
    return method.degraded if isinstance(method, Restores) else method.spec.fields[method.source]


def given_of(method: BaseMethod, batch: Batch, draws: SampleDraws) -> Tensor:
    """What a method that translates is given of a batch: a field of it, or where there is none what it makes."""
    assert isinstance(method, Translates)
    if method.source in batch.fields or not isinstance(method, Restores):
        return batch[method.source]
    return method.degrade(batch[method.target], draws)


@runtime_checkable
class TranslatesBack(Translates, Protocol):
    """Makes each of two fields of the other."""

    def translate_back(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Values ``[n, …]`` of the field ``source`` from values of the field ``target``, as ``translate`` does."""
        ...


@runtime_checkable
class HasLikelihood(Protocol):
    """Knows how likely data are."""

    likelihood: Literal["exact", "bound", "estimate"]
    """Whether ``log_prob`` is the likelihood itself, a lower bound of it, or an estimate."""

    def log_prob(self, batch: Batch, draws: SampleDraws) -> Tensor:
        """``[n]``: log-likelihood of each sample in nats, of the data as files hold them."""
        ...


@runtime_checkable
class HasNormaliser(HasLikelihood, Protocol):
    """Knows likelihoods but for a factor that is the same for all, which must be found."""

    def normaliser(self) -> Any:
        """The factor's logarithm in nats: ``value`` between ``low`` and ``high``, and ``how`` it was found, in words.

        It is :class:`belamy.networks.partition.Normaliser`.
        """
        ...


@runtime_checkable
class Continues(Protocol):
    """Goes on with a sequence."""

    def continuation(self, prefix: Tensor, count: int, sampling: Sampling, labels: Tensor | None = None) -> Tensor:
        """``[n, t + count, …]``: a prefix ``[n, t, …]`` and what follows it, of classes ``[n]``.

        A text's are its symbols, a picture's the levels of its pixels' channels, ``[n, t, C]``, row by row.
        """
        ...


@runtime_checkable
class Imputes(Protocol):
    """Fills gaps."""

    def impute(self, values: Tensor, known: Tensor, draws: SampleDraws) -> Tensor:
        """Values ``[n, …]`` whose unknown ones are filled; the known ones stay.

        Args:
            values: As networks see them; anything where they are unknown.
            known: Which are known, of the same shape, bool.
            draws: Random streams by sample index.
        """
        ...


@runtime_checkable
class Shows(Protocol):
    """Decides itself what a snapshot of its training shows."""

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Named fields in order, e.g. input, output and target: what each is, and its values as networks see them."""
        ...


@runtime_checkable
class Reconstructs(Protocol):
    """Encodes an image and decodes it again."""

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images ``[n, C, H, W]`` in [-1, 1] from images in [-1, 1]."""
        ...


@runtime_checkable
class Stylizes(Protocol):
    """Paints images in a style, in one pass."""

    takes_styles: bool
    """Whether it must be shown styles; otherwise it knows one."""
    receptive_field: int
    """How many pixels away what decides a painted pixel may lie, the statistics of the whole apart."""

    def stylize(
        self, images: Tensor, styles: Sequence[Tensor] = (), shares: Sequence[float] = (), strength: float = 1.0
    ) -> Tensor:
        """Images ``[n, C, H, W]`` in [-1, 1] from images in [-1, 1] of any size.

        Args:
            images: What is painted.
            styles: Images ``[1, C, h, w]`` of any size, in [-1, 1].
            shares: Of the styles, together 1; all alike where none are given.
            strength: From the images as they are, 0, to the whole style, 1.

        Raises:
            UsageError: It needs styles and gets none, or the other way round.
        """
        ...


@runtime_checkable
class Encodes(Protocol):
    """Maps images to codes."""

    def encode(self, images: Tensor) -> Tensor:
        """Codes ``[n, latent]`` of images ``[n, C, H, W]`` in [-1, 1]."""
        ...


@runtime_checkable
class Classifies(Protocol):
    """Tells the class of an image."""

    def classify(self, images: Tensor) -> Tensor:
        """Logits ``[n, classes]`` of images ``[n, C, H, W]`` in [-1, 1]."""
        ...


def normal_latents(seed: int, indices: Iterable[int], size: int) -> Tensor:
    """``[n, size]`` standard normal latents; row i depends on (seed, index i) alone."""
    return torch.stack([torch.randn(size, generator=generator(seed, "sample", index)) for index in indices])


def to_range(images: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Images from [-1, 1] to ``value_range``."""
    low, high = value_range
    return images if (low, high) == (-1.0, 1.0) else images * ((high - low) / 2) + (high + low) / 2


def from_range(images: Tensor, value_range: tuple[float, float]) -> Tensor:
    """Images from ``value_range`` to [-1, 1]."""
    low, high = value_range
    return images if (low, high) == (-1.0, 1.0) else (images - (high + low) / 2) * (2 / (high - low))
