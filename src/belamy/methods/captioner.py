r"""A captioner: says in words what a picture or a short film shows, and where it looked at for each word.

.. math::
    L = -\sum_{t=1}^{T} \ln p(y_t \mid y_{<t}, a) + \lambda \sum_i \Big(1 - \sum_{t=1}^{T} \alpha_{ti}\Big)^2
    - \mu \Big(\sum_{w \in y} \ln \sigma(m_w) + \sum_{w \notin y} \ln \sigma(-m_w)\Big)

*a* is what is seen at the places of the picture, :math:`\alpha_{ti}` the attention to place *i* at word *t*, and
:math:`m_w` tells whether the caption has the word *w* at all; Xu et al. have no such term (μ = 0).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from belamy.data import Batch
from belamy.data.captions import FIELD as CAPTION
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Ratio, Turn, WrittenCaptions
from belamy.methods.beam_search import FoundTexts, beam_search
from belamy.methods.char_lm import pick, possible
from belamy.methods.recipe import SCHEDULES
from belamy.methods.requirements import kind_of
from belamy.modalities.fields import Field as DataField
from belamy.modalities.text import END, PADDING, vocabulary_of
from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws

CAPTIONERS = Registry("belamy.networks", "captioner", "Captioner")


class Recipe(base.BaseRecipe):
    """A captioner: pictures or short films to text, with attention to places."""

    data: str = "avatars-32:captions=true"
    """Pictures or films with captions: a named set, or a folder with a text file beside each picture or a table."""
    network: Annotated[Part, CAPTIONERS] = Part(name="spatial-attention")
    """The network that looks and writes."""
    attention: float = Field(default=0.01, ge=0)
    """Factor of the doubly stochastic penalty, λ: over a caption each place is to get attention 1 in all."""
    mentioned: float = Field(default=3.0, ge=0)
    """Factor of the nats of which words a caption has at all, μ, of networks that tell it."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.9)
    """How it learns."""
    schedule: Annotated[Part, SCHEDULES] = Part(name="cosine")
    """How the learning rate changes over the run."""
    train_samples: int = Field(default=100_000, gt=0, le=10**12)
    """Training pictures to see, repetitions counted: the length of the run."""
    clip_norm: float | None = Field(default=1.0, gt=0)
    """Scale the gradient down to this Euclidean norm."""

    @classmethod
    def tiny(cls) -> Self:
        """A narrow network on few faces."""
        network = Part(name="spatial-attention", channels=16, width=16, embedding=8, keys=8)
        return cls(data="avatars-16:captions=true", network=network, train_samples=160, batch=16, ema_half_life=16)


