"""Language models: causal, the same with a cache, and no parameter without a gradient."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.causal_transformer import rotate, rotations
from belamy.registry import Part, Registry

NETWORKS = Registry("belamy.networks", "language model", "LanguageModel")
SMALL: dict[str, dict[str, Any]] = {
    "causal-transformer": {"width": 16, "depth": 2, "heads": 2},
    "gru": {"width": 12, "embedding": 6, "depth": 2},
    "linear": {"order": 3},
    "lstm": {"width": 12, "embedding": 6, "depth": 2},
}
VOCABULARY, LENGTH = 7, 9


@pytest.fixture(params=NETWORKS.names())
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    part = Part(name=request.param, **SMALL.get(request.param, {}))
    made: nn.Module = NETWORKS.build(part, length=LENGTH, vocabulary=VOCABULARY)
    return made.double().eval()


@pytest.fixture
def tokens() -> Tensor:
    return torch.randint(0, VOCABULARY, (4, LENGTH), generator=torch.Generator().manual_seed(1))


def test_a_symbol_changes_nothing_before_it(network: nn.Module, tokens: Tensor) -> None:
    whole = network(tokens)
    assert whole.shape == (4, LENGTH, VOCABULARY) and NETWORKS.load("gru").modality == "text"
    for place in range(LENGTH):
        changed = tokens.clone()
        changed[:, place] = (changed[:, place] + 1) % VOCABULARY
        told = network(changed)
        torch.testing.assert_close(told[:, :place], whole[:, :place], rtol=0, atol=0)
        assert (told[:, place] - whole[:, place]).abs().amax(1).min() > 1e-6


@pytest.mark.parametrize("pieces", [[1] * LENGTH, [4, 1, 4], [LENGTH - 1, 1]])
def test_reading_in_pieces_is_reading_at_once(network: nn.Module, tokens: Tensor, pieces: list[int]) -> None:
    state, told = None, []
    for piece in tokens.split(pieces, 1):
        logits, state = network.step(piece, state)
        told.append(logits)
    torch.testing.assert_close(torch.cat(told, 1), network(tokens), rtol=0, atol=1e-12)


def test_a_state_can_be_used_again(network: nn.Module, tokens: Tensor) -> None:
    _, state = network.step(tokens[:, :5])
    first = [network.step(tokens[:, 5:], state)[0] for _ in range(2)]
    torch.testing.assert_close(first[0], first[1], rtol=0, atol=0)


def test_every_parameter_learns(network: nn.Module, tokens: Tensor) -> None:
    network(tokens).logsumexp(2).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_votes_of_the_symbols_before_are_added() -> None:
    torch.manual_seed(0)
    made = NETWORKS.build(Part(name="linear", order=2), length=3, vocabulary=4).double()
    made.bias.data.normal_()
    votes, told = made.votes.detach(), made(torch.tensor([[2, 0, 3]]))[0]
    for place, voting in enumerate(([(0, 2)], [(0, 0), (1, 2)], [(0, 3), (1, 0)])):
        wanted = made.bias + sum(votes[back, symbol] for back, symbol in voting)
        torch.testing.assert_close(told[place], wanted, rtol=0, atol=1e-12)


def test_products_of_rotated_numbers_depend_on_distances_alone() -> None:
    query, key = torch.randn(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def product(first: int, second: int) -> float:
        turned = [rotate(each[None], rotations(1, place, 6, each)) for each, place in ((query, first), (key, second))]
        return float((turned[0] * turned[1]).sum())

    assert product(3, 3) == pytest.approx(float(query @ key), abs=1e-12)
    assert product(5, 2) == pytest.approx(product(40, 37), abs=1e-12) != pytest.approx(product(5, 3), abs=1e-3)
    cosine, sine = rotations(1, 7, 6, query)
    angles = [7 / 10_000 ** (pair / 3) for pair in range(3)]  # RoFormer, equation 15
    assert cosine[0].tolist() == pytest.approx(list(map(math.cos, angles)))
    assert sine[0].tolist() == pytest.approx(list(map(math.sin, angles)))


def test_attention_is_that_of_the_paper() -> None:
    """One head of one layer, without rotation at the first position: softmax(q kᵀ / √d) v."""
    torch.manual_seed(0)
    made = NETWORKS.build(Part(name="causal-transformer", width=8, depth=1, heads=1), length=3, vocabulary=5).double()
    block = made.eval().blocks[0]
    values = torch.randn(1, 3, 8, dtype=torch.float64)
    turn = rotations(3, 0, 8, values)
    normal = block.attention_norm(values)[0]
    query, key, value = (normal @ block.queries_keys_values.weight.T).split(8, 1)
    query, key = (torch.cat([rotate(row[None], (turn[0][n : n + 1], turn[1][n : n + 1])) for n, row in enumerate(each)])
                  for each in (query, key))  # fmt: skip
    rows = []
    for place in range(3):
        weights = torch.softmax(query[place] @ key[: place + 1].T / math.sqrt(8), 0)
        rows.append(weights @ value[: place + 1])
    middle = values[0] + torch.stack(rows) @ block.out.weight.T
    inner = nn.functional.gelu(block.expand(block.perceptron_norm(middle)), approximate="tanh")
    torch.testing.assert_close(block(values, turn, None)[0][0], middle + block.contract(inner), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("causal-transformer:width=30,heads=4", "a multiple of twice the heads"),
        ("causal-transformer:heads=0", "a multiple of twice the heads"),
        ("causal-transformer:depth=0", "it must be 1 or more"),
        ("causal-transformer:dropout=1", r"it must be in \[0, 1\)"),
        ("gru:width=0", "it must be 1 or more"),
        ("gru:dropout=-1", r"it must be in \[0, 1\)"),
        ("lstm:width=0", "lstm has width=0, but it must be 1 or more"),
        ("linear:order=0", "linear has order=0, but it must be 1 or more"),
    ],
)
def test_wrong_sizes_are_refused(part: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        NETWORKS.build(Part.parse(part), length=4, vocabulary=5)
