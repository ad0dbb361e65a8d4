"""Walks: ends and midpoints in closed form, equal steps, loops, and labels that blend."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.methods import autoencoder, gan, vae
from belamy.methods.base import BaseMethod, BaseRecipe, DataSpec, normal_latents
from belamy.networks.priors.paths import linear, slerp
from belamy.registry import Part
from belamy.sampling.picture import Picture, beside, named
from belamy.sampling.points import class_weights, drawn, encoded, images_at, pixels_at
from belamy.sampling.walk import PATHS, along, completed, equidistant, evenly, lengths, walk, way

SMALL = DataSpec.pictures((1, 8, 8), ("a", "b", "c"))
CONDITIONS = ("embedding", "one-hot", "gated", "embedding:mode=multiply")


class Cubic(BaseMethod):
    """A generator without a law of its own: every pixel is the cube of the first latent."""

    def __init__(self) -> None:
        super().__init__(BaseRecipe(), DataSpec.pictures((1, 2, 2)))
        self.gain = nn.Parameter(torch.ones(1))

    def latents(self, seed: int, indices: list[int]) -> Tensor:
        return normal_latents(seed, indices, 3)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return (self.gain * latents[:, 0] ** 3).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


def a_gan(condition: str = "unconditional", prior: str = "normal", **fields: object) -> gan.Method:
    recipe = gan.Recipe(
        generator=Part.parse("dense-fashion"), discriminator=Part.parse("dense-fashion"), latent=6,
        prior=Part.parse(prior), generator_condition=Part.parse(condition), **fields,
    )  # fmt: skip
    torch.manual_seed(1)
    return gan.Method(recipe, SMALL).eval()


def test_slerp_is_its_formula() -> None:
    numbers = torch.randn(50, 2, 7, dtype=torch.float64)
    for t in (0.0, 0.25, 0.5, 0.9, 1.0):
        for a, b in numbers:
            omega = math.acos(float(a @ b) / (float(a.norm()) * float(b.norm())))
            expected = math.sin((1 - t) * omega) / math.sin(omega) * a + math.sin(t * omega) / math.sin(omega) * b
            assert torch.allclose(slerp(a, b, t), expected, rtol=0, atol=1e-13)


def test_midpoints_of_right_angles() -> None:
    a, b = torch.tensor([[2.0, 0, 0], [0, 2.0, 0]], dtype=torch.float64)
    assert torch.allclose(slerp(a, b, 0.5), torch.tensor([2**0.5, 2**0.5, 0], dtype=torch.float64))
    assert torch.equal(linear(a, b, 0.5), torch.tensor([1.0, 1, 0], dtype=torch.float64))


@pytest.mark.parametrize("path", PATHS)
def test_equal_and_opposite_keys_stay_finite(path: str) -> None:
    key = drawn(a_gan(), 3)
    for other in (key, -key, torch.zeros_like(key)):
        made = walk(a_gan(), torch.stack([key, other]), path=path, steps=4)
        assert made.latents.isfinite().all() and made.steps.isfinite().all()
        assert torch.allclose(made.latents[0], key, atol=1e-6) and torch.allclose(made.latents[-1], other, atol=1e-6)


@pytest.mark.parametrize("prior", ["normal", "uniform", "spherical", "truncated", "coded:categories=2,continuous=1"])
@pytest.mark.parametrize("path", ["prior", "linear", "slerp"])
def test_every_path_passes_its_keys(prior: str, path: str) -> None:
    method = a_gan(prior=prior)
    keys = torch.stack([drawn(method, seed) for seed in (0, 1, 2)])
    made = walk(method, keys, path=path, steps=4)
    assert made.keys == (0, 4, 8) and len(made.images) == 9
    assert torch.allclose(made.latents[[0, 4, 8]], keys, atol=1e-4)
    assert torch.equal(made.images[4], pixels_at(method, keys[1:2])[0])
    middle = made.latents[2]
    if path == "linear" or (path, prior) == ("prior", "uniform"):
        assert torch.allclose(middle, (keys[0] + keys[1]) / 2, atol=1e-6)
    elif path == "slerp" or prior in ("normal", "spherical"):
        assert torch.allclose(middle, slerp(keys[0], keys[1], 0.5), atol=1e-6)


def test_the_way_of_several_generators_leaves_the_choice_straight() -> None:
    method = a_gan(generators=2)
    keys = torch.stack([drawn(method, seed) for seed in (0, 1)])
    between = along(keys, torch.tensor([0.5]), way(method, "prior"))[0]
    assert torch.allclose(between[:-1], slerp(keys[0, :-1], keys[1, :-1], 0.5))
    assert torch.isclose(between[-1], keys[:, -1].mean())


def test_means_are_completed_and_codes_stay() -> None:
    method = a_gan(prior="coded:categories=2,continuous=1")
    long = drawn(method, 0) * 100
    assert torch.equal(completed(method, long), long)
    mean = torch.tensor([0.25, 0, 0, 1, 0, 0.5])  # three numbers of noise, two of the category, one code
    found = completed(method, mean, 3)
    assert torch.equal(found[3:], mean[3:]) and torch.isclose(found[0], mean[0])  # its own direction too
    assert 1.4 < float(found[:3].norm()) < 1.8  # √(8/π) = 1.60 for three
    own = drawn(method, 3)[1:3]
    assert torch.allclose(found[1:3] / found[1:3].norm(), own / own.norm(), atol=1e-6)
    assert torch.allclose(
        completed(method, torch.zeros(6), 3)[1:3] / own,
        completed(method, torch.zeros(6), 3)[0] / drawn(method, 3)[0],
        atol=1e-5,
    )


def test_a_loop_closes_without_repeating() -> None:
    method, keys = a_gan(), torch.stack([drawn(a_gan(), seed) for seed in (0, 1, 2)])
    made = walk(method, keys, path="linear", steps=5, loop=True)
    assert len(made.images) == 15 == len(made.steps) and made.keys == (0, 5, 10)
    assert torch.allclose(made.latents[14], 0.2 * keys[2] + 0.8 * keys[0], atol=1e-6)


def test_even_steps_look_equally_large() -> None:
    """The image is the cube of a latent that goes from 0 to 1: after a share s of the way it must be s, at the latent
    s^(1/3)."""
    keys = torch.tensor([[0.0, 0, 0], [1.0, 0, 0]])
    plain, even = (walk(Cubic(), keys, path=path, steps=8) for path in ("linear", "even"))
    assert torch.allclose(even.latents[:, 0], torch.linspace(0, 1, 9) ** (1 / 3), atol=0.02)
    assert even.unevenness < 0.06 < 0.5 < plain.unevenness
    assert torch.equal(even.latents[[0, -1]], keys)


def test_even_steps_are_even_in_the_features_that_look() -> None:
    keys = torch.tensor([[0.5, 0, 0], [1.0, 0, 0]])
    made = walk(Cubic(), keys, path="even", steps=6, look=lambda images: (images.flatten(1).float() - 128).square())
    found = made.latents[:, 0] ** 6
    assert torch.allclose(found, torch.linspace(float(found[0]), float(found[-1]), 7), atol=0.02)


def test_chords_are_even_where_the_curve_bends() -> None:
    """Round a corner the chord is shorter than the way."""
    at = torch.linspace(0, 2, 161, dtype=torch.float64)
    corner = torch.stack([at.clamp(max=1.1), (at - 1.1).clamp(min=0)], 1)
    found = equidistant(at, corner, 6)
    there = torch.stack([found.clamp(max=1.1), (found - 1.1).clamp(min=0)], 1)
    steps = lengths(there)
    assert float(steps.std() / steps.mean()) < 0.01 and found[0] == 0 and found[-1] == 2
    assert float(lengths(corner[::32]).std() / lengths(corner[::32]).mean()) > 0.05  # of the length: not even


def test_evenly_cuts_a_length() -> None:
    at, steps = torch.tensor([0.0, 1, 2, 3], dtype=torch.float64), torch.tensor([3.0, 1, 0], dtype=torch.float64)
    assert torch.allclose(evenly(at, steps, 5), torch.tensor([0, 1 / 3, 2 / 3, 1, 3], dtype=torch.float64))
    assert torch.equal(evenly(at, torch.zeros(3), 4), at)  # nothing changes: as it was
    assert torch.equal(lengths(torch.tensor([[0.0, 0], [3, 4], [3, 4]])), torch.tensor([5.0, 0], dtype=torch.float64))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_labels_blend(condition: str) -> None:
    method = a_gan(condition)
    z = torch.stack([drawn(method, 0)] * 3)
    ends = images_at(method, z[:2], class_weights(torch.tensor([0, 1]), 3))
    assert torch.allclose(ends[0], method.generate(z[:1], torch.tensor([0]))[0], atol=1e-6)
    near = torch.tensor([[0.999, 0.001, 0], [0.001, 0.999, 0], [0.5, 0.5, 0]])
    blended = images_at(method, z, near)
    apart = float((ends[0] - ends[1]).abs().max())
    assert apart > 1e-4  # or nothing is shown
    assert float((blended[:2] - ends).abs().max()) < 0.02 * apart
    assert float((blended[2] - ends[0]).abs().max()) > 0.05 * apart


def test_blended_labels_are_the_blended_rows() -> None:
    """Against a table whose first row holds the blend."""
    method, z = a_gan("embedding"), torch.stack([drawn(a_gan(), 5)])
    blended = images_at(method, z, torch.tensor([[0.25, 0.0, 0.75]]))
    table = next(part.weight for part in method.generator.modules() if isinstance(part, nn.Embedding))
    with torch.no_grad():
        table[0] = 0.25 * table[0] + 0.75 * table[2]
    assert torch.allclose(blended, method.generate(z, torch.tensor([0])), atol=1e-6)


def test_held_labels_stay_and_others_go_straight() -> None:
    method = a_gan("embedding")
    keys = torch.stack([drawn(method, seed) for seed in (0, 1)])
    held = walk(method, keys, class_weights(torch.tensor([2, 2]), 3), steps=4)
    assert held.weights is not None and torch.equal(held.weights, class_weights(torch.full((5,), 2), 3))
    moved = walk(method, keys, class_weights(torch.tensor([0, 2]), 3), steps=4)
    assert moved.weights is not None and torch.allclose(moved.weights[1], torch.tensor([0.75, 0, 0.25]))


def test_what_a_walk_refuses() -> None:
    keys = torch.zeros(2, 3)
    method = autoencoder.Method(autoencoder.Recipe.tiny(), DataSpec.pictures((1, 28, 28)))
    with pytest.raises(UsageError, match="draws no samples"):
        walk(method, keys)
    with pytest.raises(UsageError, match="Did you mean 'linear'"):
        walk(Cubic(), keys, path="liner")
    with pytest.raises(UsageError, match="needs 2 keys or more"):
        walk(Cubic(), keys[:1])
    with pytest.raises(UsageError, match="no encoder"):
        encoded(a_gan(), torch.zeros(1, 1, 8, 8, dtype=torch.uint8))


def test_a_vae_walks_between_encoded_images() -> None:
    method = vae.Method(vae.Recipe.tiny(), DataSpec.pictures((1, 28, 28))).eval()
    images = torch.randint(0, 256, (2, 1, 28, 28), dtype=torch.uint8)
    keys = encoded(method, images)
    made = walk(method, keys, steps=2)
    assert torch.allclose(made.latents[[0, 2]], keys, atol=1e-5)


def test_strips_and_frames() -> None:
    made = walk(a_gan(), torch.randn(3, 6), steps=9)
    assert len(made.images) == 19
    assert made.strip().pixels.shape == (2 + 2 * 58, 2 + 10 * 58, 3)  # two rows of ten
    assert made.strip(["x", "y", "z"]).pixels.shape[0] > made.strip().pixels.shape[0]
    assert {frame.shape for frame in made.frames()} == {(256, 256, 3)}
    assert made._repr_png_()[1:4] == b"PNG"


def test_pictures_refuse_what_they_cannot_show() -> None:
    with pytest.raises(UsageError, match="uint8 pixels"):
        Picture(torch.zeros(3, 4, 4).numpy())
    sheet = torch.zeros(20, 10, 3, dtype=torch.uint8).numpy()
    assert named(sheet, ["row one", "row two"])[:, 10:].max() > 200  # something is written there
    assert beside([sheet, sheet[:10]], gap=4).shape == (20, 28, 3)
