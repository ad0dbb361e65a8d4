"""ScratchGAN's step in float64, and REINFORCE's mean gradient against the exact one over every text of three places."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.dataset import Dataset, Memory
from belamy.methods.base import Continues, Evaluates, HasLikelihood, Samples
from belamy.methods.scratchgan import Method, Recipe, returns
from belamy.modalities.fields import LABEL, DataSpec, Field
from belamy.modalities.text import END, PADDING, SPECIAL, UNKNOWN
from belamy.registry import Part

LENGTH, BATCH, DISCOUNT = 3, 5, 0.7
SYMBOLS = (*SPECIAL, "a", "b")
FIELD = Field("text", (LENGTH,), SYMBOLS)
SMALL = Part(name="gru", width=5, embedding=3, dropout=0.0)


def small(**fields: Any) -> Recipe:
    settings = {"network": SMALL, "discriminator": SMALL, "batch": BATCH, "train_samples": 500, "clip_norm": None}
    return Recipe.parse({**settings, "discount": DISCOUNT, "baseline_decay": 0.75, **fields})


@pytest.fixture
def texts() -> Dataset:
    rows = [[3, 4, END], [4, END, PADDING], [3, 4, 3], [END, 0, 0], [3, 3, 4]]
    return Dataset("texts", Memory(torch.tensor(rows * 4)), field=FIELD)


def every_text() -> Tensor:
    """All that can be written: of 0 to 2 letters and an end, or of 3."""
    found = [list(each) for each in product((3, 4), repeat=LENGTH)]
    for letters in range(LENGTH):
        tail = [END] + [PADDING] * (LENGTH - letters - 1)
        found += [[*each, *tail] for each in product((3, 4), repeat=letters)]
    return torch.tensor(found)


def chances(network: Any, text: list[int], first: int = END) -> list[Tensor]:
    """Logarithms of the probabilities of a text's symbols, of those that may be written."""
    found = []
    for place, symbol in enumerate(text):
        if symbol == PADDING:
            break
        logits = network(torch.tensor([[first, *text[:place]]]))[0, -1]
        found.append(logits[symbol] - logits[[END, 3, 4]].logsumexp(0))
    return found


def judged(network: Any, text: list[int], first: int = END) -> list[Tensor]:
    """The discriminator's scores of a text's symbols."""
    places = range(sum(symbol != PADDING for symbol in text))
    return [network(torch.tensor([[first, *text[:place]]]))[0, -1][text[place]] for place in places]


def test_a_step(stage: Any, check: Any, texts: Dataset) -> None:
    """De Masson d'Autume et al. 2019: the game by symbols, then rewards from the discriminator that has learned."""
    made = stage(small(), texts)
    critic, network = made.method.discriminator, made.method.network
    made.method.baseline.fill_(0.2)
    chance = made.numbers().uniform("symbols", BATCH, LENGTH)
    drawn = made.method.generate(chance).tolist()
    real = next(made.batches).main.tolist()
    turns = made.turns()
    played = next(turns)
    soft = torch.nn.functional.softplus
    terms = {
        "adversarial-real": torch.stack([sum(soft(-score) for score in judged(critic, text)) for text in real]),
        "adversarial-fake": torch.stack([sum(soft(score) for score in judged(critic, text)) for text in drawn]),
    }
    check(played, "discriminator", critic, terms, dict.fromkeys(terms, 1 / LENGTH))
    played = next(turns)
    losses, means = [], []
    for text in drawn:
        rewards = [2 * score.detach().sigmoid() - 1 for score in judged(critic, text)]
        sums = [
            sum(DISCOUNT ** (later - place) * rewards[later] for later in range(place, len(rewards)))
            for place in range(len(rewards))
        ]
        losses.append(sum((each - 0.2) * -log for each, log in zip(sums, chances(network, text), strict=True)))
        means.append(sum(sums) / len(sums))
    check(played, "generator", network, {"reinforce": torch.stack(losses)}, {"reinforce": 1 / LENGTH})
    assert next(turns, None) is None
    wanted = 0.75 * 0.2 + 0.25 * torch.stack(means).mean()
    torch.testing.assert_close(made.method.baseline, wanted)


