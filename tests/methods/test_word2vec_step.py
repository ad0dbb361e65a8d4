"""word2vec: pairs, negative samples and their loss as written, and vectors that tell analogies apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.dataset import Dataset, Memory
from belamy.editing.analogies import nearest_words
from belamy.editing.expressions import parse
from belamy.errors import UsageError
from belamy.methods.word2vec import Method, Recipe
from belamy.methods.word_vectors import HasWordVectors
from belamy.modalities.fields import Field
from belamy.modalities.text import END, SPECIAL, UNKNOWN
from belamy.seeds import Draws

SYMBOLS = (*SPECIAL, " a", " b", " c", " d")
ROWS = [[3, 4, 5, 6, END], [3, 3, UNKNOWN, 4, END], [5, END, 0, 0, 0], [6, 3, 5, 3, 3]]
DOUBLE = torch.float64


@pytest.fixture
def texts() -> Dataset:
    return Dataset("texts", Memory(torch.tensor(ROWS * 5)), field=Field("text", (5,), SYMBOLS))


def sigmoid(value: Tensor) -> Tensor:
    return 1 / (1 + (-value).exp())


def by_hand(method: Method, row: list[int], at: int, draw: Draws, rows: int) -> Tensor:
    """The loss of a text, pair by pair."""
    recipe, network = method.recipe, method.network
    total = sum(network.counts.tolist())
    stays, windows = draw.uniform("stays", rows, 5)[at], draw.uniform("window", rows, 5)[at]
    chances = draw.uniform("negatives", rows, 5 * 2 * recipe.window, recipe.negatives)[at]
    law = [count**0.75 for count in network.counts.tolist()]
    words = []
    for place, word in enumerate(row):
        share = network.counts[word].item() / total
        if share and stays[place] < min(1, math.sqrt(recipe.subsample / share)):
            words.append(word)
    loss = torch.zeros((), dtype=DOUBLE)
    for place, word in enumerate(words):
        reach = 1 + int(windows[place] * recipe.window)
        for far in range(1, reach + 1):
            for side, near in enumerate((place + far, place - far)):
                if 0 <= near < len(words):
                    loss = loss - sigmoid(network.words[word] @ network.contexts[words[near]]).log()
                    for chance in chances[place * 2 * recipe.window + 2 * (far - 1) + side].tolist():
                        drawn = next(n for n in range(len(law)) if sum(law[: n + 1]) / sum(law) > chance)
                        if drawn != words[near]:
                            loss = loss - sigmoid(-network.words[word] @ network.contexts[drawn]).log()
    return loss


@pytest.mark.parametrize("subsample", [1.0, 0.1])
def test_one_step(stage: Callable[..., Any], check: Callable[..., None], texts: Dataset, subsample: float) -> None:
    recipe = Recipe(latent=3, window=2, negatives=3, subsample=subsample, batch=6, train_samples=60)
    made = stage(recipe, texts)
    network = made.method.network
    network.words.data.normal_(generator=torch.Generator().manual_seed(0))
    network.contexts.data.normal_(generator=torch.Generator().manual_seed(1))
    batch = next(made.batches)
    nats = torch.stack([by_hand(made.method, row, at, made.numbers(), 6) for at, row in enumerate(batch.main.tolist())])
    assert (nats.detach() > 0).any()
    check(next(iter(made.turns())), "model", network, {"pairs": nats}, {"pairs": 1 / 5})


def test_frequent_words_are_left_out_and_what_is_none_always(texts: Dataset) -> None:
    method = Method(Recipe(subsample=0.05), texts.spec).double()
    method.measure_data(texts)
    counts = method.network.counts
    assert counts[: len(SPECIAL)].tolist() == [0, 0, 0]
    kept = method.kept(torch.arange(len(SYMBOLS))[None])[0]
    wanted = [0, 0, 0, *(min(1, math.sqrt(0.05 * int(counts.sum()) / count)) for count in counts[3:].tolist())]
    torch.testing.assert_close(kept.double(), torch.tensor(wanted, dtype=DOUBLE), rtol=1e-6, atol=0)


def test_words_in_the_same_places_come_near_each_other() -> None:
    """x and y stand between the same words, p and q between others: the best score tells ln of the pair's lift."""
    symbols = (*SPECIAL, " x", " y", " p", " q", " l", " m", " r", " s")
    place = {symbol.strip(): number for number, symbol in enumerate(symbols)}
    rows = [[place[each] for each in text] + [END] for text in ("lxm", "lym", "rps", "rqs")]
    data = Dataset("texts", Memory(torch.tensor(rows * 40)), field=Field("text", (4,), symbols))
    torch.manual_seed(0)
    method = Method(Recipe(latent=6, window=1, negatives=4, subsample=1), data.spec)
    method.measure_data(data)
    optimizer = torch.optim.Adam(method.parameters(), 0.05)
    texts = data.store.read(torch.arange(160)).long()
    for step in range(120):
        optimizer.zero_grad()
        method.nats(texts, Draws(0, step)).mean().backward()
        optimizer.step()
    assert isinstance(method, HasWordVectors)
    assert [each.word for each in nearest_words(method, symbols, parse("x"), 1)] == ["y"]
    assert [each.word for each in nearest_words(method, symbols, parse("x - y + p"), 1)] == ["q"]
    found = nearest_words(method, symbols, parse("mean(x y) * 2"), 20)
    assert len(found) == 6 and all(-1 <= each.cosine <= 1 for each in found)
    assert found == sorted(found, key=lambda each: -each.cosine)
    for expression, says in (("x - z", "does not know the word 'z'"), ("seed(3)", "there are sums alone"),
                             ("not x", "there are sums alone"), ("<", "no meaning here")):  # fmt: skip
        with pytest.raises(UsageError, match=says):
            nearest_words(method, symbols, parse(expression))


def test_texts_are_means_of_their_words(texts: Dataset) -> None:
    method = Method(Recipe(latent=4), texts.spec).double()
    codes = method.encode(torch.tensor([*ROWS, [UNKNOWN, END, 0, 0, 0]]))
    vectors = method.word_vectors()
    torch.testing.assert_close(codes[1], (2 * vectors[3] + vectors[4]) / 3)
    torch.testing.assert_close(codes[4], torch.zeros(4, dtype=DOUBLE))


def test_characters_are_refused() -> None:
    letters = Dataset("letters", Memory(torch.tensor(ROWS)), field=Field("text", (5,), (*SPECIAL, *"abcd")))
    with pytest.raises(UsageError, match="--modality text:unit=words"):
        Method(Recipe(), letters.spec)
    unknown = Dataset("none", Memory(torch.full((20, 5), UNKNOWN)), field=Field("text", (5,), SYMBOLS))
    with pytest.raises(UsageError, match="No training text has a word"):
        Method(Recipe(), unknown.spec).measure_data(unknown)
