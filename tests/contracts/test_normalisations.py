"""What every normalisation promises in the place of a batch normalisation."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from belamy.methods.construction import NORMALISATIONS
from belamy.networks.layers import BatchNorm
from belamy.networks.tracing import placeholder, trace
from belamy.registry import Part

NAMES = NORMALISATIONS.names()
BY_ITSELF = [name for name in NAMES if name != "native"]
SHAPES = [(6,), (6, 4, 2), (6, 1, 1)]


def layer(name: str, features: int = 6) -> Any:
    return NORMALISATIONS.build(Part(name=name)).replace(BatchNorm(features))


def scaled(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
class TestNormalisation:
    def test_shape_and_gradients(self, name: str, shape: tuple[int, ...]) -> None:
        norm = layer(name)
        x = (torch.randn(5, *shape) * 3 + 2).requires_grad_()
        y = norm(x)
        assert y.shape == x.shape and torch.isfinite(y).all()
        (y * torch.randn_like(y)).sum().backward()
        assert x.grad is not None and x.grad.any()
        assert all(parameter.grad.any() for parameter in norm.parameters())

    def test_derivatives(self, name: str, shape: tuple[int, ...]) -> None:
        norm = scaled(layer(name).double())
        norm(torch.randn(3, *shape, dtype=torch.float64))
        norm.eval()
        x = torch.randn(2, *shape, dtype=torch.float64, requires_grad=True)
        parameters = {key: value.detach().requires_grad_() for key, value in norm.named_parameters()}

        def output(x: Tensor, *values: Tensor) -> Tensor:
            given = dict(zip(parameters, values, strict=True))
            return torch.func.functional_call(norm, given, (x,))

        assert gradcheck(output, (x, *parameters.values()))
        assert gradgradcheck(output, (x, *parameters.values()))

    def test_vectors_and_channels_last_alike(self, name: str, shape: tuple[int, ...]) -> None:
        if len(shape) == 1:
            return
        norm = layer(name)
        x = torch.randn(4, *shape)
        norm(x)
        norm.eval()
        torch.testing.assert_close(norm(x.contiguous(memory_format=torch.channels_last)), norm(x))

    def test_copy_state_and_trace(self, name: str, shape: tuple[int, ...]) -> None:
        norm = scaled(layer(name))
        norm(x := torch.randn(4, *shape))
        norm.eval()
        fresh = layer(name).eval()
        fresh.load_state_dict(norm.state_dict())
        assert torch.equal(fresh(x), norm(x))
        assert torch.equal(copy.deepcopy(norm)(x), norm(x))
        assert trace(norm, placeholder(shape)).shape == (2, *shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", BY_ITSELF)
def test_a_sample_does_not_depend_on_its_batch_in_training(name: str, shape: tuple[int, ...]) -> None:
    """Once the virtual normalisation has met its reference batch."""
    norm = scaled(layer(name))
    norm(torch.randn(8, *shape))
    x = torch.randn(5, *shape)
    whole = norm(x)
    torch.testing.assert_close(norm(x[2:3]), whole[2:3])
    others = torch.cat([x[:1], 100 * torch.randn(4, *shape)])
    torch.testing.assert_close(norm(others)[:1], whole[:1])
    norm.eval()
    torch.testing.assert_close(norm(x), whole)


def test_native_is_the_layer_itself() -> None:
    norm = BatchNorm(3)
    assert NORMALISATIONS.build(Part(name="native")).replace(norm) is norm
    x = torch.randn(3, 3)
    assert layer("none")(x) is x
