"""Views: schedules, closed forms, what may not leak, and the controller of ADA."""

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.views import adaptive, colour, diff_augment, geometry, instance_noise
from belamy.seeds import Draws

SHAPE = (3, 8, 8)


def draw(step: int = 0) -> Draws:
    return Draws(0, step, dtype=torch.float64)


def photo(count: int, channels: int = 3, side: int = 8) -> Tensor:
    return (torch.rand(1, channels, side, side, dtype=torch.float64) * 2 - 1).expand(count, -1, -1, -1)


# Instance noise


@pytest.mark.parametrize(("progress", "share"), [(0.0, 1.0), (0.25, 0.5), (0.4999, 0.0002)])
def test_instance_noise_falls_on_a_line(progress, share):
    images = torch.zeros(64, *SHAPE, dtype=torch.float64)
    noisy = instance_noise.View(SHAPE, sigma=0.3, until=0.5)(images, draw(), progress)
    assert noisy.std() == pytest.approx(0.3 * share, rel=0.02)
    assert abs(noisy.mean()) < 0.01 * share


def test_instance_noise_ends_exactly():
    images, view = torch.zeros(2, *SHAPE), instance_noise.View(SHAPE, sigma=0.3, until=0.5)
    for progress in (0.5, 0.7, 1.0):
        assert view(images, draw(), progress) is images
    assert view(images, draw(), 0.4999) is not images


# DiffAugment


def test_colour_keeps_what_each_change_leaves_alone():
    images = photo(2000, side=4)
    changed = diff_augment.View((3, 4, 4), policy="colour")(images, draw(), 0.0)
    shift = (changed - images).mean((1, 2, 3))  # saturation and contrast keep the mean
    assert shift.min() > -0.5 and shift.max() < 0.5
    assert shift.mean() == pytest.approx(0, abs=0.02) and shift.std() == pytest.approx(12**-0.5, rel=0.05)
    grey, before = changed.mean(1), images.mean(1)  # saturation keeps each pixel's grey
    contrast = grey.flatten(1).std(1) / before.flatten(1).std(1)
    assert contrast.min() > 0.5 and contrast.max() < 1.5 and contrast.mean() == pytest.approx(1, abs=0.02)
    chroma = (changed - grey[:, None]).flatten(1).std(1) / (images - before[:, None]).flatten(1).std(1) / contrast
    assert chroma.min() >= 0 and chroma.max() < 2 and chroma.mean() == pytest.approx(1, abs=0.04)


def test_translation_moves_by_every_whole_number_and_grey_comes_in():
    images, side = photo(3000, 1, 16) + 3, 16
    moved = diff_augment.View((1, side, side), policy="translation")(images, draw(), 0.0)
    padded = torch.nn.functional.pad(images[:1], (2, 2, 2, 2))
    found = dict.fromkeys(product(range(5), range(5)), 0)
    for y, x in found:
        found[y, x] = int((moved == padded[..., y : y + side, x : x + side]).all((1, 2, 3)).sum())
    assert sum(found.values()) == 3000
    assert min(found.values()) > 80 and max(found.values()) < 160  # 120 each


def test_cutout_is_one_square_of_half_the_side_around_any_pixel():
    images = torch.ones(3000, 1, 6, 8, dtype=torch.float64)
    hole = diff_augment.View((1, 6, 8), policy="cutout")(images, draw(), 0.0) == 0
    rows, columns = hole.any(3).sum(2)[:, 0], hole.any(2).sum(2)[:, 0]
    assert torch.equal(hole.sum((1, 2, 3)), rows * columns)
    assert rows.max() == 3 and columns.max() == 4 and rows.min() == 2 and columns.min() == 2
    share = hole.double().mean((0, 1))
    assert share[3, 4] == pytest.approx(3 / 6 * 4 / 8, abs=0.03)


def test_the_policy_is_followed():
    images = photo(4)
    both = diff_augment.View(SHAPE, policy="translation+cutout")(images, draw(), 0.0)
    one = diff_augment.View(SHAPE, policy="translation")(images, draw(), 0.0)
    assert not torch.equal(both, one)
    assert torch.equal(both[both != 0], one[both != 0])


# ADA: geometry


