r"""A language model over characters, words or the events of music: each symbol is predicted from those before it.

.. math:: \ln p(x) = \sum_{t=1}^{T} \ln p(x_t \mid x_1 \dots x_{t-1})

*T* counts a text's symbols and its end; of a text cropped at the data's length there is no end. The probability of
padding is 0 before the end and 1 after it, so that over all rows of the length the probabilities sum to 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.losses.likelihood import chosen
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Ratio, Sampling, SamplingOption, Turn
from belamy.methods.recipe import SCHEDULES
from belamy.modalities.events import Events
from belamy.modalities.text import END, LARGEST, PADDING, UNKNOWN, vocabulary_of
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws, generator

NETWORKS = Registry("belamy.networks", "language model", "LanguageModel")
SAMPLING = {
    "temperature": SamplingOption(
        1.0, "Below 1 likelier and duller, above 1 bolder; 0 always takes the likeliest symbol.", least=0, most=100
    ),
    "top_k": SamplingOption(
        0, "Choose among so many likeliest symbols; 0 for all.", least=0, most=LARGEST, whole=True
    ),
    "top_p": SamplingOption(
        1.0, "Choose among the fewest likeliest symbols with this probability together (nucleus); 1 for all.",
        least=0, most=1,
    ),
}  # fmt: skip
"""What may be chosen when a text is written."""


class Recipe(base.BaseRecipe):
    """A language model of texts by characters or words (--modality text:unit=words,vocabulary=5000); or of music."""

    data: str = "wordnet-phrases"
    """A named set of texts, a file with a text on each line, a folder of text files, or JSON lines."""
    modality: str | None = "text"
    """How texts are read: text, or with options, e.g. text:unit=words,vocabulary=5000."""
    network: Annotated[Part, NETWORKS] = Part(name="gru")
    """The network that predicts what follows."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-3, beta1=0.9)
    """How it learns."""
    conditional: bool = False
    """Write texts of a class that is asked for: each begins with a symbol of its class, which is learned."""
    schedule: Annotated[Part, SCHEDULES] = Part(name="cosine")
    """How the learning rate changes over the run."""
    train_samples: int = Field(default=300_000, gt=0, le=10**12)
    """Training texts to see, repetitions counted: the length of the run."""
    clip_norm: float | None = Field(default=1.0, gt=0)
    """Scale the gradient down to this Euclidean norm."""

    @classmethod
    def tiny(cls) -> Self:
        """A small transformer on few phrases."""
        network = Part(name="causal-transformer", width=16, depth=1, heads=2)
        return cls(train_samples=160, batch=16, ema_half_life=16, network=network)


