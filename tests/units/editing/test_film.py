"""Flow against known shifts, and films that hold still."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from belamy.editing.style import stylize
from belamy.editing.style.film import stylize_film
from belamy.editing.style.flow import moved, optical_flow, trusted
from belamy.editing.style.stylize import Before
from belamy.errors import DataError
from belamy.networks.efficientnet_lite import EfficientNetLite


def scene(height: int, width: int) -> Tensor:
    """Smooth colours at two scales."""
    source = np.random.default_rng(1)
    parts = []
    for knots, strength in ((6, 0.7), (30, 0.3)):
        coarse = Image.fromarray(source.integers(0, 256, (knots, knots, 3), dtype=np.uint8))
        parts.append(strength * np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / 255)
    return torch.from_numpy(sum(parts)).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize(("right", "down"), [(0, 0), (3, 1), (-5, 2), (0, -7)])
def test_flow_of_a_pan_is_its_shift(right: int, down: int) -> None:
    whole = scene(120, 150)
    first, second = whole[..., 10:106, 10:138], whole[..., 10 + down : 106 + down, 10 + right : 138 + right]
    flow = optical_flow(first, second)
    exact = torch.tensor([-right, -down]).view(1, 2, 1, 1)
    assert float((flow - exact).abs()[..., 10:-10, 10:-10].quantile(0.98)) < 0.25
    assert float((moved(second, flow) - first).abs()[..., 10:-10, 10:-10].mean()) < 2e-3
    trust = trusted(flow, optical_flow(second, first))
    assert float(trust[..., 10:-10, 10:-10].mean()) > 0.97
    beyond = [
        trust[..., :right] if right > 0 else trust[..., right:],
        trust[..., :down, :] if down > 0 else trust[..., down:, :],
    ]
    for strip, shift in zip(beyond, (right, down), strict=True):
        assert not shift or float(strip.mean()) < 0.2


def test_what_was_hidden_is_not_trusted() -> None:
    """A square moves right over a still ground: what it uncovers was not seen before."""
    ground, square = scene(96, 96), scene(40, 40).flip(3)
    frames = []
    for left in (20, 26):
        frame = ground.clone()
        frame[..., 30:70, left : left + 40] = square
        frames.append(frame)
    trust = trusted(optical_flow(frames[1], frames[0]), optical_flow(frames[0], frames[1]))[0, 0]
    hidden, ground_seen = float(trust[36:64, 20:26].mean()), float(trust[:20].mean())
    assert hidden < ground_seen - 0.1 and ground_seen > 0.95
    assert float(trust[40:60, 46:56].mean()) > 0.9


def test_the_term_of_time_and_its_gradient() -> None:
    image, last = (
        torch.rand(1, 3, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(s)) for s in (1, 2)
    )
    trust = (torch.arange(5) < 3).double().expand(1, 1, 6, 5)
    value, gradient = Before(last, trust, 30.0).pull(image)
    image.requires_grad_()
    expected = 30 * (trust * (image - last) ** 2).mean()
    assert value == pytest.approx(float(expected.detach()))
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, image)[0])


def test_a_frame_is_held_to_the_one_before() -> None:
    network = EfficientNetLite.pretrained()
    content, style = (np.random.default_rng(s).integers(0, 256, (48, 48, 3), dtype=np.uint8) for s in (0, 1))
    first = stylize(content, style, network=network, size=48, steps=6)
    last = torch.from_numpy(first.pixels).permute(2, 0, 1)[None].float() / 255
    everywhere = torch.ones(1, 1, 48, 48)
    apart = []
    for weight in (0.0, 1e4):
        found = stylize(
            content, style, network=network, size=48, steps=6, seed=9, before=Before(last, everywhere, weight)
        )
        assert len(found.losses["temporal"]) == 6
        apart.append(np.abs(found.pixels.astype(int) - first.pixels).mean())
    assert apart[1] < 0.6 * apart[0]


def test_frames_may_come_one_by_one() -> None:
    frames = (np.full((20, 24, 3), 40 * number, dtype=np.uint8) for number in range(3))
    made = stylize_film(frames, [], painter=lambda values: values)
    assert len(made.frames) == 3 and made.seconds == 3 / 12


def test_a_film_has_frames() -> None:
    with pytest.raises(DataError, match="holds no frames"):
        stylize_film([], np.zeros((32, 32, 3), dtype=np.uint8))


def test_styles_are_described_once() -> None:
    """The network sees the style at each size of the first frame, and never again."""
    frames = [np.uint8(255 * scene(64, 70)[0, :, :, k : k + 64].permute(1, 2, 0)) for k in range(3)]
    seen: list[tuple[int, ...]] = []

    class Watched(EfficientNetLite):
        def prepare(self, images: Tensor) -> Tensor:
            seen.append(tuple(images.shape[2:]))
            return super().prepare(images)

    style = np.uint8(255 * scene(80, 120)[0].permute(1, 2, 0))
    stylize_film(frames, style, network=Watched().eval(), steps=2, coarsest=32)
    assert [seen.count(size) for size in ((32, 48), (64, 96))] == [1, 1]