def maps(count: int, blit: float = 0.0, general: float = 0.0, height: int = 8, width: int = 8) -> Tensor:
    p = torch.tensor([blit, general], dtype=torch.float64)
    uniform, normal = draw().uniform("u", count, geometry.UNIFORMS), draw().normal("z", count, geometry.NORMALS)
    return geometry.random_map(uniform, normal, p[0], p[1], height, width)


def orbit(image: Tensor) -> list[Tensor]:
    """The eight turned and mirrored forms of a square image."""
    return [torch.rot90(form, turns, (1, 2)) for form in (image, image.flip(2)) for turns in range(4)]


@pytest.mark.parametrize("p", [0.3, 0.8])
def test_blits_mix_an_image_with_its_forms_in_a_way_that_can_be_undone(p):
    """The operator on distributions has a determinant away from zero for p < 1, so nothing leaks (section 2.2)."""
    count, image = 12000, photo(1)[0]
    uniform, normal = draw().uniform("u", count, geometry.UNIFORMS), draw().normal("z", count, geometry.NORMALS)
    uniform[:, 2] = 1  # no translation
    chance, never = torch.tensor([p, 0.0], dtype=torch.float64)
    inverse = geometry.random_map(uniform, normal, chance, never, 8, 8)
    seen = geometry.warp(image.expand(count, -1, -1, -1), inverse)
    forms = torch.stack(orbit(image))
    which = (seen[:, None] - forms).abs().amax((2, 3, 4)).min(1)
    assert which.values.max() < 1e-12  # exactly one of the forms
    frequency = torch.bincount(which.indices, minlength=8).double() / count
    turned = torch.full((4,), p / 4, dtype=torch.float64)
    turned[0] += 1 - p
    # the flip comes first and a turn of the mirrored image is the other way about, which the uniform law does not see
    expected = torch.cat([turned * (1 - p / 2), turned * p / 2])
    assert (frequency - expected).abs().max() < 0.015
    transition = torch.stack([frequency[:4].roll(turns) for turns in range(4)]) / frequency[:4].sum()
    assert torch.linalg.det(transition) == pytest.approx((1 - p) ** 3, abs=0.02)
    flips = torch.tensor([[1 - p / 2, p / 2], [p / 2, 1 - p / 2]], dtype=torch.float64)
    assert torch.linalg.det(flips) == pytest.approx(1 - p)


def test_uniform_turns_leak_at_probability_one():
    """The counter-example of section 2.2: always turned at random, no direction can be told from another."""
    image = photo(1)[0]
    quarter = maps(8000, blit=1.0)[:, :2, :2]
    angle = torch.atan2(quarter[:, 1, 0], quarter[:, 1, 1]).div(math.pi / 2).round().long() % 4
    frequency = torch.bincount(angle, minlength=4) / 8000
    assert torch.allclose(frequency, torch.full((4,), 0.25), atol=0.02)
    transition = torch.stack([frequency.roll(turns) for turns in range(4)])
    assert abs(torch.linalg.det(transition)) < 1e-4
    assert adaptive.View(SHAPE).limit < 1
    assert len(orbit(image)) == 8


def test_whole_pixel_translations_are_exact():
    count, image = 400, photo(1, side=16)
    uniform, normal = draw().uniform("u", count, geometry.UNIFORMS), draw().normal("z", count, geometry.NORMALS)
    uniform[:, :2] = 1
    chance, never = torch.tensor([1.0, 0.0], dtype=torch.float64)
    seen = geometry.warp(image.expand(count, -1, -1, -1), geometry.random_map(uniform, normal, chance, never, 16, 16))
    mirrored = torch.cat([image.flip(3), image, image.flip(3)], 3)
    mirrored = torch.cat([mirrored.flip(2), mirrored, mirrored.flip(2)], 2)
    found = torch.zeros(count, dtype=torch.bool)
    for y, x in product(range(-2, 3), range(-2, 3)):
        found |= (seen - mirrored[..., 16 + y : 32 + y, 16 + x : 32 + x]).abs().amax((1, 2, 3)) < 1e-12
    assert found.all()


