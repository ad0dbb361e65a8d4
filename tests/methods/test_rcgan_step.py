"""One step of the recurrent conditional GAN against its paper: arXiv 1706.02633, section 3."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import open_data
from belamy.methods import rcgan
from belamy.networks.summary import count


def lstm(network: Any, steps: Tensor) -> Tensor:
    """An LSTM with forget gates (Gers et al. 2000), step by step, and the linear output."""
    cells = network.lstm
    state = memory = torch.zeros(len(steps), cells.hidden_size, dtype=steps.dtype)
    answers = []
    for number in range(steps.shape[1]):
        gates = (
            steps[:, number] @ cells.weight_ih_l0.T + cells.bias_ih_l0 + state @ cells.weight_hh_l0.T + cells.bias_hh_l0
        )
        enter, forget, new, leave = gates.chunk(4, 1)
        memory = forget.sigmoid() * memory + enter.sigmoid() * new.tanh()
        state = leave.sigmoid() * memory.tanh()
        answers.append(state @ network.head.weight.T + network.head.bias)
    return torch.stack(answers, 1)


def told(steps: Tensor, labels: Tensor | None) -> Tensor:
    """Each step with the one-hot class beside it."""
    if labels is None:
        return steps
    return torch.cat([steps, torch.eye(3, dtype=steps.dtype)[labels][:, None].expand(-1, steps.shape[1], 3)], 2)


@pytest.mark.parametrize(("data", "critic_steps"), [("sines:count=40,channels=2", 1), ("waves:count=60", 2)])
def test_a_step_with_and_without_classes(stage: Any, check: Any, data: str, critic_steps: int) -> None:
    opened = open_data(data)
    recipe = rcgan.Recipe(data=data, latent=2, hidden=4, batch=5, train_samples=50, critic_steps=critic_steps)
    made = stage(recipe, opened)
    method, numbers = made.method, made.numbers()
    shape = (5, opened.shape[0], 2)
    turns = made.turns()
    for _ in range(critic_steps):
        played, batch = next(turns), next(made.batches).map(Tensor.double)
        fake = lstm(
            method.generator.network, told(numbers.normal("latents", 5, shape[1] * 2).view(shape), batch.labels)
        ).tanh()
        real_chance, fake_chance = (
            torch.sigmoid(lstm(method.discriminator.network, told(series, batch.labels)))[..., 0]
            for series in (batch.main, fake.detach())
        )
        terms = {
            "adversarial-real": -torch.log(real_chance).mean(1),
            "adversarial-fake": -torch.log(1 - fake_chance).mean(1),
        }
        check(played, "discriminator", method.discriminator, terms)
    played = next(turns)
    fake = lstm(
        method.generator.network, told(numbers.normal("latents", 5, shape[1] * 2).view(shape), batch.labels)
    ).tanh()
    chance = torch.sigmoid(lstm(method.discriminator.network, told(fake, batch.labels)))[..., 0]
    check(played, "generator", method.generator, {"adversarial": -torch.log(chance).mean(1)})
    assert next(turns, None) is None


def test_the_sizes_of_the_published_settings() -> None:
    """4 h (i + h) + 8 h of an LSTM of PyTorch, which adds two offsets, and h + 1 of the output; h = 100, latent 5."""
    method = rcgan.Method(rcgan.Recipe(), open_data("sines:count=40").spec)
    assert count(method.generator).total == 4 * 100 * (5 + 100) + 800 + 101 == 42_901
    assert count(method.discriminator).total == 4 * 100 * (1 + 100) + 800 + 101 == 41_301


def test_forget_gates_start_at_one() -> None:
    cells = rcgan.Method(rcgan.Recipe(hidden=3), open_data("sines:count=40").spec).generator.network.lstm
    assert (cells.bias_ih_l0 + cells.bias_hh_l0)[3:6].tolist() == [1, 1, 1]


def test_samples_are_decided_by_their_index() -> None:
    method = rcgan.Method(rcgan.Recipe(hidden=8), open_data("waves:count=60").spec)
    labels = torch.tensor([0, 1, 2])
    some = method.generate(method.latents(1, [0, 1, 2]), labels)
    torch.testing.assert_close(method.generate(method.latents(1, [2]), labels[2:]), some[2:])
    assert some.shape == (3, 30, 1) and some.abs().max() < 1
    other = method.generate(method.latents(1, [0, 1, 2]), labels.flip(0))
    assert not torch.equal(other[0], some[0]) and torch.equal(other[1], some[1])