@pytest.mark.parametrize("conditional", [False, True])
def test_the_mean_of_the_gradient_is_exact(conditional: bool) -> None:
    """Of undiscounted rewards, whatever the baseline: the gradient of the expected sum over all texts."""
    torch.manual_seed(1)
    label = {LABEL: Field("category", (), ("x", "y"))} if conditional else {}
    method = Method(small(discount=1.0, conditional=conditional), DataSpec({"text": FIELD, **label})).double()
    for parameter in method.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    every = every_text()
    labels = torch.ones(len(every), dtype=torch.long) if conditional else None
    first = len(SYMBOLS) + 1 if conditional else END
    scores = method.scores(every, labels).detach()
    for text, row in zip(every.tolist(), scores, strict=True):
        told = torch.stack(judged(method.discriminator, text, first)).detach()
        torch.testing.assert_close(row[: len(told)], told)
    logs = torch.stack([sum(chances(method.network, text, first)) for text in every.tolist()])
    torch.testing.assert_close(logs.exp().sum(), torch.ones((), dtype=torch.float64))
    rewards = ((2 * scores.sigmoid() - 1) * (every != PADDING)).sum(1)
    exact = torch.autograd.grad((logs.exp() * rewards).sum(), list(method.network.parameters()))
    assert max(float(each.abs().max()) for each in exact) > 1e-3
    for baseline in (0.0, 0.4):
        method.baseline.fill_(baseline)
        losses = method.reinforced(every, returns(scores, every, 1.0), labels)
        found = torch.autograd.grad((logs.exp().detach() * losses).sum(), list(method.network.parameters()))
        for mine, wanted in zip(found, exact, strict=True):
            torch.testing.assert_close(mine, -wanted, rtol=1e-9, atol=1e-12)


class GridOfChances:
    """Uniform numbers whose rollouts lie evenly in the unit cube."""

    def uniform(self, stream: str, count: int, rollouts: int, places: int) -> Tensor:
        each = round(rollouts ** (1 / places))
        points = (torch.arange(each, dtype=torch.float64) + 0.5) / each
        even = torch.cartesian_prod(*[points] * places).view(-1, places)
        return even.expand(count, -1, -1)


@pytest.mark.parametrize("conditional", [False, True])
def test_rollouts_find_the_values_of_symbols(conditional: bool) -> None:
    """Yu et al. 2017, equation 4: the mean over what may follow, against the sum over all texts that begin alike."""
    torch.manual_seed(2)
    label = {LABEL: Field("category", (), ("x", "y"))} if conditional else {}
    recipe = small(rollouts=30**2, conditional=conditional)
    method = Method(recipe, DataSpec({"text": FIELD, **label})).double()
    for parameter in method.parameters():
        parameter.data += 0.4 * torch.randn_like(parameter)
    every = every_text()
    labels = torch.ones(len(every), dtype=torch.long) if conditional else None
    first = len(SYMBOLS) + 1 if conditional else END
    law = torch.stack([sum(chances(method.network, text, first)) for text in every.tolist()]).exp().detach()
    sums = returns(method.scores(every, labels), every, DISCOUNT).detach()
    wanted = torch.zeros_like(sums)
    for text, row in zip(every, wanted, strict=True):
        for place in range(int((text != PADDING).sum())):
            alike = (every[:, : place + 1] == text[: place + 1]).all(1)
            row[place] = (law[alike] * sums[alike, place]).sum() / law[alike].sum()
    assert float((wanted - sums).abs().max()) > 0.1
    torch.testing.assert_close(method.searched(every, GridOfChances(), labels), wanted, rtol=0, atol=0.03)


def test_rollouts_are_rewards_in_a_step(stage: Any, texts: Dataset) -> None:
    """The last symbol's return is its own reward; the others' have what was drawn for them."""
    made = stage(small(rollouts=2), texts)
    chance = made.numbers().uniform("symbols", BATCH, LENGTH)
    drawn = made.method.generate(chance)
    turns = made.turns()
    next(turns)
    played, _ = next(turns)  # the discriminator has learned
    found = made.method.searched(drawn, made.numbers())
    plain = returns(made.method.scores(drawn), drawn, DISCOUNT).detach()
    mean = torch.stack([row[text != PADDING].mean() for row, text in zip(found, drawn, strict=True)])
    torch.testing.assert_close(played.signals["return"], mean)
    torch.testing.assert_close(found[:, -1], plain[:, -1])
    assert not torch.allclose(found, plain)


def test_returns_are_discounted_sums() -> None:
    scores = torch.tensor([[1e3, -1e3, 0.0, 1e3], [-1e3, 5.0, 5.0, 5.0]])
    texts = torch.tensor([[3, 4, 3, END], [END, 0, 0, 0]])
    wanted = torch.tensor([[1 - 0.5 + 0 + 0.125, -1 + 0.25, 0.5, 1], [-1, 0, 0, 0]])
    torch.testing.assert_close(returns(scores, texts, 0.5), wanted)
    assert torch.equal(returns(scores, texts, 0.0)[0], torch.tensor([1.0, -1, 0, 1]))


def test_it_is_a_language_model_too(texts: Dataset) -> None:
    method = Method(small(), DataSpec({"text": FIELD}))
    assert isinstance(method, Samples) and isinstance(method, Continues) and isinstance(method, Evaluates)
    assert isinstance(method, HasLikelihood) and method.likelihood == "exact"
    assert not (method.generate(torch.rand(200, LENGTH)) == UNKNOWN).any()
