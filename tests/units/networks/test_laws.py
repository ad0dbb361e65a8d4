"""Prior of the latents: the distributions themselves, and the ways between latents."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from belamy.errors import UsageError
from belamy.networks.priors import coded, normal, spherical, truncated, uniform
from belamy.networks.priors.paths import linear, slerp
from belamy.seeds import Draws

LIKELY = 0.01
"""Least p-value: the seeds are fixed, so this is no game of chance."""


def numbers(step: int = 0) -> Draws:
    return Draws(1, step, dtype=torch.float64)


@pytest.mark.parametrize(
    ("prior", "distribution"),
    [
        (normal.Prior(4), stats.norm()),
        (uniform.Prior(4), stats.uniform(-1, 2)),
        (truncated.Prior(4), stats.truncnorm(-2, 2)),
        (truncated.Prior(4, threshold=0.5), stats.truncnorm(-0.5, 0.5)),
        # a coordinate of a point on the sphere in four dimensions, radius 2: (z/2 + 1)/2 is Beta(3/2, 3/2)
        (spherical.Prior(4), stats.beta(1.5, 1.5, loc=-2, scale=4)),
    ],
)
def test_each_coordinate_has_its_law(prior, distribution):
    z = prior.sample(2000, numbers())
    assert stats.kstest(z[:, 0].numpy(), distribution.cdf).pvalue > LIKELY
    assert stats.kstest(z[:, 3].numpy(), distribution.cdf).pvalue > LIKELY


def test_the_sphere_is_met_exactly_and_evenly():
    z = spherical.Prior(3).sample(3000, numbers())
    torch.testing.assert_close(z.norm(dim=1), torch.full((3000,), math.sqrt(3), dtype=torch.float64))
    direction = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    height = z @ (direction / direction.norm()) / math.sqrt(3)  # Archimedes: uniform in every direction
    assert stats.kstest(height.numpy(), stats.uniform(-1, 2).cdf).pvalue > LIKELY


@pytest.mark.parametrize("threshold", [0.01, 0.7, 2.0, 5.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_truncation_is_never_exceeded(threshold, dtype):
    prior = truncated.Prior(50, threshold=threshold)
    a, b = prior.sample(4000, Draws(0, 0, dtype=dtype)).chunk(2)
    for z in (a, b, prior.interpolate(a, b, 0.5)):
        assert z.abs().max() <= threshold
        assert z.isfinite().all()
    assert a.abs().max() > 0.9 * min(threshold, 4)


def test_truncation_at_the_ends_of_its_numbers():
    class Ends:
        def uniform(self, stream, count, *shape):
            return torch.tensor([[0.0, 0.5, 1 - 2**-24]])

    prior = truncated.Prior(3)
    z = prior.sample(1, Ends())
    torch.testing.assert_close(z, torch.tensor([[-2.0, 0.0, 2.0]]), rtol=0, atol=1e-5)
    torch.testing.assert_close(prior.interpolate(z, z, 0.5), z, rtol=0, atol=1e-4)


def test_codes_are_where_they_should_be_and_have_their_laws():
    prior = coded.Prior(20, categories=10, continuous=2)
    z = prior.sample(4000, numbers())
    noise, category, codes = prior.split(z)
    assert (noise.shape[1], category.shape[1], codes.shape[1]) == (8, 10, 2)
    assert torch.equal(torch.cat([noise, category, codes], 1), z)
    assert stats.kstest(noise[:, 0].numpy(), stats.norm().cdf).pvalue > LIKELY
    assert stats.kstest(codes[:, 1].numpy(), stats.uniform(-1, 2).cdf).pvalue > LIKELY
    assert set(category.unique().tolist()) == {0, 1} and torch.equal(category.sum(1), torch.ones_like(noise[:, 0]))
    assert stats.chisquare(category.sum(0).numpy()).pvalue > LIKELY
    together = torch.cat([noise, codes, category[:, :9]], 1)
    independent = torch.corrcoef(together.T)[:10, 10:].abs().max()
    assert independent < 0.06


@pytest.mark.parametrize(("categories", "continuous"), [(0, 3), (4, 0), (0, 0)])
def test_codes_of_one_kind_alone(categories, continuous):
    prior = coded.Prior(10, categories=categories, continuous=continuous)
    noise, category, codes = prior.split(prior.sample(5, numbers()))
    assert (category.shape[1], codes.shape[1]) == (categories, continuous)
    assert noise.shape[1] == 10 - categories - continuous


def test_slerp_is_whites_formula():
    rng = np.random.default_rng(0)
    a, b, t = rng.normal(size=(50, 7)), 3 * rng.normal(size=(50, 7)), rng.uniform(size=(50, 1))
    cosine = (a * b).sum(1, keepdims=True) / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)[:, None]
    omega = np.arccos(cosine)
    expected = np.sin((1 - t) * omega) / np.sin(omega) * a + np.sin(t * omega) / np.sin(omega) * b
    found = slerp(torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(t))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-14)


def test_slerp_turns_at_an_even_pace():
    a, b = torch.tensor([1.0, 0.0], dtype=torch.float64), torch.tensor([-0.6, 0.8], dtype=torch.float64)
    steps = torch.linspace(0, 1, 9, dtype=torch.float64)[:, None]
    way = slerp(a, b, steps)
    angles = torch.atan2(way[:, 1], way[:, 0])
    torch.testing.assert_close(angles, steps[:, 0] * math.acos(-0.6))
    torch.testing.assert_close(way.norm(dim=1), torch.ones(9, dtype=torch.float64))


def test_directions_without_an_arc_go_straight():
    a = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    b = torch.tensor([[2.0, 4.0], [-1.0, -2.0], [1.0, 1.0], [1.0, 1e-9]], dtype=torch.float64)
    torch.testing.assert_close(slerp(a, b, 0.25)[:2], linear(a, b, 0.25)[:2])
    torch.testing.assert_close(slerp(a, b, 0.25)[3], linear(a, b, 0.25)[3])
    assert slerp(a, b, 0.25).isfinite().all()
    ends = a.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(slerp(ends, b, 0.25).sum(), ends)
    assert gradient.isfinite().all()


@pytest.mark.parametrize(
    ("prior", "distribution"),
    [(normal.Prior(256), stats.norm()), (truncated.Prior(256, threshold=1.0), stats.truncnorm(-1, 1))],
)
def test_halfway_has_the_law_of_the_ends(prior, distribution):
    """Which the straight way has not: its middle is shorter by the square root of two."""
    a, b = prior.sample(40, numbers()).chunk(2)
    between = prior.interpolate(a, b, 0.5).flatten()
    assert stats.kstest(between.numpy(), distribution.cdf).pvalue > LIKELY
    assert stats.kstest(linear(a, b, 0.5).flatten().numpy(), distribution.cdf).pvalue < 1e-6


def test_ways_stay_where_latents_are():
    prior = spherical.Prior(9)
    a, b = prior.sample(40, numbers()).chunk(2)
    torch.testing.assert_close(prior.interpolate(a, b, 0.3).norm(dim=1), torch.full((20,), 3.0, dtype=torch.float64))
    prior = uniform.Prior(9)
    a, b = prior.sample(40, numbers()).chunk(2)
    torch.testing.assert_close(prior.interpolate(a, b, 0.3), 0.7 * a + 0.3 * b)
    prior = coded.Prior(20)
    a, b = prior.sample(40, numbers()).chunk(2)
    noise, category, codes = prior.split(prior.interpolate(a, b, 0.3))
    torch.testing.assert_close(noise, slerp(a[:, :8], b[:, :8], 0.3))
    torch.testing.assert_close(torch.cat([category, codes], 1), 0.7 * a[:, 8:] + 0.3 * b[:, 8:])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: truncated.Prior(8, threshold=0.0), "threshold is 0.*threshold=2"),
        (lambda: truncated.Prior(8, threshold=6.0), "threshold is 6"),
        (lambda: coded.Prior(12), "latent of 12 numbers.*--latent 74"),
        (lambda: coded.Prior(20, categories=1), "has 1 categories.*categories=10"),
        (lambda: coded.Prior(20, continuous=-1), "-1 continuous"),
    ],
)
def test_wrong_options_are_explained(make, message):
    with pytest.raises(UsageError, match=message):
        make()
