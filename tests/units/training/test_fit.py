"""Small networks learn by the engine's own steps, and moving statistics fit short runs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from belamy.errors import NotFinite
from belamy.methods.base import Player, Turn
from belamy.methods.learning import fit
from belamy.networks.layers import BatchNorm, fit_moving_statistics
from belamy.registry import Part

INPUTS = torch.linspace(-1, 1, 12).reshape(6, 2)
ADAM = Part(name="adam", lr=0.05)


def linear() -> nn.Linear:
    layer = nn.Linear(2, 1).double()
    with torch.no_grad():
        layer.weight.fill_(0.5)
        layer.bias.zero_()
    return layer


def squares(layer: nn.Module) -> Tensor:
    found: Tensor = (layer(INPUTS.double()).squeeze(1) - INPUTS.double().sum(1)).square()
    return found


def test_fit_is_adam_at_the_rates_of_the_schedule() -> None:
    ours, theirs, steps = linear(), linear(), 9
    fit({"line": Player(ours, ADAM)}, lambda _step: Turn("line", {"squares": squares(ours)}), steps)
    adam = torch.optim.Adam(theirs.parameters())
    for step in range(steps):
        adam.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * step / steps)) / 2
        adam.zero_grad()
        squares(theirs).mean().backward()
        adam.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(ours.bias, theirs.bias, rtol=1e-9, atol=1e-12)


def test_players_learn_together_each_at_its_own_rate() -> None:
    both = nn.Sequential(linear(), nn.Linear(1, 1).double())
    before = [parameter.detach().clone() for parameter in both[0].parameters()]
    still = Part(name="adam", lr=1e-12)
    players = {"first": Player(both[0], still), "second": Player(both[1], ADAM)}

    def play(_step: int) -> tuple[Turn, ...]:
        loss = squares(both)
        return tuple(Turn(name, {"squares": loss}) for name in players)

    start = squares(both).mean().item()
    fit(players, play, 60)
    for parameter, old in zip(both[0].parameters(), before, strict=True):
        torch.testing.assert_close(parameter.detach(), old, rtol=0, atol=1e-9)
    assert squares(both).mean().item() < start / 2


def test_fit_leaves_the_random_numbers_of_the_process_alone() -> None:
    layer, drawn = linear(), []
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)

    def play(_step: int) -> Turn:
        drawn.append(float(torch.rand(())))
        return Turn("line", {"squares": squares(layer)})

    fit({"line": Player(layer, ADAM)}, play, 2, seed=5)
    assert torch.equal(torch.rand(2), expected)
    again, drawn = drawn, []
    fit({"line": Player(layer, ADAM)}, play, 2, seed=5)
    assert drawn == again


def test_a_loss_that_is_no_number_stops_the_fit() -> None:
    layer = linear()
    with pytest.raises(NotFinite, match=r"the loss 'line\.squares' is nan"):
        fit({"line": Player(layer, ADAM)}, lambda _step: Turn("line", {"squares": squares(layer) * math.nan}), 3)


@pytest.mark.parametrize(("steps", "momentum"), [(15, 1.0), (150, 0.1), (1500, 0.01), (100_000, 0.01)])
def test_moving_statistics_fit_the_run(steps: int, momentum: float) -> None:
    layer = nn.Sequential(nn.Flatten(), BatchNorm(2))
    fit_moving_statistics(layer, steps)
    assert layer[1].momentum == pytest.approx(momentum)


def test_after_a_short_run_nothing_is_left_of_the_first_statistics() -> None:
    layer = BatchNorm(2)
    fit_moving_statistics(layer, 40)
    inputs = 3 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0)) + 7
    for _ in range(40):
        layer(inputs)
    torch.testing.assert_close(layer.running_mean, inputs.mean(0), rtol=1e-5, atol=0)
    torch.testing.assert_close(layer.running_var, inputs.var(0), rtol=1e-5, atol=0)