@pytest.mark.parametrize("p", [0.2, 0.7])
def test_general_geometry_happens_as_often_as_it_should(p):
    inverse = maps(8000, general=p)
    identity = torch.eye(3, dtype=torch.float64)
    still = ((inverse - identity).abs().amax((1, 2)) == 0).double().mean()
    # size, stretching, drift and the pair of rotations, each with probability p
    assert still == pytest.approx((1 - p) ** 4, abs=0.015)
    sizes = torch.linalg.det(inverse[:, :2, :2]).log() / 2
    scaled = sizes.abs() > 1e-9
    assert scaled.double().mean() == pytest.approx(p, abs=0.02)
    assert sizes[scaled].std() == pytest.approx(0.2 * math.log(2), rel=0.05)


def test_the_map_in_pixels_is_the_map_of_the_image():
    """A narrow picture turned by a quarter: the middle turns, the rest is mirrored in; no stretching."""
    image = torch.zeros(1, 1, 4, 8, dtype=torch.float64)
    image[0, 0, 1:3, 2:6] = torch.arange(8).view(2, 4) + 1
    quarter = torch.tensor([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]], dtype=torch.float64)
    turned = geometry.warp(image, quarter)[0, 0]
    torch.testing.assert_close(turned[:, 3:5], torch.rot90(image[0, 0, 1:3, 2:6]), rtol=0, atol=1e-12)


# ADA: colour


def homogeneous(matrix: Tensor, offset: Tensor | None = None) -> Tensor:
    whole = torch.eye(4, dtype=torch.float64)
    whole[:3, :3] = matrix
    if offset is not None:
        whole[:3, 3] = offset
    return whole


def test_colours_are_the_products_of_the_papers_five_maps():
    count, chance = 300, torch.tensor(0.6, dtype=torch.float64)
    uniform, normal = draw().uniform("u", count, colour.UNIFORMS), draw().normal("z", count, colour.NORMALS)
    matrices, offsets = colour.random_colours(uniform, normal, chance, 3)
    identity, v = torch.eye(3, dtype=torch.float64), torch.full((3, 1), 3**-0.5, dtype=torch.float64)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=torch.float64) * 3**-0.5
    for row in range(count):
        on = uniform[row, :5] < chance
        b = 0.2 * normal[row, 0] * on[0]
        c = 2 ** (0.5 * normal[row, 1] * on[1])
        flip = (uniform[row, 5] * 2).floor() * on[2]
        theta = (2 * uniform[row, 6] - 1) * math.pi * on[3]
        s = 2 ** (normal[row, 2] * on[4])
        whole = homogeneous(identity, b.expand(3))
        whole = homogeneous(c * identity) @ whole
        whole = homogeneous(identity - 2 * v @ v.T * flip) @ whole
        whole = homogeneous(torch.linalg.matrix_exp(theta * cross)) @ whole
        whole = homogeneous(v @ v.T + (identity - v @ v.T) * s) @ whole
        torch.testing.assert_close(homogeneous(matrices[row], offsets[row, :, 0]), whole)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_channel_counts_take_brightness_and_contrast(channels):
    uniform, normal = draw().uniform("u", 50, colour.UNIFORMS), draw().normal("z", 50, colour.NORMALS)
    matrices, offsets = colour.random_colours(uniform, normal, torch.tensor(1.0, dtype=torch.float64), channels)
    c, b = 2 ** (0.5 * normal[:, 1]), 0.2 * normal[:, 0]
    torch.testing.assert_close(matrices, c[:, None, None] * torch.eye(channels, dtype=torch.float64))
    torch.testing.assert_close(offsets, (c * b)[:, None, None].expand(-1, channels, 1))


# ADA: the view and its controller


def test_the_groups_can_be_chosen():
    images = photo(64)
    none = adaptive.View(SHAPE, strength=0.8, blit=False, geometry=False, colour=False)
    assert torch.equal(none(images, draw(), 0.0), images)
    blit = adaptive.View(SHAPE, strength=0.8, geometry=False, colour=False)(images, draw(), 0.0)
    values = images[0].flatten().sort().values
    assert (blit.flatten()[:, None] - values).abs().min(1).values.max() < 1e-12  # pixels move, none is mixed
    shades = adaptive.View(SHAPE, strength=0.8, blit=False, geometry=False)(images, draw(), 0.0)
    matrix, offset = torch.linalg.lstsq(
        torch.cat([images[0].flatten(1), torch.ones(1, 64, dtype=torch.float64)]).T, shades[5].flatten(1).T
    ).solution.split([3, 1])
    torch.testing.assert_close((images[5].flatten(1).T @ matrix + offset).T, shades[5].flatten(1))