class Method(base.BaseMethod):
    """One player that minimises the nats of the next symbol.

    The term is a text's nats; its weight, 1 over the data's length, keeps the gradient's size apart from the length.
    Bits per character (or per word) are all bits of the texts over all their symbols, ends among them.

    A conditional model reads the symbol of a text's class where another reads the end of the text before.

    Music is read as a text of events; what is told of it is the likelihood of that text, of all that sound the same the
    usual one, so that a piece is at least as likely.

    References:
        Bengio et al. 2003, "A neural probabilistic language model", JMLR 3; a first symbol of the class: Keskar et al.
        2019, "CTRL", arXiv 1909.05858.

    Raises:
        UsageError: A conditional model of data without classes.
    """

    averaged: tuple[str, ...] = ("network",)
    sampling_options = SAMPLING
    nats_terms: tuple[str, ...] = ("model.nats",)
    likelihood: Literal["exact", "bound"] = "exact"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.events = Events.of(spec.field) if spec.modality == "music" else None
        self.length, self.symbols = spec.shape[0], len(spec.field.classes)
        if self.events is not None:
            self.length, self.symbols, self.likelihood = self.events.length, self.events.size, "bound"
        if recipe.conditional and not spec.classes:
            raise UsageError(
                "--conditional needs texts with classes, and these have none. Give a folder with a sub-folder for each "
                'class, or JSON lines with a "label"; or leave it out.'
            )
        self.classes = len(spec.classes) if recipe.conditional else 0
        self.network = self.built(recipe, self.symbols + self.classes)
        words = self.events is None and vocabulary_of(spec.field.classes).words
        self.measure = f"bits-per-{'event' if self.events else 'word' if words else 'character'}"

    def built(self, recipe: Any, vocabulary: int) -> nn.Module:
        """The network, new.

        Args:
            recipe: Says which.
            vocabulary: The symbols that it reads: those of texts, then those of classes.
        """
        made: nn.Module = NETWORKS.build(recipe.network, length=self.length, vocabulary=vocabulary)
        return made

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Texts or music."""
        return {"main": "text/music"}

    @property
    def players(self) -> dict[str, Player]:
        """One player, the network."""
        return {"model": Player(self.network, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Symbols."""
        return {"network": (torch.zeros(2, self.length, dtype=torch.long),)}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        batch = next(data)
        texts = self.texts(batch.main)
        yield self.turn(texts, self.nats(texts, batch.labels))

    def texts(self, values: Tensor) -> Tensor:
        """The symbols of what is learned from: texts as they are, or the events of music.  # [N, …] to [N, length]"""
        return values if self.events is None else self.events.symbols_of(values, self.spec.field)

    def turn(self, texts: Tensor, nats: Tensor) -> Turn:
        """The turn of a batch whose texts cost so many nats."""
        bits = nats.detach().sum() / (texts != PADDING).sum() / math.log(2)
        return Turn("model", {"nats": nats}, {"nats": 1 / self.length}, {self.measure: bits})

    def nats(self, texts: Tensor, labels: Tensor | None = None) -> Tensor:
        """Minus the log-likelihood of each text, given its class if the model is conditional.  # [N, length] to [N]"""
        logits = self._of_symbols(self.network(self.before(texts, labels)))
        each = cross_entropy(logits.transpose(1, 2), texts, ignore_index=PADDING, reduction="none")
        return each.sum(1)

    def before(self, texts: Tensor, labels: Tensor | None = None) -> Tensor:
        """What is read before each symbol of texts.  # [N, length]"""
        return torch.cat([self.start(texts, labels), texts[:, :-1]], 1)

    def start(self, like: Tensor, labels: Tensor | None = None) -> Tensor:
        """What is read before a text: the symbol of its class, or the end of another text.  # [N, 1] long

        Args:
            like: Anything of N rows where the symbols are to be.
            labels: The classes; only a conditional model looks at them.  # [N]

        Raises:
            UsageError: A conditional model is given none.
        """
        if not self.classes:
            return torch.full((len(like), 1), END, dtype=torch.long, device=like.device)
        if labels is None:
            raise UsageError(
                "This run's model is conditional, and these texts have no classes. Give texts with classes."
            )
        return self.symbols + labels[:, None]

    def _of_symbols(self, logits: Tensor) -> Tensor:
        """Logits of what a text may hold: neither padding nor the symbols of classes.  # [..., V]"""
        return possible(logits[..., : self.symbols] if self.classes else logits)

    def log_prob(self, batch: Batch, draws: SampleDraws | None = None) -> Tensor:
        """Log-likelihood of each text in nats, exact.  # [n]"""
        return -self.nats(self.texts(batch.main), batch.labels)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor | Ratio]:
        """Nats of a text, and bits per symbol, of which an end is one."""
        texts = self.texts(batch.main)
        nats = self.nats(texts, batch.labels)
        return {"loss": nats, self.measure: Ratio(nats / math.log(2), (texts != PADDING).to(nats.dtype).sum(1))}

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """Uniform numbers, one for each symbol: a text is a function of them.  # [n, length]"""
        return torch.stack([torch.rand(self.length, generator=generator(seed, "sample", index)) for index in indices])

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Texts from their beginning to their end, or music.  # [n, length] uniform to [n, length] symbols, or rolls

        Raises:
            UsageError: A number of steps is asked for.
        """
        if sampling is not None and sampling.steps is not None:
            raise UsageError("A text has a step for each of its symbols, so --steps chooses nothing. Leave it out.")
        written = self._written(self.start(latents, labels), latents, sampling)[:, 1:]
        return written if self.events is None else self.events.values_of(written)

    def continuation(self, prefix: Tensor, count: int, sampling: Sampling, labels: Tensor | None = None) -> Tensor:
        """Texts that begin with a prefix, until their end or ``count`` symbols more.  # [n, t] to [n, t + count]

        Args:
            prefix: Symbols, at least none.
            count: How many follow.
            sampling: Its streams choose them; options ``temperature``, ``top_k`` and ``top_p``.
            labels: The classes, if the model is conditional.  # [n]
        """
        chance = sampling.draws.uniform("continuation", len(prefix), count).to(prefix.device)
        return self._written(torch.cat([self.start(prefix, labels), prefix], 1), chance, sampling)[:, 1:]

    def _written(self, begun: Tensor, chance: Tensor, sampling: Sampling | None) -> Tensor:
        """Symbols after those that are there, one for each of ``chance``.  # [n, t], [n, count] to [n, t + count]"""
        options = sampling.options if sampling else {}
        temperature, top_p = options.get("temperature", 1.0), options.get("top_p", 1.0)
        top_k = int(options.get("top_k", 0))
        network: Any = self.network
        written, seen, state = [begun], begun, None
        ended = torch.zeros(len(begun), dtype=torch.bool, device=begun.device)
        for place in range(chance.shape[1]):
            logits, state = network.step(seen, state)
            following = pick(self._of_symbols(logits[:, -1]), chance[:, place], temperature, top_k, top_p)
            following = torch.where(ended, PADDING, following)
            ended = ended | (following == END)
            written.append(following[:, None])
            seen = torch.where(ended, END, following)[:, None]
            if sampling:
                sampling.report(place + 1, chance.shape[1])
        return torch.cat(written, 1)


def possible(logits: Tensor) -> Tensor:
    """Logits by which padding is impossible.  # [..., V]"""
    closed = torch.zeros(logits.shape[-1], dtype=torch.bool, device=logits.device)
    closed[PADDING] = True
    return logits.masked_fill(closed, -torch.inf)


def pick(logits: Tensor, chance: Tensor, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> Tensor:
    r"""The symbol at which the distribution function passes a uniform number; what is unknown is never written.

    References:
        The nucleus: Holtzman et al. 2020, "The curious case of neural text degeneration", arXiv 1904.09751, equation 2.

    Args:
        logits: Of the symbols.  # [n, V]
        chance: In [0, 1).  # [n]
        temperature: Divides the logits; 0 takes the likeliest symbol.
        top_k: Only among so many likeliest symbols; 0 for all.
        top_p: Only among the fewest likeliest symbols whose probabilities, at the temperature and among the ``top_k``,
            sum to this at least; the likeliest alone at 0.
    """
    logits = logits.double().clone()
    logits[:, UNKNOWN] = -torch.inf
    if temperature == 0:
        return logits.argmax(1)
    if 0 < top_k < logits.shape[1]:
        logits = logits.masked_fill(logits < logits.topk(top_k, 1).values[:, -1:], -torch.inf)
    if top_p < 1:
        ranked, order = (logits / temperature).softmax(1).sort(dim=1, descending=True, stable=True)
        outside = ranked.cumsum(1) - ranked >= top_p
        outside[:, 0] = False
        logits = logits.masked_fill(torch.zeros_like(outside).scatter(1, order, outside), -torch.inf)
    return chosen(logits, chance, temperature)
