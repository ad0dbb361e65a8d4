"""One step of the networks of style against their papers, with means and covariances counted position by position."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from belamy.data import open_data, to_float
from belamy.data.dataset import Dataset, Memory
from belamy.methods import adain, perception, single_style

TINY = {"batch": 3, "samples": 30}


@pytest.fixture
def colours() -> Dataset:
    """Eight random 24x16 colour images; labels, which nothing asks for."""
    pixels = torch.randint(0, 256, (8, 3, 24, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(4))
    return Dataset("colours", Memory(pixels), labels=torch.arange(8) % 2, classes=["a", "b"])


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of one image's features over positions."""
    flat = features.flatten(1)
    return flat.mean(1), torch.cov(flat, correction=0)


def style_apart(found: Tensor, wanted: tuple[Tensor, Tensor]) -> Tensor:
    """Li et al. 2017, arXiv 1701.01036: squared distances of the moments, each over the style's own."""
    (mean, covariance), (of_style, its_covariance) = moments(found), wanted
    energy = (of_style**2).sum() + 1e-12
    floor = (energy / 100) ** 2 + 1e-12
    spread = torch.maximum((its_covariance**2).sum(), floor)
    return ((mean - of_style) ** 2).sum() / energy + ((covariance - its_covariance) ** 2).sum() / spread


def content_apart(found: Tensor, wanted: Tensor) -> Tensor:
    """Squared differences over what the wanted features vary in space."""
    varies = ((wanted - wanted.mean((1, 2), keepdim=True)) ** 2).sum()
    varies = torch.maximum(varies, (wanted**2).sum() / 1000 + 1e-12)
    return ((found - wanted) ** 2).sum() / varies


def roughness(painted: Tensor) -> Tensor:
    """Squared steps to the right and below on [0, 1], over all values."""
    image = (painted + 1) / 2
    right, below = image[:, :-1, 1:] - image[:, :-1, :-1], image[:, 1:, :-1] - image[:, :-1, :-1]
    return (right**2 + below**2).sum() / image.numel()


def test_any_style(stage: Any, check: Any, colours: Dataset) -> None:
    """Huang & Belongie 2017, arXiv 1703.06868, equations 8 to 13."""
    recipe = adain.Recipe(styles="patterns:count=6", width=2, content_weight=1.5, style_weight=0.5, **TINY)
    made = stage(recipe, colours)
    method, numbers = made.method, made.numbers()
    images = made.batch()[0]
    known = open_data("patterns:count=6", size=(24, 16)).images(torch.arange(6))
    chosen = (numbers.uniform("styles", 3) * 6).long()
    order = numbers.uniform("colours", 3, 3).argsort(1)
    drawn = torch.stack([known[i][places] for i, places in zip(chosen, order, strict=True)])
    styles = to_float(drawn).double()
    with torch.no_grad():
        own = perception.seen(method.encoder, images, adain.SCALES)
        shown = perception.seen(method.encoder, styles, perception.STYLE)
        target = {}
        for name in adain.SCALES:
            (mean, deviation), (of_style, its_deviation) = (
                (x.mean((2, 3), keepdim=True), (x.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt())
                for x in (own[name], shown[name])
            )
            target[name] = its_deviation * (own[name] - mean) / deviation + of_style
    painted = method.decoder(*target.values())
    found = perception.seen(method.encoder, painted, perception.STYLE)
    terms = {
        "content": torch.stack([content_apart(found["b4"][i], target["b4"][i]) for i in range(3)]),
        "style": torch.stack([
            torch.stack([style_apart(found[name][i], moments(shown[name][i])) for name in perception.STYLE]).sum()
            for i in range(3)
        ]),
        "smoothness": torch.stack([roughness(one) for one in painted]),
    }  # fmt: skip
    check(next(made.turns()), "decoder", method.decoder, terms, {"content": 1.5, "style": 0.5, "smoothness": 2.0})


def test_one_style(stage: Any, check: Any, colours: Dataset) -> None:
    """Johnson, Alahi & Fei-Fei 2016, arXiv 1603.08155, equation 5, with moments in place of Gram matrices."""
    recipe = single_style.Recipe(
        style="dots", style_size=32, stylist="johnson:width=2,blocks=1", content_weight=0.7, smoothness=3, **TINY
    )
    made = stage(recipe, colours)
    method = made.method
    images = made.batch()[0]
    network = method._perceptual[0]
    painted = method.stylist(images)
    with torch.no_grad():
        wanted = perception.seen(network, images, perception.CONTENT)
    found = perception.seen(network, painted, (*perception.STYLE, *perception.CONTENT))
    style = {name: (mean[0], covariance[0]) for name, (mean, covariance) in method._style.items()}
    terms = {
        "content": torch.stack([
            torch.stack([content_apart(found[name][i], wanted[name][i]) for name in perception.CONTENT]).sum()
            for i in range(3)
        ]),
        "style": torch.stack([
            torch.stack([style_apart(found[name][i], style[name]) for name in perception.STYLE]).sum()
            for i in range(3)
        ]),
        "smoothness": torch.stack([roughness(one) for one in painted]),
    }  # fmt: skip
    weights = {"content": 0.7, "style": 1.0, "smoothness": 3.0}
    check(next(made.turns()), "stylist", method.stylist, terms, weights)


def test_the_style_of_crops_is_that_of_all_their_positions() -> None:
    """Means and covariances over the positions of every crop together."""
    network = perception.perceptual_network(torch.zeros((), dtype=torch.float64))
    picture = torch.rand(1, 3, 40, 33, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = perception.moments_of_crops(network, picture, (3, 24, 16))
    crops = [picture[..., y : y + 24, x : x + 16] for y in (0, 16) for x in (0, 8, 17)]
    for name in perception.STYLE:
        features = [perception.seen(network, crop, [name])[name][0].flatten(1) for crop in crops]
        mean, covariance = moments(torch.cat(features, 1)[:, None])
        torch.testing.assert_close(found[name][0][0], mean, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(found[name][1][0], covariance, rtol=1e-7, atol=1e-9)
