"""Networks that paint in one pass: adaptive normalisation, statistics that are held, large pictures in tiles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from belamy.editing.style import one_pass as painting
from belamy.editing.style.one_pass import one_pass
from belamy.methods import adain, single_style
from belamy.methods.base import BaseMethod, DataSpec
from belamy.networks.adain import Adapted, statistics
from belamy.networks.standardised import EPSILON, Standardised, statistics_held
from belamy.registry import Part


def scene(height: int, width: int, seed: int = 1) -> Tensor:
    """Smooth colours at two scales, darker to the right."""
    source = np.random.default_rng(seed)
    parts = []
    for knots, strength in ((6, 0.7), (30, 0.3)):
        coarse = Image.fromarray(source.integers(0, 256, (knots, knots, 3), dtype=np.uint8))
        parts.append(strength * np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / 255)
    return torch.from_numpy(sum(parts) * np.linspace(1, 0.05, width)[:, None]).permute(2, 0, 1)[None].float()


@pytest.fixture(scope="module", params=["adain", "single"])
def method(request: pytest.FixtureRequest) -> BaseMethod:
    """A network of either kind, with random weights."""
    torch.manual_seed(3)
    if request.param == "adain":
        return adain.Method(adain.Recipe.tiny(), DataSpec.pictures((3, 32, 32))).eval()
    recipe = single_style.Recipe(stylist=Part(name="johnson", width=4, blocks=2))
    return single_style.Method(recipe, DataSpec.pictures((3, 32, 32))).eval()


def painter(method: BaseMethod) -> Callable[[Tensor], Tensor]:
    style = (scene(64, 64, seed=2)[0] * 255).byte().permute(1, 2, 0).numpy()
    return one_pass(method, [style], style_scale=0.25) if method.takes_styles else one_pass(method)


def test_adapted_features_have_the_styles_statistics() -> None:
    content, style = torch.randn(2, 5, 9, 8), 3 * torch.randn(1, 5, 4, 7) + 2
    for found, wanted in zip(statistics(Adapted()(content, style)), statistics(style), strict=True):
        torch.testing.assert_close(found, wanted.expand_as(found), rtol=1e-3, atol=1e-3)


@torch.no_grad()
def test_strength_and_shares_mix_features() -> None:
    method = adain.Method(adain.Recipe.tiny(), DataSpec.pictures((3, 32, 32))).eval()
    image, one, other = (scene(32, 40).roll(shift, 3) * 2 - 1 for shift in (0, 7, 15))
    other = -other
    alone = method.stylize(image, [one])
    torch.testing.assert_close(method.stylize(image, [one, other], [1.0, 0.0]), alone)
    torch.testing.assert_close(
        method.stylize(image, [one], strength=0), method.stylize(image, [image]), atol=2e-3, rtol=0
    )
    assert float((method.stylize(image, [other]) - alone).abs().max()) > 1e-3


def test_standardised_is_instance_normalisation() -> None:
    x, norm = 3 * torch.randn(2, 5, 9, 8) + 1, Standardised(5)
    with torch.no_grad():
        norm.weight.uniform_(), norm.bias.uniform_()
    torch.testing.assert_close(norm(x), F.instance_norm(x, weight=norm.weight, bias=norm.bias, eps=EPSILON))


def test_statistics_are_held_and_let_go() -> None:
    network = nn.Sequential(Standardised(), nn.Conv2d(2, 3, 1), Standardised(3))
    seen, other = torch.randn(4, 2, 6, 6), torch.randn(1, 2, 5, 5)
    alone = network(other).detach()
    with statistics_held(network, lambda: network(seen)):
        torch.testing.assert_close(network(seen).mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
        torch.testing.assert_close(network(seen).var((0, 2, 3), correction=0), torch.ones(3), atol=1e-3, rtol=0)
        torch.testing.assert_close(network(other[..., :2]), network(other)[..., :2])
        assert float((network(other).detach() - alone).abs().max()) > 0.01
    torch.testing.assert_close(network(other), alone)


def test_nothing_beyond_the_reach_counts(method: BaseMethod) -> None:
    """Statistics held, a pixel's gradient ends within the reach, which is not much too long either."""
    image, styles = scene(224, 224) * 2 - 1, [scene(64, 64) * 2 - 1] if method.takes_styles else []
    image.requires_grad_()
    with statistics_held(method, lambda: method.stylize(image, styles)):
        farthest = 0
        for place in range(104, 112):
            painted = method.stylize(image, styles)[0, :, place, place].sum()
            (gradient,) = torch.autograd.grad(painted, image)
            rows = gradient.abs().sum((0, 1, 3)).nonzero().flatten()
            farthest = max(farthest, place - int(rows.min()), int(rows.max()) - place)
    assert method.receptive_field - 8 <= farthest <= method.receptive_field


def test_tiles_are_the_whole_where_statistics_are_given(method: BaseMethod, monkeypatch: pytest.MonkeyPatch) -> None:
    paint, picture = painter(method), scene(336, 400)
    monkeypatch.setattr(painting, "TILE", 256)
    monkeypatch.setattr(painting, "_crops", lambda values: values)  # the statistics of the whole
    tiled = paint(picture)
    monkeypatch.setattr(painting, "TILE", 400)
    whole = paint(picture)
    assert whole.std() > 0.01
    torch.testing.assert_close(tiled, whole, atol=2e-4, rtol=0)


def test_statistics_of_crops_are_near_those_of_the_whole(method: BaseMethod, monkeypatch: pytest.MonkeyPatch) -> None:
    """Far nearer than if each half of a picture that darkens took its own."""
    paint, picture = painter(method), scene(336, 400)
    whole = paint(picture)
    alone = torch.cat([paint(picture[..., :200]), paint(picture[..., 200:])], 3)
    monkeypatch.setattr(painting, "TILE", 256)
    tiled = paint(picture)
    assert float((tiled - whole).square().mean()) < 0.2 * float((alone - whole).square().mean())
    assert paint(picture[..., :331, :397]).shape == (1, 3, 331, 397)
