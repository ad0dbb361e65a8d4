"""What every prior of the latents promises."""

import inspect

import pytest
import torch

from belamy.registry import Part, Registry
from belamy.seeds import Draws, SampleDraws, generator

PRIORS = Registry("belamy.networks.priors", "latent law", "Prior")
NAMES = PRIORS.names()
LATENT = 20


def prior(name, latent=LATENT, **options):
    return PRIORS.build(Part(name=name, **options), latent=latent)


def test_the_shelf_holds_what_the_issue_promises():
    assert {"normal", "uniform", "spherical", "truncated", "coded"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_shape_type_and_repetition(name):
    made = prior(name)
    assert made.latent == LATENT
    for dtype in (torch.float32, torch.float64):
        numbers = Draws(0, 3, dtype=dtype)
        z = made.sample(7, numbers)
        assert (z.shape, z.dtype) == ((7, LATENT), dtype)
        assert z.isfinite().all()
        assert torch.equal(z, made.sample(7, Draws(0, 3, dtype=dtype)))
        assert not torch.equal(z, made.sample(7, numbers))
        assert not torch.equal(z, made.sample(7, Draws(0, 3, dtype=dtype), "another"))


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_depends_on_its_number_alone(name):
    made = prior(name)
    z = made.sample(4, SampleDraws(1, [5, 0, 9, 2]))
    assert torch.equal(z[2:3], made.sample(1, SampleDraws(1, [9])))
    assert not torch.equal(z[2:3], made.sample(1, SampleDraws(2, [9])))


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_draw_what_one_draws(name):
    made = prior(name)
    halves = [made.sample(4, Draws(0, 0, rank, 2)) for rank in (0, 1)]
    assert torch.equal(torch.cat(halves), made.sample(8, Draws(0, 0)))


def test_earlier_runs_keep_their_samples():
    """The latents of the first release, written out."""
    rows = [generator(7, "sample", index) for index in range(3)]
    normal = torch.stack([torch.randn(LATENT, generator=row) for row in rows])
    assert torch.equal(prior("normal").sample(3, SampleDraws(7, range(3))), normal)
    rows = [generator(7, "sample", index) for index in range(3)]
    uniform = torch.stack([torch.rand(LATENT, generator=row) * 2 - 1 for row in rows])
    assert torch.equal(prior("uniform").sample(3, SampleDraws(7, range(3))), uniform)


@pytest.mark.parametrize("name", NAMES)
def test_mean_and_variance_are_those_that_networks_expect(name):
    made = prior(name, **({"categories": 0, "continuous": 0} if name == "coded" else {}))
    z = made.sample(4000, Draws(0, 0, dtype=torch.float64))
    variance = {"uniform": 1 / 3, "truncated": 0.7737413}.get(name, 1.0)
    assert z.mean().abs() < 0.015
    assert z.var() == pytest.approx(variance, rel=0.015)
    correlation = torch.corrcoef(z.T) - torch.eye(LATENT)
    assert correlation.abs().max() < 0.08


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_way_begins_and_ends_where_it_should(name, dtype):
    made = prior(name)
    a, b = made.sample(2 * 64, Draws(0, 0, dtype=dtype)).chunk(2)
    near = {"rtol": 1e-4, "atol": 2e-5} if dtype == torch.float32 else {"rtol": 1e-9, "atol": 1e-10}
    torch.testing.assert_close(made.interpolate(a, b, 0.0), a, **near)
    torch.testing.assert_close(made.interpolate(a, b, 1.0), b, **near)
    torch.testing.assert_close(made.interpolate(a, b, 0.3), made.interpolate(b, a, 0.7), **near)
    torch.testing.assert_close(made.interpolate(a, a, 0.3), a, **near)
    many = made.interpolate(a, b, torch.linspace(0, 1, 5, dtype=dtype)[:, None, None])
    assert many.shape == (5, 64, LATENT)
    torch.testing.assert_close(many[2], made.interpolate(a, b, 0.5), **near)
    assert made.interpolate(a, -a, 0.5).isfinite().all()
    assert made.interpolate(0 * a, b, 0.5).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_documented(name):
    text = inspect.getdoc(PRIORS.load(name)) or ""
    assert "References:" in text and "arXiv" in text
    for option in PRIORS.options(name):
        assert f"{option}:" in text
