"""Every distribution of the registry: its density is that of its samples."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from belamy.errors import DataError, UsageError
from belamy.game.measure import edges_of, histogram, real_masses
from belamy.game.settings import DISTRIBUTIONS, GameSettings, distribution_part
from belamy.registry import Part
from belamy.seeds import Draws


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Black in the upper left quarter, half dark in the lower right one."""
    pixels = np.full((40, 40), 255, dtype=np.uint8)
    pixels[:20, :20], pixels[20:, 20:] = 0, 127
    path = tmp_path_factory.mktemp("drawn") / "drawing.png"
    Image.fromarray(pixels).save(path)
    return path


def build(name: str, drawing: Path, **options: Any) -> Any:
    given = {"file": str(drawing)} if name == "picture" else {}
    return DISTRIBUTIONS.build(Part(name=name, **given, **options))


@pytest.mark.parametrize("name", DISTRIBUTIONS.names())
def test_the_density_is_that_of_the_samples(name: str, drawing: Path) -> None:
    distribution = build(name, drawing)
    count = 200_000
    points = distribution.sample(count, Draws(1, 0))
    assert points.shape == (count, distribution.dimensions) and points.dtype == torch.float32
    masses = real_masses(distribution)
    assert masses.sum() == pytest.approx(1, abs=2e-3)
    if distribution.dimensions == 1:
        found = np.histogram(points.numpy(), bins=edges_of(distribution))[0] / count
        block = 16
        masses, found = (each.reshape(-1, block).sum(1) for each in (masses, found))
    else:
        found = histogram(points, edges_of(distribution))
        masses, found = (each.reshape(20, 8, 20, 8).sum((1, 3)) for each in (masses, found))
    error = np.abs(found - masses) / np.sqrt((masses + 1e-6) / count)
    assert error.max() < 5.5  # standard errors


@pytest.mark.parametrize("name", ["ring", "swiss-roll", "picture"])
def test_the_density_on_a_grid_is_that_at_its_points(name: str, drawing: Path) -> None:
    distribution = build(name, drawing)
    x, y = torch.linspace(-2, 2, 7).double(), torch.linspace(-1, 3, 5).double()
    wanted = torch.stack([distribution.density(torch.stack([x, torch.full_like(x, float(row))], 1)) for row in y])
    assert wanted.any()
    torch.testing.assert_close(distribution.density_on_grid(x, y), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", DISTRIBUTIONS.names())
def test_samples_depend_on_the_draw_alone(name: str, drawing: Path) -> None:
    distribution = build(name, drawing)
    first, again, other = (distribution.sample(8, Draws(0, step)) for step in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_literature_s_ring_and_grid() -> None:
    ring, grid = (DISTRIBUTIONS.build(Part(name=name)) for name in ("ring", "grid"))
    assert ring.centres.norm(dim=1) == pytest.approx([2.0] * 8, abs=1e-6) and ring.spread == 0.02
    assert sorted({float(value) for value in grid.centres.flatten()}) == [-4, -2, 0, 2, 4]
    assert grid.centres.shape == (25, 2) and grid.spread == 0.05
    peak = float(grid.density(torch.zeros(1, 2, dtype=torch.float64)))
    assert peak == pytest.approx(1 / 25 / (2 * math.pi * 0.05**2), rel=1e-6)


def test_dark_is_dense_and_up_is_up(drawing: Path) -> None:
    picture = build("picture", drawing)
    upper_left, lower_right, empty = picture.density(torch.tensor([[-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]).double())
    assert upper_left / lower_right == pytest.approx(255 / 128, rel=1e-3) and empty == 0
    assert float(upper_left + lower_right) * 4 == pytest.approx(1, rel=1e-6)


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("no picture")
    Image.new("L", (20, 20), 255).save(tmp_path / "white.png")
    for name, says in (("words.png", "not a picture"), ("white.png", "all white"), ("none.png", "no picture")):
        with pytest.raises(DataError, match=says):
            DISTRIBUTIONS.build(Part(name="picture", file=str(tmp_path / name)))
    with pytest.raises(UsageError, match="needs a picture"):
        DISTRIBUTIONS.build(Part(name="picture"))


@pytest.mark.parametrize(
    ("text", "says"),
    [("ring:radius=9", "ring.radius is 9"), ("grid:side=1", "grid.side is 1"), ("gaussian:deviation=0", "0.05..2"),
     ("moons:deviation=2", "moons.deviation"), ("gaussian-pair:separation=-1", "0..8")],
)  # fmt: skip
def test_options_out_of_range(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        DISTRIBUTIONS.build(Part.parse(text))


def test_a_path_is_a_picture_and_a_name_is_a_name() -> None:
    assert distribution_part("drawings/cat") == Part(name="picture", file="drawings/cat")
    assert distribution_part("swiss_roll") == Part(name="swiss_roll")
    with pytest.raises(UsageError, match="Did you mean 'ring'"):
        GameSettings().changed(distribution="rign")