class Method(base.BaseMethod):
    """One player that minimises the nats of the next word, given the words before it and the picture.

    Padding counts nothing in any term. The terms are those of a caption; the weights, 1, λ and μ over the data's
    length, keep the gradient's size apart from the length.

    References:
        Xu et al. 2015, "Show, attend and tell", arXiv 1502.03044, equation 14. Wu et al. 2016, "What value do explicit
        high level concepts have in vision to language problems?", arXiv 1506.01144, section 3.1: the words of captions
        as labels.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    averaged: tuple[str, ...] = ("network",)
    objective_terms = ("captioner.nats",)
    nats_terms: tuple[str, ...] = ("captioner.nats",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.written: DataField = spec.fields[CAPTION]
        self.length = self.written.shape[0]
        known = vocabulary_of(self.written.classes)
        self.measure = "bits-per-word" if known.words else "bits-per-character"
        self.network: Any = CAPTIONERS.build(recipe.network, shape=spec.shape, vocabulary=len(known))

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Pictures or films, as the network takes them, with captions."""
        return {"main": kind_of(CAPTIONERS, recipe.network), CAPTION: "text"}

    @property
    def players(self) -> dict[str, Player]:
        """One player, the network."""
        return {"captioner": Player(self.network, self.recipe.optimizer)}

    def networks(self) -> dict[str, nn.Module]:
        """The network."""
        return {"network": self.network}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Pictures and symbols."""
        return {"network": (self.spec.shape, torch.full((2, self.length), END))}

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        batch = next(data)
        nats, *others = self.losses(batch.main, batch[CAPTION])
        bits = nats.detach().sum() / (batch[CAPTION] != PADDING).sum() / math.log(2)
        factors = {"nats": 1.0, "attention": self.recipe.attention, "mentioned": self.recipe.mentioned}
        terms = dict(zip(factors, (nats, *others), strict=False))
        weights = {name: factors[name] / self.length for name in terms}
        yield Turn("captioner", terms, weights, {self.measure: bits})

    def losses(self, pictures: Tensor, captions: Tensor) -> tuple[Tensor, ...]:
        """The nats of each caption, how far attention is from being even, and, of networks that tell which symbols a
        caption has, the nats of that.  # [N, …], long [N, L] to [N] each"""
        captions = captions[:, : int((captions != PADDING).sum(1).max())]  # what only pads is not computed
        logits, attention, *mentioned = self.network(pictures, self.before(captions))
        nats = cross_entropy(possible(logits).transpose(1, 2), captions, ignore_index=PADDING, reduction="none").sum(1)
        said = (captions != PADDING)[..., None].to(attention)
        there = torch.zeros_like(logits[:, 0]).scatter(1, captions, 1.0)
        detected = [binary_cross_entropy_with_logits(each, there, reduction="none")[:, END + 1 :].sum(1)
                    for each in mentioned]  # fmt: skip
        return nats, (1 - (attention * said).sum(1)).square().sum(1), *detected

    @property
    def tells_evidence(self) -> bool:
        """Whether the network tells what speaks for a word."""
        return hasattr(self.network, "evidence")

    def before(self, captions: Tensor) -> Tensor:
        """What is read before each symbol of captions.  # long [N, L]"""
        return torch.cat([torch.full_like(captions[:, :1], END), captions[:, :-1]], 1)

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor | Ratio]:
        """Nats of a caption, and bits per word, of which an end is one."""
        nats = self.losses(batch.main, batch[CAPTION])[0]
        return {"loss": nats, self.measure: Ratio(nats / math.log(2), (batch[CAPTION] != PADDING).to(nats).sum(1))}

    def caption(
        self, pictures: Tensor, *, beams: int = 1, temperature: float = 0.0, draws: SampleDraws | None = None
    ) -> WrittenCaptions:
        """What pictures show, in words.

        Args:
            pictures: In [-1, 1].  # [n, *shape]
            beams: Beginnings that are kept in the search for the likeliest caption; 1 takes the likeliest word each
                time.
            temperature: Above 0 words are drawn instead: below 1 likelier ones, above 1 bolder ones.
            draws: Random streams of the drawn words.
        """
        seen = self.network.look(pictures)
        if temperature > 0:
            assert draws is not None
            chance = draws.uniform("caption", len(pictures), self.length).to(pictures.device)
            found = self._drawn(seen, chance, temperature)
        else:
            rows = type(seen)(*(each.repeat_interleave(beams, 0) for each in seen))
            found = beam_search(
                lambda last, state: self.network.step(rows, last, state)[::2],
                self.network.begin(rows), beams, self.length,
            )  # fmt: skip
        attention = self.network(pictures, self.before(found.symbols))[1]
        attention = attention.unflatten(2, self.network.grid)
        evidence = self.network.evidence(seen, found.symbols) if self.tells_evidence else None
        return WrittenCaptions(found.symbols, found.nats, attention, evidence)

    def _drawn(self, seen: Any, chance: Tensor, temperature: float) -> FoundTexts:
        """Captions whose words uniform numbers draw.  # [n, length]"""
        state, last = self.network.begin(seen), torch.full((len(chance),), END, device=chance.device)
        ended, symbols = torch.zeros_like(last, dtype=torch.bool), []
        nats = torch.zeros(len(chance), dtype=torch.float64, device=chance.device)
        for place in range(self.length):
            logits, _, state = self.network.step(seen, last, state)
            last = torch.where(ended, PADDING, pick(possible(logits), chance[:, place], temperature))
            cost = cross_entropy(possible(logits.double()), last, ignore_index=PADDING, reduction="none")
            nats, ended = nats + cost, ended | (last == END)
            symbols.append(last)
        return FoundTexts(torch.stack(symbols, 1), nats)