def test_strength_is_how_many_images_change():
    images = photo(4000, 1, 4)
    view = adaptive.View((1, 4, 4), strength=0.3, blit=False, geometry=False)
    changed = (view(images, draw(), 0.0) != images).any(3).any(2).any(1).double().mean()
    assert changed == pytest.approx(1 - 0.7**2, abs=0.02)  # brightness or contrast


def observed(view: adaptive.View, scores: list[float], steps: int) -> float:
    for _ in range(steps):
        view.observe(torch.tensor(scores))
    return float(view.strength)


def test_the_controller_rises_when_the_discriminator_is_too_sure_and_falls_to_zero():
    view = adaptive.View(SHAPE, speed=1000)
    sure, unsure = [3.0, 0.1, 2.0, 1.0, 0.5], [1.0, -1.0, 2.0, -0.1, 0.3]  # r_t = 1 and 0.2
    assert observed(view, sure, 3) == 0  # adjusted each fourth step only
    assert observed(view, sure, 1) == pytest.approx(20 / 1000)
    assert observed(view, sure, 8) == pytest.approx(60 / 1000)
    assert observed(view, unsure, 4) == pytest.approx(40 / 1000)
    assert observed(view, unsure, 400) == 0
    assert observed(view, sure, 4000) == pytest.approx(0.8)  # the limit


def test_the_controller_looks_at_signs_and_rests_on_its_target():
    view = adaptive.View(SHAPE, speed=1000, target=0.5)
    assert observed(view, [100.0, 1.0, 1e-3, -1e6], 4) == 0  # r_t is the target itself
    assert observed(view, [100.0, 1.0, 1e-3, 1e-6], 4) == pytest.approx(0.016)


def test_strength_goes_from_0_to_1_in_speed_images():
    view = adaptive.View(SHAPE, speed=6400, limit=1.0)
    assert observed(view, [1.0] * 64, 96) == pytest.approx(0.96)
    assert observed(view, [1.0] * 64, 4) == pytest.approx(1.0)


def test_no_target_keeps_the_strength():
    assert observed(adaptive.View(SHAPE, target=None, strength=0.25), [1.0], 40) == 0.25


def test_a_resumed_controller_goes_on_as_it_would_have():
    """Stopped between two adjustments, at a step that is not a multiple of four."""
    scores = torch.randn(30, 16, generator=torch.Generator().manual_seed(2)) + 1
    whole, first, second = (adaptive.View(SHAPE, speed=1000) for _ in range(3))
    history = []
    for row in scores:
        whole.observe(row)
        history.append(float(whole.strength))
    for row in scores[:13]:
        first.observe(row)
    second.load_state_dict(first.state_dict())
    resumed = []
    for row in scores[13:]:
        second.observe(row)
        resumed.append(float(second.strength))
    assert resumed == history[13:]
    assert max(history) > 0


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (instance_noise, {"sigma": -0.1}, "sigma is -0.1.*sigma=0.1"),
        (instance_noise, {"until": 0.0}, "until is 0.*until=1"),
        (instance_noise, {"until": 1.5}, "until is 1.5.*until=1"),
        (diff_augment, {"policy": "color"}, "'color'. Did you mean 'colour'"),
        (diff_augment, {"policy": "cutout+cutout"}, "name each once, e.g. cutout"),
        (adaptive, {"target": 1.0}, "target is 1.*target=0.6"),
        (adaptive, {"speed": 0}, "speed is 0"),
        (adaptive, {"strength": 0.9}, "strength is 0.9.*limit=0.8"),
        (adaptive, {"limit": 1.2}, "limit is 1.2.*limit=0.8"),
    ],
)
def test_wrong_options_are_explained(kind, options, message):
    with pytest.raises(UsageError, match=message):
        kind.View(SHAPE, **options)
