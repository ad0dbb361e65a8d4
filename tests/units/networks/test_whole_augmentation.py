"""ADA's whole pipeline against its appendix B: matrices, wavelets, filters, noise, holes, the controller."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.views import adaptive, corruption, geometry, wavelets
from belamy.seeds import Draws

EXACT = {"rtol": 1e-10, "atol": 1e-10}
HEIGHT, WIDTH = 12, 20


def draw(step: int = 0) -> Draws:
    return Draws(0, step, dtype=torch.float64)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


# Geometry


def scaled(x: float, y: float) -> np.ndarray:
    return np.diag([x, y, 1.0])


def turned(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])


def moved(x: float, y: float) -> np.ndarray:
    return np.array([[1.0, 0, x], [0, 1, y], [0, 0, 1]])


def by_hand(u: np.ndarray, z: np.ndarray, blit: float, general: float) -> np.ndarray:
    """From the original's places to the changed image's, as the appendix multiplies the eight."""
    whole = np.eye(3)
    either = 1 - math.sqrt(1 - general)
    if u[0] < blit:
        whole = scaled(1 - 2 * math.floor(2 * u[8]), 1) @ whole
    if u[1] < blit:
        whole = turned(math.pi / 2 * math.floor(4 * u[9])) @ whole
    if u[2] < blit:
        shift = [round((2 * u[10 + axis] - 1) * 0.125 * side) for axis, side in enumerate((WIDTH, HEIGHT))]
        whole = moved(-shift[0], -shift[1]) @ whole
    if u[3] < general:
        size = 2 ** (0.2 * z[0])
        whole = scaled(size, size) @ whole
    if u[4] < either:
        whole = turned((2 * u[12] - 1) * math.pi) @ whole
    if u[5] < general:
        longer = 2 ** (0.2 * z[1])
        whole = scaled(longer, 1 / longer) @ whole
    if u[6] < either:
        whole = turned((2 * u[13] - 1) * math.pi) @ whole
    if u[7] < general:
        whole = moved(-z[2] * 0.125 * WIDTH, -z[3] * 0.125 * HEIGHT) @ whole
    return whole


@pytest.mark.parametrize(("blit", "general"), [(1.0, 0.0), (0.0, 1.0), (0.6, 0.6)])
def test_the_map_is_the_inverse_of_the_product_of_the_papers_matrices(blit: float, general: float) -> None:
    u, z = draw().uniform("u", 200, geometry.UNIFORMS), draw().normal("z", 200, geometry.NORMALS)
    found = geometry.random_map(u, z, number(blit), number(general), HEIGHT, WIDTH)
    for row in range(200):
        wanted = np.linalg.inv(by_hand(u[row].numpy(), z[row].numpy(), blit, general))
        np.testing.assert_allclose(found[row].numpy(), wanted, rtol=1e-9, atol=1e-9)


def waves(places: Tensor, height: int, width: int) -> Tensor:
    """A smooth picture at places ``[..., 2]`` in pixels from the centre."""
    x, y = places.unbind(-1)
    return torch.cos(2 * math.pi * (x / width * 7 + 0.1)) + torch.sin(2 * math.pi * (y / height * 5 + x / width * 3))


def grid(height: int, width: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(height) + 0.5 - height / 2, torch.arange(width) + 0.5 - width / 2, indexing="ij")
    return torch.stack([x, y], -1).double()


def test_wavelets_resample_sharply() -> None:
    """A small turn and shift of a picture near its finest detail, away from the edges."""
    height = width = 32
    image = waves(grid(height, width), height, width)[None, None]
    inverse = torch.from_numpy(turned(0.3) @ moved(0.4, -0.7))[None]
    at = grid(height, width) @ inverse[0, :2, :2].T + inverse[0, :2, 2]
    wanted, inner = waves(at, height, width), (slice(None), slice(None), slice(10, -10), slice(10, -10))
    plain, sharp = (
        f(image, inverse)[inner] - wanted[None, None][inner] for f in (geometry.warp, geometry.filtered_warp)
    )
    assert sharp.abs().mean() < 0.3 * plain.abs().mean()


@pytest.mark.parametrize("shape", [(8, 8), (12, 20), (7, 5)])
def test_what_does_not_move_stays_as_it_is(shape: tuple[int, int]) -> None:
    images, maps = torch.randn(2, 3, *shape, dtype=torch.float64), torch.eye(3, dtype=torch.float64).repeat(2, 1, 1)
    assert torch.equal(geometry.filtered_warp(images, maps), images)
    maps[1, 0, 2] = 0.5
    seen = geometry.filtered_warp(images, maps)
    assert torch.equal(seen[0], images[0]) and not torch.equal(seen[1], images[1])


def test_the_two_filters_undo_each_other() -> None:
    """A picture that moves by whole pixels; the filters reach five pixels."""
    images = torch.randn(1, 2, 20, 24, dtype=torch.float64)
    shift = torch.from_numpy(moved(3.0, -2.0))[None]
    seen = geometry.filtered_warp(images, shift)
    torch.testing.assert_close(seen[..., 7:-5, 5:-8], images[..., 5:-7, 8:-5], rtol=0, atol=1e-9)


# Wavelets


@pytest.mark.parametrize(("taps", "moments"), [(wavelets.SYM2, 2), (wavelets.SYM6, 6)])
def test_wavelets_are_orthogonal_to_their_shifts_and_to_polynomials(taps: tuple[float, ...], moments: int) -> None:
    h, k = np.array(taps), np.arange(len(taps))
    assert h.sum() == pytest.approx(math.sqrt(2))
    for shift in range(len(h) // 2):
        assert h[2 * shift :] @ h[: len(h) - 2 * shift] == pytest.approx(float(shift == 0), abs=1e-11)
    for power in range(moments):
        assert ((-1) ** k * (k / len(h)) ** power) @ h == pytest.approx(0, abs=1e-11)
    assert abs(((-1) ** k * (k / len(h)) ** moments) @ h) > 1e-5


def test_bands_are_products_of_half_band_filters() -> None:
    found, omega = wavelets.bands().numpy(), np.linspace(0, math.pi, 200)
    low = (
        np.abs(sum(h * np.exp(-1j * k * omega[:, None] * 2.0 ** np.arange(3)) for k, h in enumerate(wavelets.SYM2)))
        ** 2
        / 2
    )
    wanted = [
        low[:, 0] * low[:, 1] * low[:, 2],
        low[:, 0] * low[:, 1] * (1 - low[:, 2]),
        low[:, 0] * (1 - low[:, 1]),
        1 - low[:, 0],
    ]
    response = np.array([sum(h * np.cos((k - 21) * omega) for k, h in enumerate(band)) for band in found])
    np.testing.assert_allclose(response, wanted, atol=1e-12)
    np.testing.assert_allclose(found, found[:, ::-1], atol=1e-15)
    np.testing.assert_allclose(found.sum(0), np.eye(43)[21], atol=1e-14)
    edges = np.array([1 / 16, 3 / 16, 3 / 8, 3 / 4]) * math.pi
    strongest = np.array([[sum(h * np.cos((k - 21) * w) for k, h in enumerate(band)) for band in found] for w in edges])
    assert (strongest.argmax(1) == np.arange(4)).all()


# Filters, noise, holes


def test_filters_are_the_papers_product_of_normalised_gains() -> None:
    u, z = draw().uniform("u", 50, 4), draw().normal("z", 50, 4)
    found, bands = corruption.random_filter(u, z, number(0.6)), wavelets.bands().numpy()
    for row in range(50):
        gains = np.ones(4)
        for band in range(4):
            t = np.ones(4)
            if u[row, band] < 0.6:
                t[band] = 2 ** float(z[row, band])
            gains *= t / math.sqrt(np.array([10, 1, 1, 1]) / 13 @ t**2)
        np.testing.assert_allclose(found[row].numpy(), gains @ bands, atol=1e-12)


def test_images_are_filtered_one_by_one_and_mirrored() -> None:
    images, filters = torch.randn(3, 2, 24, 30, dtype=torch.float64), torch.randn(3, 43, dtype=torch.float64)
    found = corruption.filtered(images + 0.5, filters, 0.5) - 0.5
    for row in range(3):
        for channel in range(2):
            wide = np.pad(images[row, channel].numpy(), 21, mode="reflect")
            h = filters[row].numpy()[::-1]
            along = np.apply_along_axis(np.convolve, 0, wide, h, "valid")
            wanted = np.apply_along_axis(np.convolve, 1, along, h, "valid")
            np.testing.assert_allclose(found[row, channel].numpy(), wanted, atol=1e-12)


def test_small_images_are_mirrored_again_and_again() -> None:
    rows = corruption._mirrored(3, 5, torch.device("cpu")).tolist()
    assert rows == np.pad(np.arange(3), 5, mode="reflect").tolist()
    assert corruption._mirrored(1, 2, torch.device("cpu")).tolist() == [0] * 5


def test_noise_has_the_deviation_that_was_drawn() -> None:
    images = torch.zeros(400, 3, 16, 16, dtype=torch.float64)
    u, z = draw().uniform("u", 400), draw().normal("z", 400)
    noise = draw().normal("n", 400, 3, 16, 16)
    seen = corruption.noisy(images, u, z, number(0.7), noise, 0.5)
    deviations = torch.where(u < 0.7, 0.05 * z.abs(), 0.0)
    torch.testing.assert_close(seen, noise * deviations[:, None, None, None], **EXACT)


def test_holes_are_half_as_long_as_the_image_around_any_place() -> None:
    images = torch.ones(4000, 2, 8, 12, dtype=torch.float64)
    u = draw().uniform("u", 4000, 3)
    seen = corruption.cut(images, u, number(0.5), -0.25)
    hole = seen == -0.25
    assert torch.equal(hole, ~(seen == 1)) and torch.equal(hole[:, 0], hole[:, 1])
    assert torch.equal(hole.any(3).any(2).any(1), u[:, 0] < 0.5)
    for row in range(40):
        for y, x in ((0, 0), (3, 7), (7, 11)):
            inside = abs((x + 0.5) / 12 - u[row, 1]) < 0.25 and abs((y + 0.5) / 8 - u[row, 2]) < 0.25
            assert bool(hole[row, 0, y, x]) == bool(inside and u[row, 0] < 0.5)


# The view


WHOLE = {"filters": True, "noise": True, "cutout": True}


@pytest.mark.parametrize("group", ["blit", "geometry", "colour", "filters", "noise", "cutout"])
def test_each_group_can_be_had_alone_and_weaker(group: str) -> None:
    images = torch.randn(800, 3, 8, 8, dtype=torch.float64)
    none = dict.fromkeys(("blit", "geometry", "colour", *WHOLE), False)

    def changed(share: float) -> float:
        view = adaptive.View((3, 8, 8), strength=0.5, **{**none, group: share})
        return float(((view(images, draw(), 0.0) - images).abs() > 1e-9).flatten(1).any(1).double().mean())

    coins = {"blit": 3, "geometry": 4, "colour": 5, "filters": 4, "noise": 1, "cutout": 1}[group]
    still = {"blit": (1 - 0.5 / 2) * (1 - 0.5 * 3 / 4) * (1 - 0.5 * 8 / 9)}.get(group, 0.5**coins)
    assert changed(True) == pytest.approx(1 - still, abs=0.05)
    assert changed(0.4) < changed(True) - 0.02
    assert changed(0.0) == 0


def test_the_other_groups_do_not_change_what_the_first_three_do() -> None:
    images, view = torch.randn(4, 3, 8, 8), adaptive.View((3, 8, 8), strength=0.8)
    cutting = adaptive.View((3, 8, 8), strength=0.8, cutout=True)
    usual, cut = view(images, draw(), 0.0), cutting(images, draw(), 0.0)
    assert torch.equal(cut[cut != 0], usual[cut != 0]) and (cut == 0).any()


def test_the_controller_is_equation_1_in_float64() -> None:
    """Scores whose signs vary, adjusted each fourth update by the images seen since the last, between 0 and 1."""
    view = adaptive.View((3, 8, 8), speed=700, limit=1.0).double()
    p, signs, seen = 0.0, 0.0, 0
    for step in range(400):
        count = 3 + step % 5
        scores = (
            torch.randn(count, generator=torch.Generator().manual_seed(step)).double() + 1.2 * math.sin(step / 40) + 0.3
        )
        signs, seen = signs + float(scores.sign().sum()), seen + count
        view.observe(scores)
        if step % 4 == 3:
            p = min(max(p + np.sign(signs / seen - 0.6) * seen / 700, 0.0), 1.0)
            signs, seen = 0.0, 0
        assert float(view.strength) == pytest.approx(p, abs=1e-12)
    assert p > 0


@pytest.mark.parametrize(
    ("options", "message"), [({"noise": 1.5}, "noise is 1.5.*noise=1"), ({"blit": -0.1}, "blit is -0.1")]
)
def test_a_factor_out_of_range_is_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        adaptive.View((3, 8, 8), **options)
