"""N-grams: the counts and probabilities of Kneser-Ney, and each symbol left out of the counts by counting anew."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.batch import Batch
from belamy.data.dataset import Dataset, Memory
from belamy.evaluation.kneser_ney import KneserNey, symbols_of
from belamy.methods.base import Continues, Evaluates, HasLikelihood, Samples
from belamy.methods.n_grams import Method, Recipe
from belamy.modalities.fields import DataSpec, Field
from belamy.modalities.text import END, PADDING, SPECIAL
from belamy.seeds import SampleDraws

SYMBOLS = (*SPECIAL, "a", "b")
LENGTH = 5
ROWS = [[3, 4, END, 0, 0], [4, END, 0, 0, 0], [3, 4, 3, 4, 4], [END, 0, 0, 0, 0], [3, 4, 4, END, 0], [4, 4, 3, 3, END]]


@pytest.fixture
def texts() -> Dataset:
    """Texts of every length, two of them more than once."""
    data = Dataset("texts", Memory(torch.tensor(ROWS * 2 + ROWS[:2] * 9)), field=Field("text", (LENGTH,), SYMBOLS))
    assert len(data.indices("train")) == 27
    return data


def counted(texts: Dataset, order: int) -> Method:
    """A method with discounts of its own, no two alike."""
    method = Method(Recipe(order=order), texts.spec).double()
    method.measure_data(texts)
    method.network.held_back.data = torch.linspace(-1.5, 1.5, 3 * order, dtype=torch.float64).view(order, 3)
    return method


def ended() -> list[list[int]]:
    """All texts that have an end."""
    return [
        [*each, END, *[PADDING] * (LENGTH - 1 - size)]
        for size in range(LENGTH)
        for each in product((2, 3, 4), repeat=size)
    ]


@pytest.mark.parametrize("order", [1, 2, 3, 5, 8])
def test_probabilities_are_those_of_kneser_and_ney(texts: Dataset, order: int) -> None:
    """Of the texts that were counted and of all others, where the discounts are the same."""
    method = counted(texts, order)
    known = KneserNey(symbols_of(texts.store.read(texts.indices("train"))), len(SYMBOLS) - 1, order)
    for length, level in enumerate(known._levels):
        shares = torch.tensor(level.discounts, dtype=torch.float64) / torch.arange(1, 4)
        method.network.held_back.data[length] = shares.logit()
    every = ended()
    wanted = [-known.log_prob(text) for text in symbols_of(torch.tensor(every))]
    found = method.nats(torch.tensor(every)).detach()
    torch.testing.assert_close(found, torch.tensor(wanted, dtype=torch.float64), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_probabilities_of_all_texts_sum_to_one(texts: Dataset, order: int) -> None:
    method = counted(texts, order)
    whole = [list(each) for each in product((2, 3, 4), repeat=LENGTH)]
    every = torch.tensor([*whole, *ended()])
    chances = method.log_prob(Batch({"text": every}, torch.arange(len(every))), SampleDraws(0, [])).exp()
    assert float(chances.detach().sum()) == pytest.approx(1, abs=1e-12)
    told = method.network(torch.tensor([[END, 3, 4, 4, 2]])).exp().sum(2).detach()
    torch.testing.assert_close(told, torch.ones(1, 5, dtype=torch.float64))
    assert isinstance(method, Samples) and isinstance(method, Evaluates)
    assert isinstance(method, HasLikelihood) and isinstance(method, Continues) and method.likelihood == "exact"


def grams(row: list[int], order: int) -> list[tuple[int, ...]]:
    """The longest n-gram that each symbol of a text ends."""
    whole = [END, *(each for each in row if each != PADDING)]
    return [tuple(whole[max(end - order + 1, 0) : end + 1]) for end in range(1, len(whole))]


def told(longest: Counter[tuple[int, ...]], gram: tuple[int, ...], order: int, discounts: Tensor) -> Tensor:
    """p(last symbol | those before) from counts of the longest n-grams, as the formula says."""
    levels: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order + 1)]
    for each, count in longest.items():
        levels[len(each)][each] += count
    for length in range(order, 1, -1):
        for each in levels[length]:
            levels[length - 1][each[1:]] += 1
    chance = torch.tensor(1 / (len(SYMBOLS) - 1), dtype=torch.float64)
    for length in range(1, len(gram) + 1):
        *history, symbol = gram[-length:]
        followed: dict[int, int] = defaultdict(int)
        for each, count in levels[length].items():
            if list(each[:-1]) == history:
                followed[each[-1]] += count
        if followed:
            taken = {key: discounts[length - 1, min(count, 3) - 1] for key, count in followed.items()}
            own = followed[symbol] - taken[symbol] if symbol in taken else 0
            chance = (own + sum(taken.values()) * chance) / sum(followed.values())
    return chance


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_one_step_counts_all_but_the_symbol_itself(
    stage: Callable[..., Any], check: Callable[..., None], texts: Dataset, order: int
) -> None:
    made = stage(Recipe(order=order, batch=9, train_samples=90, clip_norm=None), texts)
    network = made.method.network
    network.held_back.data = torch.linspace(-1, 2, 3 * order, dtype=torch.float64).view(order, 3)
    longest = Counter(each for row in texts.store.read(texts.indices("train")).tolist() for each in grams(row, order))
    batch = next(made.batches)

    def costs(row: list[int]) -> Tensor:
        logs = [told(longest - Counter([each]), each, order, network.discounts).log() for each in grams(row, order)]
        return -torch.stack(logs).sum()

    nats = torch.stack([costs(row) for row in batch.main.tolist()])
    turn = next(iter(made.turns()))
    check(turn, "model", network, {"nats": nats}, {"nats": 1 / LENGTH})
    bits = nats.sum() / math.log(2) / int((batch.main != PADDING).sum())
    torch.testing.assert_close(turn[0].signals["bits-per-character"], bits.detach())


@pytest.mark.parametrize("order", [1, 2, 4])
def test_reading_in_pieces_is_reading_at_once(texts: Dataset, order: int) -> None:
    network, tokens = counted(texts, order).network, torch.tensor([[END, 3, 4, 3, 4], [END, 4, 4, 3, 3]])
    whole, state, pieces = network(tokens), None, []
    for piece in tokens.split([2, 1, 2], 1):
        logits, state = network.step(piece, state)
        pieces.append(logits)
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=0, atol=1e-12)
    picked = whole[:, :-1].gather(2, tokens[:, 1:, None])[..., 0]
    torch.testing.assert_close(picked, network.log_prob(tokens, tokens.roll(-1, 1))[:, :-1])


def test_counts_come_back_with_the_weights(texts: Dataset) -> None:
    method, rows = counted(texts, 4), torch.tensor(ROWS)
    other = Method(Recipe(order=4), texts.spec).double()
    unseen = other.nats(rows).detach()
    torch.testing.assert_close(unseen, (rows != PADDING).sum(1).double() * math.log(4))  # nothing counted: all alike
    other.load_state_dict({name: table.clone() for name, table in method.state_dict().items()})
    assert torch.equal(other.nats(rows), method.nats(rows))


def test_written_texts_have_the_probabilities(texts: Dataset) -> None:
    method = counted(texts, 3)
    drawn = method.generate(method.latents(0, range(3000)))
    kinds, counts = drawn.unique(dim=0, return_counts=True)
    first, second = (method.network(torch.full((1, 1), END))[0, -1].exp().detach()[[END, 3, 4]] for _ in range(2))
    assert torch.equal(first, second)
    share = torch.stack([(drawn[:, 0] == symbol).double().mean() for symbol in (END, 3, 4)])
    torch.testing.assert_close(share, first / first.sum(), atol=0.04, rtol=0)
    assert int(counts.sum()) == 3000 and len(kinds) > 10


def test_a_class_is_the_first_symbol(texts: Dataset) -> None:
    """Of class 0 only texts of a, of class 1 only texts of b."""
    rows = torch.tensor([[3, 3, END, 0, 0], [4, 4, END, 0, 0]] * 20)
    data = Dataset(
        "texts", Memory(rows), field=Field("text", (LENGTH,), SYMBOLS), labels=torch.arange(40) % 2, classes=["a", "b"]
    )  # fmt: skip
    method = Method(Recipe(order=4, conditional=True), DataSpec(data.spec.fields)).double()
    method.measure_data(data)
    right, wrong = (method.nats(rows[:2], labels).detach() for labels in (torch.tensor([0, 1]), torch.tensor([1, 0])))
    assert (right + 1 < wrong).all()
