"""Models of pixels: no pixel sees itself or a later one, and a step keeps what a whole pass computes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from belamy.errors import UsageError
from belamy.methods.autoregressive import NETWORKS
from belamy.networks.pixel_rnn import DiagonalMemories, RowMemory
from belamy.registry import Part

SMALL: dict[str, dict[str, Any]] = {
    "pixel-cnn": {"width": 3, "depth": 2},
    "gated-pixel-cnn": {"width": 4, "depth": 3, "first": 5, "dilations": (1, 2)},
    "pixel-rnn": {"width": 3, "depth": 2, "first": 3},
    "pixel-transformer": {"width": 8, "depth": 2, "heads": 2},
    "wavenet": {"width": 4, "skip": 5, "layers": 3, "cycles": 1},
    "row": {"memory": "row", "width": 3, "depth": 2, "first": 3},
}
"""Options of each network; ``row`` is a second form of ``pixel-rnn``."""
HEIGHT, WIDTH, CLASSES = 5, 4, 3
PIXELS = HEIGHT * WIDTH


@pytest.fixture(params=[*NETWORKS.names(), "row"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def shape_of(name: str, channels: int = 2) -> tuple[int, ...]:
    """Of a picture; of a sound, which has as many samples as the picture has pixels."""
    sound = name == "wavenet"
    return (channels, PIXELS) if sound else (channels, HEIGHT, WIDTH)


def build(name: str, channels: int = 2, classes: int = 0) -> Any:
    torch.manual_seed(0)
    part = Part(name="pixel-rnn" if name == "row" else name, **SMALL.get(name, {}))
    made: nn.Module = NETWORKS.build(part, shape=shape_of(name, channels), classes=classes)
    for parameter in made.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return made.double().eval()


def test_no_pixel_depends_on_itself_or_a_later_one(name: str) -> None:
    """By gradients: of the features of pixel i with respect to pixel j."""
    network = build(name)
    values = torch.randn(8, *shape_of(name), dtype=torch.float64, requires_grad=True)
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
    values = torch.randn(CLASSES, *shape_of(name), dtype=torch.float64)
    labels = torch.arange(CLASSES)
    whole = network(values, labels).flatten(2)
    state, before = network.start(CLASSES, labels), None
    for place in range(PIXELS):
        torch.testing.assert_close(network.step(state, place, before), whole[..., place], rtol=0, atol=1e-12)
        before = values.flatten(2)[..., place]
    same = network(values[:1].expand_as(values), labels)
    assert (same[0] - same[1]).abs().max() > 1e-6  # classes are heard


def test_every_parameter_is_used(name: str) -> None:
    network = build(name, classes=CLASSES)
    network(torch.randn(2, *shape_of(name), dtype=torch.float64), torch.tensor([0, 1])).square().sum().backward()
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
        ("pixel-rnn:memory=column", "it must be 'row' or 'diagonal'"),
        ("pixel-rnn:first=4", "its side must be odd"),
        ("pixel-rnn:width=0", "width is 0"),
        ("gated-pixel-cnn:kernel=4", "its side must be odd and at least 3"),
        ("gated-pixel-cnn:first=1", "its side must be odd and at least 3"),
        ("gated-pixel-cnn:dropout=1", "it must be in"),
        ("gated-pixel-cnn:dilations=1x0", "it must be at least 1"),
        ("gated-pixel-cnn:width=0", "width is 0"),
        ("pixel-cnn:depth=0", "depth is 0"),
        ("pixel-cnn:kernel=2", "its side must be odd"),
        ("wavenet:width=0", "width is 0"),
        ("wavenet:kernel=1", "must read 2 samples or more"),
        ("wavenet:layers=17", "at most 16 layers"),
        ("pixelcnn", "no model of pixels 'pixelcnn'"),
    ],
)
def test_wrong_options(part: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        NETWORKS.build(Part.parse(part), shape=(1, 8, 8), classes=0)


class TestPixelRNN:
    def test_diagonals_see_all_before_and_rows_a_triangle(self) -> None:
        def sees(memory: str) -> torch.Tensor:
            network: Any = NETWORKS.build(
                Part(name="pixel-rnn", memory=memory, width=3, depth=1, first=3), shape=(1, 9, 9), classes=0
            ).double()
            values = torch.zeros(1, 1, 9, 9, dtype=torch.float64, requires_grad=True)
            (gradient,) = torch.autograd.grad(network(values)[0, :, 5, 3].square().sum(), values)
            return gradient[0, 0] != 0

        before = torch.arange(81).view(9, 9) < 5 * 9 + 3
        before[4, 8] = False  # no state holds it in time
        assert torch.equal(sees("diagonal"), before)
        before[4, 8] = True
        seen = sees("row")
        assert not seen[~before].any()
        assert [int(seen[row].nonzero().max()) for row in range(6)] == [8, 7, 6, 5, 4, 2]

    def test_a_diagonal_memory_by_hand(self) -> None:
        """Pixel by pixel: each state from those of the left and upper neighbours, the cell from the left one."""
        torch.manual_seed(0)
        layer = DiagonalMemories(2, 0).double()
        features = torch.randn(1, 4, 3, 4, dtype=torch.float64)
        total = torch.zeros(1, 2, 3, 4, dtype=torch.float64)
        for number, maps in enumerate((features, features.flip(3))):
            gates, kernel = layer.read[number](maps), layer.pass_on[number].weight  # [8, 2, 2]: above, left
            h, c = torch.zeros(4, 5, 2).double(), torch.zeros(4, 5, 2).double()
            for row in range(3):
                for column in range(4):
                    state = kernel[:, :, 0] @ h[row, column + 1] + kernel[:, :, 1] @ h[row + 1, column]
                    o, f, i, g = (gates[0, :, row, column] + state).chunk(4)
                    c = c.clone()
                    h = h.clone()
                    c[row + 1, column + 1] = f.sigmoid() * c[row + 1, column] + i.sigmoid() * g.tanh()
                    h[row + 1, column + 1] = o.sigmoid() * c[row + 1, column + 1].tanh()
            found = h[1:, 1:].permute(2, 0, 1)[None]
            total = total + (torch.cat([torch.zeros(1, 2, 1, 4), found.flip(3)[:, :, :-1]], 2) if number else found)
        torch.testing.assert_close(layer(features, None), layer.up(total), rtol=0, atol=1e-12)

    def test_a_row_memory_by_hand(self) -> None:
        torch.manual_seed(0)
        layer = RowMemory(2, 0).double()
        features = torch.randn(1, 4, 3, 4, dtype=torch.float64)
        kernel, gates = layer.pass_on.weight, layer.read(features)
        h, c = torch.zeros(6, 2).double(), torch.zeros(4, 2).double()
        rows = []
        for row in range(3):
            states = torch.stack([sum(kernel[:, :, k] @ h[column + k] for k in range(3)) for column in range(4)])
            o, f, i, g = (gates[0, :, row].T + states).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = nn.functional.pad(o.sigmoid() * c.tanh(), (0, 0, 1, 1))
            rows.append(h[1:-1].T)
        torch.testing.assert_close(layer(features, None), layer.up(torch.stack(rows, 1)[None]), rtol=0, atol=1e-12)
