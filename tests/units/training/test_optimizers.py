"""Optimisers against the update rules written out in numpy, in float64."""

import numpy as np
import pytest
import torch
from torch import nn

from belamy.methods.base import OPTIMIZERS
from belamy.registry import Part
from belamy.training.state import load_optimizer, optimizer_tensors

STEPS = 50
SHAPES = [(3, 2), (4,)]


def gradients() -> list[list[np.ndarray]]:
    """Gradients of very different sizes, so that ε matters; the last are nearly zero."""
    numbers = np.random.default_rng(5)
    return [[numbers.normal(size=shape) * 10.0 ** numbers.integers(-8, 1) for shape in SHAPES] for _ in range(STEPS)]


def descend(part: str, factors: list[float] | None = None) -> list[np.ndarray]:
    """The parameters after ``STEPS`` steps of the optimiser from ones."""
    parameters = [nn.Parameter(torch.ones(shape, dtype=torch.float64)) for shape in SHAPES]
    optimizer = OPTIMIZERS.build(Part.parse(part), parameters=parameters)
    for number, found in enumerate(gradients()):
        for parameter, gradient in zip(parameters, found, strict=True):
            parameter.grad = torch.from_numpy(gradient.copy())
        optimizer.step(factors[number] if factors else 1.0)
    return [parameter.detach().numpy() for parameter in parameters]


def keras_adam(lr: float, b1: float, b2: float, eps: float) -> list[np.ndarray]:
    """Keras' ``Adam.update_step``: ε joins the root of the uncorrected second moment."""
    weights = [np.ones(shape) for shape in SHAPES]
    m, v = [np.zeros(shape) for shape in SHAPES], [np.zeros(shape) for shape in SHAPES]
    for t, found in enumerate(gradients(), start=1):
        alpha = lr * np.sqrt(1 - b2**t) / (1 - b1**t)
        for i, g in enumerate(found):
            m[i] = m[i] + (g - m[i]) * (1 - b1)
            v[i] = v[i] + (g * g - v[i]) * (1 - b2)
            weights[i] = weights[i] - m[i] * alpha / (np.sqrt(v[i]) + eps)
    return weights


def paper_adam(lr: float, b1: float, b2: float, eps: float) -> list[np.ndarray]:
    """Algorithm 1 of the paper."""
    weights = [np.ones(shape) for shape in SHAPES]
    m, v = [np.zeros(shape) for shape in SHAPES], [np.zeros(shape) for shape in SHAPES]
    for t, found in enumerate(gradients(), start=1):
        for i, g in enumerate(found):
            m[i] = b1 * m[i] + (1 - b1) * g
            v[i] = b2 * v[i] + (1 - b2) * g**2
            corrected = m[i] / (1 - b1**t), v[i] / (1 - b2**t)
            weights[i] = weights[i] - lr * corrected[0] / (np.sqrt(corrected[1]) + eps)
    return weights


def rmsprop(lr: float, rho: float, eps: float, inside: bool = False) -> list[np.ndarray]:
    """Keras' ``RMSprop``: of 2018 with ε outside the root, since 2.11 inside it."""
    weights, v = [np.ones(shape) for shape in SHAPES], [np.zeros(shape) for shape in SHAPES]
    for found in gradients():
        for i, g in enumerate(found):
            v[i] = rho * v[i] + (1 - rho) * g**2
            root = np.sqrt(v[i] + eps) if inside else np.sqrt(v[i]) + eps
            weights[i] = weights[i] - lr * g / root
    return weights


def sgd(lr: float, momentum: float, factors: list[float]) -> list[np.ndarray]:
    """Keras' ``SGD``: the velocity carries the learning rate, which for a constant rate is PyTorch's rule."""
    weights, velocity = [np.ones(shape) for shape in SHAPES], [np.zeros(shape) for shape in SHAPES]
    for factor, found in zip(factors, gradients(), strict=True):
        for i, g in enumerate(found):
            velocity[i] = momentum * velocity[i] - lr * factor * g
            weights[i] = weights[i] + velocity[i]
    return weights


