r"""ScratchGAN: a language model that learns by REINFORCE from a discriminator's reward of each symbol.

.. math::
    r_t = 2 \sigma(D(x_t \mid x_{<t})) - 1, \qquad R_t = \sum_{s \ge t} \gamma^{s - t} r_s, \qquad
    \nabla = \mathbb E \sum_t (R_t - b) \nabla \ln p(x_t \mid x_{<t})
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from belamy.data import Batch
from belamy.methods import char_lm
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.methods.recipe import SCHEDULES
from belamy.modalities.text import PADDING, UNKNOWN
from belamy.processes import gather
from belamy.registry import Part
from belamy.seeds import Draws


class Recipe(char_lm.Recipe):
    """A language model that learns in a game, from nothing or (--start-from) from a run of char-lm."""

    starts_from: ClassVar[str] = "char-lm"

    discriminator: Annotated[Part, char_lm.NETWORKS] = Part(name="gru")
    """The network whose numbers for the symbol that follows are its scores."""
    discount: float = Field(default=0.9, ge=0, le=1)
    """γ: how much the reward of a symbol counts for each that stands one place earlier."""
    rollouts: int = Field(default=0, ge=0, le=1024)
    """Ways in which a text is written on from each of its symbols, whose mean reward counts in place of what happened
    to follow (Monte Carlo search, SeqGAN); 0 for none. Each costs a step as many texts as a text has symbols."""
    baseline_decay: float = Field(default=0.9, ge=0, lt=1)
    """How much of the moving average of the returns stays at each step."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.5)
    """How the generator learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.5)
    """How the discriminator learns."""
    schedule: Annotated[Part, SCHEDULES] = Part(name="constant")
    """How the learning rates change over the run."""
    batch: int = Field(default=256, gt=0, le=65536)
    """Samples per step, over all processes together; many, since the gradient is noisy."""

    @classmethod
    def tiny(cls) -> Self:
        """Two small networks on few phrases."""
        network = Part(name="gru", width=12, embedding=6)
        return super().tiny().changed(network=network, discriminator=network)


class Method(char_lm.Method):
    r"""Two players: the discriminator scores each symbol of a text given those before, the generator writes.

    .. math:: L_D = \sum_t \operatorname{softplus}(-D(x_t \mid x_{<t}))
              + \sum_t \operatorname{softplus}(D(\tilde x_t \mid \tilde x_{<t})), \qquad
              L_G = \sum_t (R_t - b) (-\ln p(\tilde x_t \mid \tilde x_{<t}))

    Sums run to a text's end; b is a moving average of the returns R of all symbols. With γ = 1 the mean of the
    gradient is that of the expected sum of rewards, exactly. The generator is a language model like any other: it has
    an exact likelihood, and it goes on with texts.

    SeqGAN's order, maximum likelihood first, is ``belamy train scratchgan --start-from RUN`` with a run of ``char-lm``.
    With ``rollouts``, its Monte Carlo search: what follows a symbol is the mean over N texts that the generator writes
    on from there, so that R is an estimate of the symbol's action value,

    .. math:: R_t = r_t + \gamma \frac 1 N \sum_{n=1}^N \sum_{s > t} \gamma^{s - t - 1} r_s^{(n)}, \qquad
              \tilde x^{(n)}_{> t} \sim p(\cdot \mid \tilde x_{\le t})

    It has the same mean as the return of the text alone, and a lower variance the more rollouts there are.

    *Departs from the papers*: the discriminator is a language model, whose number for the symbol that follows is its
    score; there is neither its regularisation nor layer normalisation. Rollouts are rewarded symbol by symbol too,
    where SeqGAN's discriminator judges whole texts alone, and the generator as it is writes them. What is unknown is
    never written, so it has no probability in the game.

    References:
        De Masson d'Autume et al. 2019, "Training language GANs from scratch", arXiv 1905.09922; Yu et al. 2017,
        "SeqGAN", arXiv 1609.05473, equations 3 and 4 (the search); Williams 1992 (REINFORCE).

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.

    Raises:
        UsageError: A conditional model of data without classes.
    """

    nats_terms = ()

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        given = {"length": self.length, "vocabulary": self.symbols + self.classes}
        self.discriminator: nn.Module = char_lm.NETWORKS.build(recipe.discriminator, **given)
        self.baseline: Tensor
        self.register_buffer("baseline", torch.zeros(()))

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Texts."""
        return {"main": "text"}

    @property
    def players(self) -> dict[str, Player]:
        """Discriminator and generator."""
        return {
            "discriminator": Player(self.discriminator, self.recipe.discriminator_optimizer),
            "generator": Player(self.network, self.recipe.optimizer),
        }

    @property
    def undivided(self) -> str:
        """The moving average follows whole batches."""
        return "the moving average of the returns follows the batch as a whole"

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Symbols."""
        return dict.fromkeys(("network", "discriminator"), super().inputs()["network"])

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """The discriminator's turn, then the generator's on the same texts."""
        batch = next(data)
        labels = batch.labels
        with torch.no_grad():
            chance = draw.uniform("symbols", len(batch), self.length)
            texts = self._written(self.start(chance, labels), chance, None)[:, 1:]
        real, fake = self.scores(batch.main, labels), self.scores(texts, labels)
        terms = {
            "adversarial-real": (softplus(-real) * told(batch.main)).sum(1),
            "adversarial-fake": (softplus(fake) * told(texts)).sum(1),
        }
        signals = {"real": mean_told(real.detach(), batch.main), "fake": mean_told(fake.detach(), texts)}
        yield Turn("discriminator", terms, dict.fromkeys(terms, 1 / self.length), signals)
        found = self.searched(texts, draw, labels)
        average = mean_told(found, texts)
        yield Turn(
            "generator",
            {"reinforce": self.reinforced(texts, found, labels)},
            {"reinforce": 1 / self.length},
            {"return": average, "symbols": told(texts).double().sum(1)},
        )
        decay = self.recipe.baseline_decay
        self.baseline = decay * self.baseline + (1 - decay) * gather(average.mean()).mean()

    def scores(self, texts: Tensor, labels: Tensor | None = None) -> Tensor:
        """How real each symbol is given those before it: logits.  # long [N, length] to [N, length]"""
        logits: Tensor = self.discriminator(self.before(texts, labels))
        return logits.gather(2, texts[..., None]).squeeze(2)

    @torch.no_grad()
    def searched(self, texts: Tensor, draw: Draws, labels: Tensor | None = None) -> Tensor:
        """The returns of symbols; with rollouts, what follows each is the mean of what might.  # [N, length]

        Args:
            texts: Written by the generator.  # long [N, length]
            draw: The stream ``rollouts`` chooses what might follow.
            labels: The classes, if the model is conditional.  # [N]
        """
        scores, times = self.scores(texts, labels), self.recipe.rollouts
        if not times:
            return returns(scores, texts, self.recipe.discount)
        found, there = returns(scores, texts, 0.0), told(texts)
        classes = None if labels is None else labels.repeat_interleave(times)
        for place in range(self.length - 1):
            begun = texts[:, : place + 1].repeat_interleave(times, 0)
            chance = draw.uniform("rollouts", len(texts), times, self.length - 1 - place).flatten(0, 1)
            whole = self._written(torch.cat([self.start(begun, classes), begun], 1), chance, None)[:, 1:]
            after = returns(self.scores(whole, classes), whole, self.recipe.discount)[:, place + 1]
            found[:, place] += self.recipe.discount * after.unflatten(0, (-1, times)).mean(1) * there[:, place + 1]
        return found

    def reinforced(self, texts: Tensor, found: Tensor, labels: Tensor | None = None) -> Tensor:
        """What the generator minimises: the nats of each symbol times the advantage of what followed.  # [N]

        Args:
            texts: Written by the generator.  # long [N, length]
            found: The returns of their symbols.  # [N, length]
            labels: The classes, if the model is conditional.  # [N]
        """
        logits = self._of_symbols(self.network(self.before(texts, labels)))
        unknown = torch.arange(logits.shape[2], device=logits.device) == UNKNOWN
        logits = logits.masked_fill(unknown, -torch.inf)
        nats = cross_entropy(logits.transpose(1, 2), texts, ignore_index=PADDING, reduction="none")
        return ((found - self.baseline) * nats).sum(1)


def returns(scores: Tensor, texts: Tensor, discount: float) -> Tensor:
    """Discounted sums of the rewards from each symbol on; a reward is the score's probability, from -1 to 1.

    Args:
        scores: Logits.  # [N, length]
        texts: What they are of; padding has no reward.  # long [N, length]
        discount: How much a reward counts one place earlier.

    Example:
        >>> returns(torch.tensor([[100.0, -100.0, 0.0]]), torch.tensor([[5, 1, 0]]), 0.5)
        tensor([[ 0.5000, -1.0000,  0.0000]])
    """
    rewards = (2 * scores.sigmoid() - 1) * told(texts)
    found, after = [], torch.zeros_like(rewards[:, 0])
    for reward in rewards.flip(1).unbind(1):
        after = reward + discount * after
        found.append(after)
    return torch.stack(found, 1).flip(1)


def told(texts: Tensor) -> Tensor:
    """Where a text has a symbol or its end.  # long [N, length] to bool"""
    return texts != PADDING


def mean_told(values: Tensor, texts: Tensor) -> Tensor:
    """Means over the symbols of each text.  # [N, length] to [N]"""
    there = told(texts)
    return (values * there).sum(1) / there.sum(1).clamp_min(1)
