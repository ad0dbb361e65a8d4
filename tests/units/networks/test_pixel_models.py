"""Models of pixels: no pixel sees itself or a later one, and a step keeps what a whole pass computes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from belamy.errors import UsageError
from belamy.methods.autoregressive import NETWORKS
from belamy.registry import Part

SMALL: dict[str, dict[str, Any]] = {
    "pixel-cnn": {"width": 3, "depth": 2},
    "gated-pixel-cnn": {"width": 4, "depth": 3, "first": 5, "dilations": (1, 2)},
    "pixel-transformer": {"width": 8, "depth": 2, "heads": 2},
}
HEIGHT, WIDTH, CLASSES = 5, 4, 3
PIXELS = HEIGHT * WIDTH


@pytest.fixture(params=NETWORKS.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def build(name: str, channels: int = 2, classes: int = 0) -> Any:
    torch.manual_seed(0)
    part = Part(name=name, **SMALL.get(name, {}))
    made: nn.Module = NETWORKS.build(part, shape=(channels, HEIGHT, WIDTH), classes=classes)
    for parameter in made.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return made.double().eval()


def test_no_pixel_depends_on_itself_or_a_later_one(name: str) -> None:
    """By gradients: of the features of pixel i with respect to pixel j."""
    network = build(name)
    values = torch.randn(8, 2, HEIGHT, WIDTH, dtype=torch.float64, requires_grad=True)
    features = network(values).flatten(2)
    assert features.shape == (8, network.features, PIXELS)
    reached = torch.zeros(PIXELS, PIXELS, dtype=torch.bool)
    for place in range(1, PIXELS):
        (gradient,) = torch.autograd.grad(features[..., place].square().sum(), values, retain_graph=True)
        reached[place] = (gradient != 0).flatten(2).any(1).any(0)
    values.data[:] = 0
    torch.testing.assert_close(network(values).flatten(2)[..., 0], features[..., 0], rtol=0, atol=0)
    assert not reached.triu().any()
    assert reached[WIDTH + 1, [0, 1, 2, WIDTH]].all()  # those above, also to the right, and the one to the left


def test_a_step_is_a_whole_pass(name: str) -> None:
    network = build(name, classes=CLASSES)
    values = torch.randn(CLASSES, 2, HEIGHT, WIDTH, dtype=torch.float64)
    labels = torch.arange(CLASSES)
    whole = network(values, labels).flatten(2)
    state, before = network.start(CLASSES, labels), None
    for place in range(PIXELS):
        torch.testing.assert_close(network.step(state, place, before), whole[..., place], rtol=0, atol=1e-12)
        before = values.flatten(2)[..., place]
    same = network(values[:1].expand(CLASSES, -1, -1, -1), labels)
    assert (same[0] - same[1]).abs().max() > 1e-6  # classes are heard


def test_every_parameter_is_used(name: str) -> None:
    network = build(name, classes=CLASSES)
    network(torch.randn(2, 2, HEIGHT, WIDTH, dtype=torch.float64), torch.tensor([0, 1])).square().sum().backward()
    assert all(each.grad is not None and each.grad.any() for each in network.parameters())


def test_the_gated_network_has_no_blind_spot() -> None:
    """PixelCNN's windows leave out what lies far to the right above; the two stacks do not."""

    def sees(name: str, **options: Any) -> torch.Tensor:
        network: Any = NETWORKS.build(Part(name=name, **options), shape=(1, 9, 9), classes=0).double()
        values = torch.zeros(1, 1, 9, 9, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(network(values)[0, :, 5, 3].square().sum(), values)
        return gradient[0, 0] != 0

    before = torch.arange(81).view(9, 9) < 5 * 9 + 3
    assert torch.equal(sees("gated-pixel-cnn", width=4, depth=8), before)
    blind = sees("pixel-cnn", width=4, depth=8, first=3)
    assert not blind[~before].any() and not blind[4, 6:].any() and blind[3, 5]


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("gated-pixel-cnn:kernel=4", "its side must be odd and at least 3"),
        ("gated-pixel-cnn:first=1", "its side must be odd and at least 3"),
        ("gated-pixel-cnn:dropout=1", "it must be in"),
        ("gated-pixel-cnn:dilations=1x0", "it must be at least 1"),
        ("gated-pixel-cnn:width=0", "width is 0"),
        ("pixel-cnn:depth=0", "depth is 0"),
        ("pixel-cnn:kernel=2", "its side must be odd"),
        ("pixelcnn", "no model of pixels 'pixelcnn'"),
    ],
)
def test_wrong_options(part: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        NETWORKS.build(Part.parse(part), shape=(1, 8, 8), classes=0)
