"""A language model's step in float64, its probabilities over every text, and what it writes."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data.batch import Batch
from belamy.data.dataset import Dataset, Memory
from belamy.errors import UsageError
from belamy.methods.base import Continues, Evaluates, HasLikelihood, Ratio, Samples, Sampling
from belamy.methods.char_lm import Method, Recipe, pick, possible
from belamy.modalities.fields import DataSpec, Field
from belamy.modalities.text import END, PADDING, SPECIAL, UNKNOWN
from belamy.registry import Part
from belamy.sampling.draw import checked_options, draw
from belamy.seeds import Draws, SampleDraws

SYMBOLS = (*SPECIAL, "a", "b")
LENGTH = 4
NETWORKS = [
    Part(name="causal-transformer", width=8, depth=2, heads=2, dropout=0.0),
    Part(name="gru", width=7, embedding=5, dropout=0.0),
]


@pytest.fixture
def texts() -> Dataset:
    """Texts of every length from 0 to 4 and one that is cropped."""
    rows = [[3, 4, END, PADDING], [4, END, PADDING, PADDING], [3, 4, 3, 4], [END, 0, 0, 0], [3, UNKNOWN, 3, END]]
    return Dataset("texts", Memory(torch.tensor(rows * 5)), field=Field("text", (LENGTH,), SYMBOLS))


@pytest.fixture(params=NETWORKS, ids=str)
def method(request: pytest.FixtureRequest) -> Method:
    torch.manual_seed(3)
    made = Method(Recipe(network=request.param), DataSpec({"text": Field("text", (LENGTH,), SYMBOLS)})).double().eval()
    for parameter in made.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return made


def by_hand(method: Method, text: list[int]) -> Tensor:
    """Minus the sum of the logarithms of the conditional probabilities, symbol by symbol."""
    total = torch.zeros((), dtype=torch.float64)
    for place, symbol in enumerate(text):
        if symbol == PADDING:
            break
        logits = method.network(torch.tensor([[END, *text[:place]]]))[0, -1]
        chances = logits[1:].exp() / logits[1:].exp().sum()
        total = total - chances[symbol - 1].log()
    return total


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_one_step(stage: Callable[..., Any], check: Callable[..., None], texts: Dataset, network: Part) -> None:
    made = stage(Recipe(network=network, batch=5, train_samples=50, clip_norm=None), texts)
    batch = next(made.batches)
    nats = torch.stack([by_hand(made.method, text) for text in batch.main.tolist()])
    turn = next(iter(made.turns()))
    check(turn, "model", made.method.network, {"nats": nats}, {"nats": 1 / LENGTH})
    bits = nats.sum() / math.log(2) / int((batch.main != PADDING).sum())
    torch.testing.assert_close(turn[0].signals["bits-per-character"], bits.detach())


def test_the_probabilities_of_all_texts_sum_to_one(method: Method) -> None:
    def rows(length: int) -> list[list[int]]:
        whole = [list(each) for each in product((UNKNOWN, 3, 4), repeat=length)]
        return whole if length == LENGTH else [[*each, END] + [PADDING] * (LENGTH - length - 1) for each in whole]

    every = torch.tensor([row for length in range(LENGTH + 1) for row in rows(length)])
    assert len(every) == 1 + 3 + 9 + 27 + 81
    chances = method.log_prob(Batch({"text": every}, torch.arange(len(every))), SampleDraws(0, range(len(every)))).exp()
    assert float(chances.detach().sum()) == pytest.approx(1, abs=1e-12)
    wrong = torch.tensor([[3, 4, END, PADDING], [3, 4, END, END]])
    first, second = method.log_prob(Batch({"text": wrong}, torch.arange(2)), SampleDraws(0, range(2)))
    assert first > second  # what follows an end is no part of a text, and is told as its own symbols


def test_measures_are_over_symbols_that_count(method: Method, texts: Dataset) -> None:
    measured = method.evaluate(texts.batch(torch.arange(5), dtype=torch.float64), Draws(0, 0))
    ratio = measured["bits-per-character"]
    assert isinstance(ratio, Ratio) and ratio.units.tolist() == [3, 2, 4, 1, 4]
    torch.testing.assert_close(ratio.amounts * math.log(2), measured["loss"])
    words = Method(Recipe(), DataSpec({"text": Field("text", (LENGTH,), (*SPECIAL, " ab"))}))
    assert words.measure == "bits-per-word"


def test_samples_have_the_models_probabilities(method: Method) -> None:
    assert isinstance(method, Samples) and isinstance(method, Evaluates)
    assert isinstance(method, HasLikelihood) and isinstance(method, Continues) and method.likelihood == "exact"
    count = 4000
    drawn = method.generate(torch.rand(count, LENGTH, generator=torch.Generator().manual_seed(0)))
    kinds, counts = drawn.unique(dim=0, return_counts=True)
    told = method.log_prob(Batch({"text": kinds}, torch.arange(len(kinds))), SampleDraws(0, [])).exp().tolist()
    known = [not (row == UNKNOWN).any() for row in kinds]
    assert all(known)
    # without what is unknown each step's probabilities are scaled; a first symbol tells it exactly
    first = possible(method.network(torch.full((1, 1), END))[0, -1]).softmax(0)
    first[UNKNOWN] = 0
    first = first / first.sum()
    share = torch.bincount(drawn[:, 0], minlength=len(SYMBOLS)).double() / count
    assert ((share - first).abs() <= 5 * (first * (1 - first) / count).sqrt() + 1e-12).all()
    assert max(told) <= 1 and int(counts.sum()) == count
    ended = (drawn == END).cumsum(1) - (drawn == END).long()
    assert ((drawn == PADDING) == (ended > 0)).all()  # padding after the end, and nowhere else


def test_a_sample_depends_on_its_number_alone(method: Method) -> None:
    whole = method.generate(method.latents(1, range(6)))
    assert torch.equal(whole[4:], method.generate(method.latents(1, range(4, 6))))
    assert not torch.equal(method.latents(1, range(6)), method.latents(2, range(6)))


def test_writing_with_a_cache_is_writing_without(method: Method) -> None:
    prefix, sampling = torch.tensor([[3, 4], [4, 4]]), Sampling(SampleDraws(5, range(2)), options={"temperature": 0.8})
    written = method.continuation(prefix, 6, sampling)
    assert written.shape == (2, 8) and torch.equal(written[:, :2], prefix)
    chance, slow = sampling.draws.uniform("continuation", 2, 6), prefix
    for place in range(6):
        logits = method.network(torch.cat([torch.full((2, 1), END), slow.clamp(min=END)], 1))[:, -1]
        following = pick(possible(logits), chance[:, place], 0.8)
        slow = torch.cat([slow, torch.where((slow == END).any(1), PADDING, following)[:, None]], 1)
    assert torch.equal(written, slow)
    alone = method.continuation(prefix[1:], 6, Sampling(SampleDraws(5, [1]), options={"temperature": 0.8}))
    assert torch.equal(alone, written[1:])
    whole = method.continuation(torch.zeros(3, 0, dtype=torch.long), 2, Sampling(SampleDraws(0, range(3))))
    assert whole.shape == (3, 2)


def test_temperature_and_top_k() -> None:
    logits = torch.tensor([[9.0, 1.0, 8.0, 3.0, 2.0]])[:, [0, 1, 2, 3, 4]].repeat(5, 1)
    logits = possible(logits)
    chance = torch.tensor([0.0, 0.1, 0.5, 0.9, 1 - 1e-7])
    assert pick(logits, chance, 0).tolist() == [3] * 5  # the likeliest: neither padding nor what is unknown
    assert set(pick(logits, chance, 1.0, 1).tolist()) == {3}
    assert set(pick(logits, chance, 1.0, 2).tolist()) == {3, 4}
    assert pick(logits, chance, 1e9).tolist() == [1, 1, 3, 4, 4]  # a third each
    odds = torch.tensor([math.e, math.e**3, math.e**2]).double().cumsum(0)
    wanted = [(1, 3, 4)[int((odds / odds[-1] <= u).sum())] for u in chance.double()]
    assert pick(logits, chance, 1.0).tolist() == wanted


def test_a_nucleus_is_the_fewest_symbols_with_the_probability() -> None:
    """Of 0.5, 0.3, 0.2: up to 0.5 the first, up to 0.8 two; shares are those of what is left."""
    logits = torch.tensor([-torch.inf, 0.2, 0.9, 0.3, 0.5]).log().repeat(1001, 1).nan_to_num(nan=-torch.inf)
    chance = torch.linspace(0, 1 - 1e-9, 1001)
    for top_p, wanted in ((0, {4: 1}), (0.49, {4: 1}), (0.51, {3: 0.375, 4: 0.625}),
                          (0.79, {3: 0.375, 4: 0.625}), (0.81, {1: 0.2, 3: 0.3, 4: 0.5})):  # fmt: skip
        shares = pick(logits, chance, 1.0, 0, top_p).bincount(minlength=5).double() / 1001
        torch.testing.assert_close(
            shares, torch.tensor([wanted.get(n, 0) for n in range(5)]).double(), atol=2e-3, rtol=0
        )
    # the temperature and the top k come first: at ½ the squares 0.25, 0.09, 0.04, of two 0.735 and 0.265
    assert set(pick(logits, chance, 0.5, 2, 0.73).tolist()) == {4} != set(pick(logits, chance, 0.5, 2, 0.74).tolist())
    assert set(pick(logits, chance, 1.0, 2, 0.62).tolist()) == {4} != set(pick(logits, chance, 1.0, 2, 0.63).tolist())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"temperature": -1.0}, "temperature is -1, but it must be a finite number of at least 0 and at most 100"),
        ({"temperature": math.inf}, "must be a finite number"),
        ({"top_k": -1}, "must be a whole number of at least 0"),
        ({"top_k": 1.5}, "must be a whole number"),
        ({"top_p": 1.5}, "must be a finite number of at least 0 and at most 1"),
        ({"nucleus": 0.9}, "no option 'nucleus'"),
    ],
)
def test_wrong_options_of_sampling(method: Method, options: dict[str, float], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        draw(method, 1, options=options)


def test_options_of_sampling_reach_the_sampler(method: Method) -> None:
    assert checked_options(method) == {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
    likeliest = draw(method, 20, options={"temperature": 0})
    assert len(likeliest.unique(dim=0)) == 1 and torch.equal(likeliest, draw(method, 20, options={"top_k": 1}))
    assert len(draw(method, 20).unique(dim=0)) > 1
    with pytest.raises(UsageError, match="--steps chooses nothing"):
        draw(method, 1, steps=3)


@pytest.fixture(params=NETWORKS, ids=str)
def conditional(request: pytest.FixtureRequest) -> Method:
    torch.manual_seed(3)
    spec = DataSpec({"text": Field("text", (LENGTH,), SYMBOLS), "label": Field("category", (), ("cat", "dog"))})
    made = Method(Recipe(network=request.param, conditional=True), spec).double().eval()
    for parameter in made.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return made


def test_a_conditional_model_gives_each_class_a_distribution_of_its_own(conditional: Method) -> None:
    rows = torch.tensor([row for row in product(range(len(SYMBOLS)), repeat=LENGTH) if well_formed(row)])
    told = []
    for number in range(2):
        labels = torch.full((len(rows),), number)
        told.append(
            conditional.log_prob(Batch({"text": rows, "label": labels}, torch.arange(len(rows)))).exp().detach()
        )
        assert float(told[-1].sum()) == pytest.approx(1, abs=1e-12)
    assert not torch.allclose(*told)
    drawn = draw(conditional, 400, labels=[0, 1] * 200)
    assert int(drawn.max()) < len(SYMBOLS)  # symbols of classes are never written
    assert torch.equal(drawn[1::2][:5], torch.stack([draw(conditional, 1, start=place, labels="dog")[0]
                                                     for place in range(1, 11, 2)]))  # fmt: skip
    sampling = Sampling(SampleDraws(5, range(2)), options={"temperature": 0.0})
    prefix = torch.zeros(2, 0, dtype=torch.long)
    logits = conditional.network(torch.tensor([[len(SYMBOLS)], [len(SYMBOLS) + 1]]))[:, -1, : len(SYMBOLS)]
    wanted = pick(possible(logits), torch.zeros(2), 0)
    assert torch.equal(conditional.continuation(prefix, 1, sampling, torch.tensor([0, 1]))[:, 0], wanted)


def test_conditional_models_need_classes(conditional: Method) -> None:
    with pytest.raises(UsageError, match="--conditional needs texts with classes"):
        Method(Recipe(conditional=True), DataSpec({"text": Field("text", (LENGTH,), SYMBOLS)}))
    with pytest.raises(UsageError, match="these texts have no classes"):
        conditional.nats(torch.tensor([[3, END, PADDING, PADDING]]))


def well_formed(row: tuple[int, ...]) -> bool:
    """Whether padding follows the end, and only it."""
    ended = row.index(END) if END in row else LENGTH
    return all((symbol == PADDING) == (place > ended) for place, symbol in enumerate(row))
