r"""word2vec: vectors of words by which a word tells the words around it (skip-gram with negative sampling).

.. math:: -\ln \sigma(v_w \cdot u_c) - \sum_{i=1}^{k} \ln \sigma(-v_w \cdot u_{n_i}), \qquad n_i \sim P \propto
    \text{count}^{3/4}

for each word *w* and each word *c* at most *b* places from it, *b* uniform on 1 … ``window``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NamedTuple, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from belamy.data import Batch, Dataset
from belamy.errors import UsageError
from belamy.methods import base
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.methods.recipe import SCHEDULES
from belamy.modalities.text import SPECIAL, vocabulary_of
from belamy.networks.skip_gram import SkipGram
from belamy.registry import Part
from belamy.seeds import Draws

POWER = 0.75
"""Of the counts, in the law of negative samples."""


class Recipe(base.BaseRecipe):
    """Vectors of words by the words around them: skip-gram with negative sampling."""

    data: str = "wordnet-phrases"
    """A named set of texts, a file with a text on each line, a folder of text files, or JSON lines."""
    modality: str | None = "text:unit=words"
    """How texts are read: by words; more options follow, e.g. text:unit=words,vocabulary=5000,lowercase=true."""
    latent: int = Field(default=100, ge=1, le=4096)
    """Numbers of a word's vector."""
    window: int = Field(default=5, ge=1, le=64)
    """Places to each side at most where the words are that a word tells."""
    negatives: int = Field(default=5, ge=1, le=64)
    """Words drawn beside each true one, k."""
    subsample: float = Field(default=3e-4, gt=0, le=1)
    """A word of a larger share of the texts, f, is left out with probability 1 - sqrt(subsample / f)."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-2, beta1=0.9)
    """How vectors learn."""
    schedule: Annotated[Part, SCHEDULES] = Part(name="linear")
    """How the learning rate changes over the run."""
    train_samples: int = Field(default=200_000, gt=0, le=10**12)
    """Training texts to see, repetitions counted: the length of the run."""

    @classmethod
    def tiny(cls) -> Self:
        """Short vectors, learned quickly."""
        optimizer = Part(name="adam", lr=0.05, beta1=0.9)
        return cls(latent=8, window=2, negatives=2, train_samples=160, batch=16, optimizer=optimizer, subsample=0.1)


class Pairs(NamedTuple):
    """Words and the words around them.

    Args:
        words: Each word.  # [P] long
        contexts: A word near it.  # [P] long
        texts: The text that both are of.  # [P] long
        places: Where the pair stands among all that might be, for what is drawn for it.  # [P] long
    """

    words: Tensor
    contexts: Tensor
    texts: Tensor
    places: Tensor


class Method(base.BaseMethod):
    """One player, the vectors of words and of contexts.

    The term is the sum over a text's pairs. Words that are left out leave no gap; what is unknown is no word; a
    negative sample that is the true word counts nothing, as in the published program.

    Departs from the paper: Adam on batches of texts in place of one step of gradient descent for each pair.

    References:
        Mikolov et al. 2013, arXiv 1310.4546, equations 4 and 5, section 2.2 (the power); windows: Mikolov et al. 2013,
        arXiv 1301.3781, section 3.2.

    Raises:
        UsageError: The symbols of the texts are characters.
    """

    objective_terms = ("model.pairs",)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        if not vocabulary_of(spec.field.classes).words:
            raise UsageError(
                "word2vec learns of words, and these texts are read by characters. Type --modality text:unit=words"
            )
        self.length = spec.shape[0]
        self.network = SkipGram(len(spec.field.classes), recipe.latent)

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Texts."""
        return {"main": "text"}

    @property
    def players(self) -> dict[str, Player]:
        """One player."""
        return {"model": Player(self.network, self.recipe.optimizer)}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Pairs of words."""
        some = torch.zeros(2, self.length, dtype=torch.long)
        return {"network": (some, some)}

    def measure_data(self, data: Dataset) -> None:
        """Count the words of the training texts."""
        train = data.store.read(data.indices("train")).flatten()
        self.network.counts += train.bincount(minlength=len(self.network.counts)).to(self.network.counts)
        self.network.counts[: len(SPECIAL)] = 0
        if not int(self.network.counts.sum()):
            raise UsageError("No training text has a word that is known. Give other texts, or a larger vocabulary.")

    def kept(self, texts: Tensor) -> Tensor:
        """The probability that each word stays, equation 5; 0 of what is none.  # [N, length]"""
        shares = self.network.counts[texts] / self.network.counts.sum()
        return (self.recipe.subsample / shares).sqrt().clamp(max=1) * (shares > 0)

    def pairs(self, texts: Tensor, draw: Draws) -> Pairs:
        """The words that stay, with those in their windows.  # [N, length]"""
        count, length = texts.shape
        there = draw.uniform("stays", count, length) < self.kept(texts)
        order = there.logical_not().long().argsort(dim=1, stable=True)
        words, there = texts.gather(1, order), there.gather(1, order)
        reach = 1 + (draw.uniform("window", count, length) * self.recipe.window).long()
        numbers = torch.arange(count * length, device=texts.device).view(count, length)
        found = []
        for far in range(1, min(self.recipe.window, length - 1) + 1):
            both = there[:, :-far] & there[:, far:]
            left, right = (slice(None), slice(None, -far)), (slice(None), slice(far, None))
            for side, (word, context) in enumerate(((left, right), (right, left))):
                chosen = both & (reach[word] >= far)
                place = numbers[word] * 2 * self.recipe.window + 2 * (far - 1) + side
                rows = numbers[word] // length
                found.append([each[chosen] for each in (words[word], words[context], rows, place)])
        return Pairs(*(torch.cat(each) for each in zip(*found, strict=True)))

    def nats(self, texts: Tensor, draw: Draws) -> Tensor:
        """The sum of the loss over each text's pairs.  # [N, length] to [N]"""
        pairs, (count, length) = self.pairs(texts, draw), texts.shape
        chances = draw.uniform("negatives", count, length * 2 * self.recipe.window, self.recipe.negatives)
        law = self.network.counts.double().pow(POWER).cumsum(0)
        drawn = torch.searchsorted(law / law[-1], chances.flatten(0, 1)[pairs.places].double(), right=True)
        drawn = drawn.clamp(max=len(law) - 1)
        true = softplus(-self.network(pairs.words, pairs.contexts))
        false = softplus(self.network(pairs.words[:, None], drawn)) * (drawn != pairs.contexts[:, None])
        return true.new_zeros(count).index_add(0, pairs.texts, true + false.sum(1))

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        yield Turn("model", {"pairs": self.nats(next(data).main, draw)}, {"pairs": 1 / self.length})

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The loss of each text, as in training."""
        return {"loss": self.nats(batch.main, draw)}

    def encode(self, texts: Tensor) -> Tensor:
        """The mean of a text's words' vectors; 0 where none is known.  # [n, length] to [n, latent]"""
        known = (texts >= len(SPECIAL)).to(self.network.words)
        return (self.network.words[texts] * known[..., None]).sum(1) / known.sum(1, keepdim=True).clamp(min=1)

    def word_vectors(self) -> Tensor:
        """The vectors of all words, those of what is none among them.  # [V, latent]"""
        return self.network.words.detach()