def assert_same(found: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


def test_keras_adam() -> None:
    assert_same(descend("adam:lr=0.01,beta1=0.5,eps=1e-7,keras=true"), keras_adam(0.01, 0.5, 0.999, 1e-7))


def test_adam() -> None:
    assert_same(descend("adam:lr=0.01,beta1=0.5,beta2=0.9,eps=1e-8"), paper_adam(0.01, 0.5, 0.9, 1e-8))


def test_the_two_adams_differ() -> None:
    keras, paper = descend("adam:lr=0.01,eps=1e-7,keras=true"), descend("adam:lr=0.01,eps=1e-7")
    assert max(np.abs(one - other).max() for one, other in zip(keras, paper, strict=True)) > 1e-4


def test_keras_adam_counts_steps_when_the_first_parameter_never_learns() -> None:
    idle, busy = (nn.Parameter(torch.ones(1, dtype=torch.float64)) for _ in range(2))
    optimizer = OPTIMIZERS.build(Part(name="adam", lr=0.1, eps=1e-2, keras=True), parameters=[idle, busy])
    m = v = 0.0
    weight = 1.0
    for t in range(1, 6):
        busy.grad = torch.full((1,), 0.01 * t, dtype=torch.float64)
        optimizer.step(1.0)
        m, v = 0.9 * m + 0.1 * 0.01 * t, 0.999 * v + 0.001 * (0.01 * t) ** 2
        weight -= 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-2)
    assert float(busy.detach()) == pytest.approx(weight, rel=1e-9)
    assert float(idle.detach()) == 1.0


def test_rmsprop_has_keras_defaults() -> None:
    assert_same(descend("rmsprop"), rmsprop(1e-3, 0.9, 1e-7))
    assert_same(descend("rmsprop:lr=0.02,rho=0.99,eps=1e-3"), rmsprop(0.02, 0.99, 1e-3))


def test_rmsprop_with_epsilon_inside_the_root() -> None:
    found = descend("rmsprop:inside_root=true")
    assert_same(found, rmsprop(1e-3, 0.9, 1e-7, inside=True))
    assert max(np.abs(one - other).max() for one, other in zip(found, descend("rmsprop"), strict=True)) > 1e-4


def test_rmsprop_inside_the_root_leaves_alone_what_has_no_gradient() -> None:
    idle, busy = (nn.Parameter(torch.ones(2)) for _ in range(2))
    optimizer = OPTIMIZERS.build(Part(name="rmsprop", inside_root=True), parameters=[idle, busy])
    busy.grad = torch.ones(2)
    optimizer.step(1.0)
    assert torch.equal(idle, torch.ones(2)) and bool((busy < 1).all())


def test_sgd_at_a_changing_rate() -> None:
    factors = [1 / (1 + 0.1 * step) for step in range(STEPS)]
    assert_same(descend("sgd:lr=0.1", factors), sgd(0.1, 0.0, factors))
    assert_same(descend("sgd:lr=0.1,momentum=0.9"), sgd(0.1, 0.9, [1.0] * STEPS))


def test_the_factor_scales_every_optimizer() -> None:
    for name in OPTIMIZERS.names():
        assert_same(descend(f"{name}:lr=0.02", [0.5] * STEPS), descend(f"{name}:lr=0.01"))


@pytest.mark.parametrize(
    "part", [*OPTIMIZERS.names(), "adam:keras=true", "rmsprop:inside_root=true", "sgd:momentum=0.9,nesterov=true"]
)
def test_state_survives_a_round_trip(part: str) -> None:
    """Five steps, save, load into a fresh optimiser, five steps: bit-equal to ten."""

    def step(optimizer: object, parameter: nn.Parameter, number: int) -> None:
        parameter.grad = torch.randn(4, generator=torch.Generator().manual_seed(number))
        optimizer.step(1 / (1 + number))

    one = nn.Parameter(torch.ones(4))
    first = OPTIMIZERS.build(Part.parse(part), parameters=[one])
    for number in range(5):
        step(first, one, number)
    other = nn.Parameter(one.detach().clone())
    second = OPTIMIZERS.build(Part.parse(part), parameters=[other])
    saved = {name.removeprefix("x/"): tensor.clone() for name, tensor in optimizer_tensors("x", first.torch).items()}
    load_optimizer(second.torch, saved)
    for number in range(5, 10):
        step(first, one, number)
        step(second, other, number)
    assert torch.equal(one, other)
