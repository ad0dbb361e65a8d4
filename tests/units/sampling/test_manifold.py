"""Manifolds: their coordinates, the order of rows and columns, traversals, and the scatter."""

from __future__ import annotations

from statistics import NormalDist

import pytest
import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.methods import gan
from belamy.methods.base import BaseMethod, BaseRecipe, DataSpec, normal_latents
from belamy.registry import Part
from belamy.sampling.manifold import axis_coordinates, coordinates, plane, sheet, traversals
from belamy.sampling.scatter import LEFT, SIDE, TOP, palette, scatter


class Shows(BaseMethod):
    """Two pixels above each other that are the first two of three latents, divided by 2."""

    def __init__(self) -> None:
        super().__init__(BaseRecipe(), DataSpec.pictures((1, 2, 1)))
        self.gain = nn.Parameter(torch.tensor(0.5))

    def latents(self, seed: int, indices: list[int]) -> Tensor:
        return normal_latents(seed, indices, 3)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return (self.gain * latents[:, :2]).view(-1, 1, 2, 1)


def lawful(prior: str) -> gan.Method:
    recipe = gan.Recipe(
        generator=Part.parse("dense-fashion"), discriminator=Part.parse("dense-fashion"), latent=6,
        prior=Part.parse(prior),
    )  # fmt: skip
    return gan.Method(recipe, DataSpec.pictures((1, 8, 8)))


def test_the_coordinates_of_the_slides() -> None:
    found = coordinates()
    expected = [NormalDist().inv_cdf(0.05 + 0.9 * step / 14) for step in range(15)]
    assert len(found) == 15 and found.dtype == torch.float64
    assert torch.allclose(found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)
    assert round(float(found[0]), 5) == -1.64485 and round(float(found[14]), 5) == 1.64485 and found[7].abs() < 1e-15


def test_columns_are_the_first_axis_and_rows_the_second() -> None:
    at, latents = coordinates().float(), plane(Shows(), (0, 1)).view(15, 15, 3)
    for row, column in ((0, 0), (0, 14), (14, 0), (3, 11)):
        assert torch.equal(latents[row, column], torch.stack([at[column], at[row], torch.tensor(0.0)]))
    swapped = plane(Shows(), (2, 0)).view(15, 15, 3)
    assert torch.equal(swapped[3, 11], torch.stack([at[3], torch.tensor(0.0), at[11]]))


def test_the_sheet_shows_them_in_that_order() -> None:
    picture = sheet(Shows(), plane(Shows()), 15).pixels[..., 0]  # [rows of 2 pixels, columns]
    assert picture.shape == (30, 15)
    across, down = picture[0], picture[1::2, 0]
    assert (across[1:] > across[:-1]).all() and (down[1:] > down[:-1]).all()
    assert (picture[0::2] == across).all() and (picture[1::2] == down[:, None]).all()


def test_other_axes_are_those_of_the_base() -> None:
    base = torch.tensor([5.0, 6, 7])
    assert (plane(Shows(), (0, 1), 3, base)[:, 2] == 7).all()
    rows = traversals(Shows(), (2, 0), 5, base).view(2, 5, 3)
    assert (rows[0, :, :2] == base[:2]).all() and torch.equal(rows[0, :, 2], coordinates(5).float())
    assert (rows[1, :, 1:] == base[1:]).all() and torch.equal(rows[1, :, 0], coordinates(5).float())


@pytest.mark.parametrize(
    "prior", ["normal", "spherical", "uniform", "truncated:threshold=1", "coded:categories=2,continuous=1"]
)
def test_coordinates_are_quantiles_of_the_law(prior: str) -> None:
    method = lawful(prior)
    axis = 5  # a continuous code, where there are any
    drawn = method.latents(0, range(5_000))[:, axis].double()
    shares = torch.tensor([(drawn <= at).double().mean() for at in axis_coordinates(method, axis)])
    tolerance = 0.05 if prior == "spherical" else 0.022  # six coordinates on a sphere are only nearly normal
    assert torch.allclose(shares.double(), torch.linspace(0.05, 0.95, 15, dtype=torch.float64), rtol=0, atol=tolerance)


def test_what_a_manifold_refuses() -> None:
    for axes, says in (((0, 3), "no latent axis 3: .* 0..2"), ((-1, 0), "no latent axis -1"), ((1, 1), "both 1")):
        with pytest.raises(UsageError, match=says):
            plane(Shows(), axes)
    with pytest.raises(UsageError, match=r"in 2\.\.64"):
        coordinates(1)


def test_dots_lie_where_the_points_are() -> None:
    points = torch.tensor([[-1.0, 1.0]] * 50 + [[1.0, -1.0]] * 50)
    picture = scatter(points, torch.arange(100) // 50, ("up left", "down right")).pixels
    frame = picture[TOP : TOP + SIDE, LEFT : LEFT + SIDE]
    middle = SIDE // 2
    up_left, down_right = frame[:middle, :middle], frame[middle:, middle:]
    for quarter, colour in ((up_left, palette(2)[0]), (down_right, palette(2)[1])):
        assert (quarter == colour).all(2).sum() > 10
    assert (frame[middle:-5, 5:middle] == 255).all()


def test_the_scatter_needs_points_and_no_labels() -> None:
    with pytest.raises(UsageError, match="no point"):
        scatter(torch.full((3, 2), torch.nan), None, ())
    assert scatter(torch.randn(9, 2), None, ()).pixels.shape[2] == 3
    assert len(set(palette(40))) == 40
