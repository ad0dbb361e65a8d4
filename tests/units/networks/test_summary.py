"""Layer tables: what they count, and that counting changes nothing."""

import json

import pytest
import torch
from torch import Tensor, nn

from belamy.networks.layers import BatchNorm
from belamy.networks.summary import count, summarize
from belamy.networks.tracing import placeholder, trace


class Twice(nn.Module):
    """One layer used twice, one unused, a weight of its own, two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Linear(4, 4)
        self.idle = nn.Linear(2, 3)
        self.scale = nn.Parameter(torch.ones(4))
        self.register_buffer("table", torch.zeros(5))
        self.register_buffer("scratch", torch.zeros(7), persistent=False)
        self.register_buffer("step", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Twice through the same layer."""
        return {"once": self.shared(x), "twice": self.shared(self.shared(x)) * self.scale}


def test_rows_follow_the_calls_and_count_shared_weights_once() -> None:
    table = summarize(Twice(), (4,))
    rows = [(row.name, row.total, row.output) for row in table.rows]
    assert rows[:3] == [("shared", 20, ((4,),)), ("shared", 0, ((4,),)), ("shared", 0, ((4,),))]
    assert rows[3] == ("twice", 9, ((4,), (4,)))
    assert rows[4] == ("idle", 9, ())
    assert "not called" in str(table)
    # 20 shared, 9 idle, 4 of its own, 5 of a stored buffer; whole numbers and passing buffers are no weights
    assert (table.total, table.trainable, table.non_trainable) == (38, 33, 5)


def test_batch_normalisation_counts_as_in_keras() -> None:
    for layer in (BatchNorm(7), nn.BatchNorm2d(7)):
        counted = count(layer)
        assert (counted.total, counted.trainable, counted.non_trainable) == (28, 14, 14)


def test_frozen_weights_are_not_trainable() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 5))
    network[0].requires_grad_(False)
    assert (count(network).total, count(network).trainable) == (41, 25)
    assert [row.trainable for row in summarize(network, (3,)).rows] == [0, 25]


def test_summing_up_changes_nothing() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), BatchNorm(4), nn.Dropout())
    network[3].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.get_rng_state()
    summarize(network, (3,))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert [part.training for part in network] == [True, True, True, False]
    assert network[1].num_batches_tracked == 0
    assert not any(part._forward_hooks for part in network.modules())
    assert all(parameter.device.type == "cpu" for parameter in network.parameters())


def test_a_failing_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Linear(3, 4))
    with pytest.raises(RuntimeError):
        summarize(network, (5,))
    assert network.training
    assert not network[0]._forward_hooks


def test_whole_numbers_enter_as_tensors() -> None:
    table = summarize(nn.Embedding(10, 6), torch.zeros(2, 5, dtype=torch.long))
    assert table.rows[0].output == ((5, 6),)
    assert table.total == 60


def test_double_precision() -> None:
    assert summarize(nn.Linear(3, 4).double(), (3,)).total == 16


def test_text_and_json() -> None:
    table = summarize(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), (64,))
    text = str(table)
    assert "0 (Linear)" in text
    assert "(N, 32)" in text
    assert "Total weights: 2,410" in text
    lines = text.splitlines()[1:8]
    assert len({len(line) for line in lines}) == 1
    facts = json.loads(json.dumps(table.as_dict()))
    assert facts["total"] == facts["trainable"] == 2_410
    assert facts["non_trainable"] == 0
    assert [row["total"] for row in facts["rows"]] == [2_080, 0, 330]
    assert facts["rows"][0] == {"name": "0", "kind": "Linear", "output": [[32]], "total": 2_080, "trainable": 2_080}


def test_tracing_computes_nothing() -> None:
    result = trace(nn.Linear(3, 4), placeholder((3,)))
    assert result.device.type == "meta"
    assert result.shape[1:] == (4,)
