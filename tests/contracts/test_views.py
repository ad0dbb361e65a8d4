"""What every view in the registry promises."""

import inspect
from typing import Any

import pytest
import torch
from torch import nn

from belamy.registry import Part, Registry
from belamy.seeds import Draws

VIEWS = Registry("belamy.networks.views", "view", "View")
TEXT = {"gumbel-softmax", "straight-through"}
"""Views of texts, which tests/units/networks/test_symbol_views.py looks at."""
NAMES = [
    *(name for name in VIEWS.names() if name not in TEXT),
    "adaptive:filters=true,noise=true,cutout=true,resampling=wavelet",
]
STRONG: dict[str, dict[str, Any]] = {"adaptive": {"strength": 0.8}}
IDLE: dict[str, dict[str, Any]] = {
    "instance-noise": {"sigma": 0},
    "diff-augment": {"policy": ""},
    "adaptive": {"strength": 0},
}
SHAPES = [(1, 8, 8), (3, 8, 8), (3, 6, 10), (2, 7, 5)]


def view(name: str, shape: tuple[int, int, int] = (3, 8, 8), **options: Any) -> nn.Module:
    return VIEWS.build(strong(name, **options), shape=shape)


def strong(name: str, **options: Any) -> Part:
    """A view that does something, with its options."""
    part = Part.parse(name)
    return Part(name=part.name, **{**part.options, **STRONG.get(part.name, {}), **options})


def draw(step: int = 0, dtype: torch.dtype = torch.float32) -> Draws:
    return Draws(0, step, dtype=dtype)


def test_the_shelf_holds_what_the_issue_promises():
    assert {"instance-noise", "diff-augment", "adaptive"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_shape_and_type_stay_and_every_image_is_finite(name, shape, dtype):
    images = torch.rand(16, *shape, dtype=dtype) * 2 - 1
    seen = view(name, shape)(images, draw(), 0.0)
    assert seen.shape == images.shape
    assert seen.dtype == dtype
    assert seen.isfinite().all()
    assert not torch.equal(seen, images)


@pytest.mark.parametrize("name", NAMES)
def test_draws_alone_decide(name):
    made, images = view(name), torch.rand(8, 3, 8, 8)
    same = draw()
    first = made(images, same, 0.0)
    assert torch.equal(first, made(images, draw(), 0.0))
    assert not torch.equal(first, made(images, same, 0.0)), "real and generated images must not share their numbers"
    assert not torch.equal(first, made(images, draw(1), 0.0))
    torch.manual_seed(5)
    assert torch.equal(first, made(images, draw(), 0.0))


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_see_what_one_sees(name):
    made, images = view(name), torch.rand(8, 3, 8, 8)
    whole = made(images, draw(), 0.0)
    halves = [made(images[4 * rank :][:4], Draws(0, 0, rank, 2), 0.0) for rank in (0, 1)]
    torch.testing.assert_close(torch.cat(halves), whole)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 4, 6)])
def test_gradients_flow_to_the_generator(name, shape):
    made = view(name, shape)
    images = torch.rand(3, *shape, dtype=torch.float64, requires_grad=True)

    def seen(x):
        return made(x, draw(dtype=torch.float64), 0.0)

    def penalised(x):
        """What a gradient penalty does in the generator's turn: it differentiates at the images after the views."""
        after = seen(x)
        (gradient,) = torch.autograd.grad(after.pow(3).sum(), after, create_graph=True)
        return gradient.square().sum((1, 2, 3))

    assert torch.autograd.gradcheck(seen, images)
    assert torch.autograd.gradcheck(penalised, images)


@pytest.mark.parametrize("name", NAMES)
def test_strength_zero_is_the_very_tensor_and_draws_nothing(name):
    images, numbers = torch.rand(4, 3, 8, 8), draw()
    assert view(name, **IDLE[Part.parse(name).name])(images, numbers, 0.0) is images
    assert not numbers._calls


@pytest.mark.parametrize("name", NAMES)
def test_other_value_ranges_are_changed_alike(name):
    images = torch.rand(4, 3, 8, 8, dtype=torch.float64) * 2 - 1
    part = strong(name)
    usual = VIEWS.build(part, shape=(3, 8, 8))(images, draw(dtype=torch.float64), 0.0)
    unit = VIEWS.build(part, shape=(3, 8, 8), value_range=(0.0, 1.0))
    torch.testing.assert_close(unit((images + 1) / 2, draw(dtype=torch.float64), 0.0) * 2 - 1, usual)


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_observed_without_a_graph_and_the_state_is_saved(name):
    made = view(name)
    for _ in range(9):
        assert made.observe(torch.randn(6, requires_grad=True)) is None
    other = view(name)
    other.load_state_dict(made.state_dict())
    images = torch.rand(4, 3, 8, 8)
    assert torch.equal(made(images, draw(), 0.0), other(images, draw(), 0.0))
    assert all(not value.requires_grad for value in made.state_dict().values())
    assert not list(made.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_it_is_documented(name):
    name = Part.parse(name).name
    text = inspect.getdoc(VIEWS.load(name)) or ""
    assert "References:" in text and "arXiv" in text
    for option in VIEWS.options(name):
        assert f"{option}:" in text
