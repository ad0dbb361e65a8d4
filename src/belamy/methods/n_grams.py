"""N-grams: what follows is told by counts of what followed the same few symbols before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch, Dataset
from belamy.methods import base, char_lm
from belamy.methods.base import OPTIMIZERS, Turn
from belamy.methods.recipe import SCHEDULES
from belamy.networks.n_grams import NGrams
from belamy.registry import Part
from belamy.seeds import Draws


class Recipe(base.BaseRecipe):
    """N-grams with interpolated Kneser-Ney smoothing: a language model that is counted, in seconds."""

    data: str = "wordnet-phrases"
    """A named set of texts, a file with a text on each line, a folder of text files, or JSON lines."""
    modality: str | None = "text"
    """How texts are read: text, or with options, e.g. text:unit=words,vocabulary=5000."""
    order: int = Field(default=8, ge=1, le=32)
    """Symbols of the longest n-grams: what follows is told by so many less one."""
    conditional: bool = False
    """Write texts of a class that is asked for: each begins with a symbol of its class."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=0.05, beta1=0.9)
    """How the discounts learn."""
    schedule: Annotated[Part, SCHEDULES] = Part(name="cosine")
    """How the learning rate changes over the run."""
    train_samples: int = Field(default=20_000, gt=0, le=10**12)
    """Training texts by which the discounts learn; all texts are counted whatever it is."""

    @classmethod
    def tiny(cls) -> Self:
        """Few symbols, and discounts that learn quickly."""
        return cls(order=6, train_samples=96, batch=8, optimizer=Part(name="adam", lr=0.3, beta1=0.9))


class Method(char_lm.Method):
    """Training texts are counted before anything is learned; then the discounts learn what each symbol of a training
    text costs where it is itself left out of the counts.

    Probabilities are exact, and those of all texts of the length sum to 1.

    Departs from the papers: they estimate the discounts from the counts of counts, which approximates the optimum by
    leaving one out of the counts (Ney, Essen & Kneser 1994, "On structuring probabilistic dependences in stochastic
    language modelling", Computer Speech & Language 8); here its gradient is taken.

    References:
        Kneser & Ney 1995, "Improved backing-off for m-gram language modeling"; interpolated and with three discounts:
        Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling".

    Raises:
        UsageError: A conditional model of data without classes.
    """

    averaged: tuple[str, ...] = ()
    network: NGrams

    def built(self, recipe: Any, vocabulary: int) -> nn.Module:
        """The counts, empty."""
        return NGrams(vocabulary, self.symbols, recipe.order)

    def measure_data(self, data: Dataset) -> None:
        """Count the training texts."""
        train = data.indices("train")
        device = next(self.parameters()).device
        texts = self.texts(data.batch(train, device).main)
        labels = None if data.labels is None else data.labels[train].to(device)
        self.network.count(self.before(texts, labels), texts)

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """One turn."""
        batch = next(data)
        texts = self.texts(batch.main)
        yield self.turn(texts, self._nats(texts, batch.labels, leave_out=True))

    def nats(self, texts: Tensor, labels: Tensor | None = None) -> Tensor:
        """Minus the log-likelihood of each text, given its class if the model is conditional.  # [N, length] to [N]"""
        return self._nats(texts, labels)

    def _nats(self, texts: Tensor, labels: Tensor | None, leave_out: bool = False) -> Tensor:
        found = self.network.log_prob(self.before(texts, labels), texts, leave_out)
        return -found.masked_fill(texts == char_lm.PADDING, 0).sum(1)
