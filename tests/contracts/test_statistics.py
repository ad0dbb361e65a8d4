"""What every statistic of a batch promises, and the closed forms of each."""

import inspect
import math

import pytest
import torch

from belamy.errors import UsageError
from belamy.registry import Part, Registry

STATISTICS = Registry("belamy.networks.statistics", "statistic", "Statistic")
NAMES = STATISTICS.names()


def statistic(name, features=6, **options):
    return STATISTICS.build(Part(name=name, **options), features=features)


def test_the_shelf_holds_what_the_issue_promises():
    assert {"minibatch-standard-deviation", "minibatch-discrimination"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 2, 5, 16])
def test_shape_and_type_for_any_batch(name, count):
    made = statistic(name).double()
    seen = made(torch.randn(count, 6, dtype=torch.float64))
    assert (seen.shape, seen.dtype) == ((count, made.count), torch.float64)
    assert seen.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_twice_differentiable(name):
    made = statistic(name).double()
    features = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(made, features)
    assert torch.autograd.gradgradcheck(made, features)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_where_all_samples_agree(name):
    features = torch.zeros(4, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad(statistic(name)(features).sum(), features)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_a_collapsed_batch_gives_itself_away(name):
    made, features = statistic(name), torch.randn(16, 6)
    apart, equal = made(features), made(features[:1].expand(16, 6))
    assert (apart - equal).abs().mean() > 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_samples_does_not_matter(name):
    made, features = statistic(name).double(), torch.randn(9, 6, dtype=torch.float64)
    order = torch.randperm(9)
    torch.testing.assert_close(made(features[order]), made(features)[order])


def test_standard_deviation_is_that_of_the_batch():
    features = torch.randn(7, 6, dtype=torch.float64)
    seen = statistic("minibatch-standard-deviation")(features)
    expected = features.std(0, correction=0).mean()
    torch.testing.assert_close(seen, expected.expand(7, 1), rtol=1e-7, atol=0)


@pytest.mark.parametrize(("count", "sizes"), [(8, [4, 4]), (11, [6, 5]), (3, [3]), (4, [4])])
def test_standard_deviation_of_groups(count, sizes):
    features = torch.randn(count, 6, dtype=torch.float64)
    seen = statistic("minibatch-standard-deviation", group=4)(features)
    for number, size in enumerate(sizes):
        members = torch.arange(number, count, len(sizes))
        assert len(members) == size
        expected = features[members].std(0, correction=0).mean()
        torch.testing.assert_close(seen[members], expected.expand(size, 1), rtol=1e-7, atol=0)


def test_discrimination_is_the_mean_nearness_of_the_others():
    made = statistic("minibatch-discrimination", kernels=3, dimensions=2).double()
    features = torch.randn(4, 6, dtype=torch.float64)
    seen = made(features)
    projected = (features @ made.projection.weight.detach().T).view(4, 3, 2)
    for i in range(4):
        for b in range(3):
            near = [math.exp(-float((projected[i, b] - projected[j, b]).abs().sum())) for j in range(4) if j != i]
            assert float(seen[i, b].detach()) == pytest.approx(sum(near) / 3)
    assert torch.equal(made(features[:1]), torch.zeros(1, 3, dtype=torch.float64))


@pytest.mark.parametrize("features", [8, 800])
def test_nearness_starts_between_its_ends(features):
    seen = statistic("minibatch-discrimination", features)(torch.randn(32, features))
    assert 0.2 < seen.mean() < 0.6


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("minibatch-standard-deviation", {"group": 1}, "group of 1 samples.*group=4"),
        ("minibatch-discrimination", {"kernels": 0}, "0 kernels.*kernels=32"),
        ("minibatch-discrimination", {"dimensions": 0}, "0 dimensions.*dimensions=5"),
    ],
)
def test_wrong_options_are_explained(name, options, message):
    with pytest.raises(UsageError, match=message):
        statistic(name, **options)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_documented(name):
    text = inspect.getdoc(STATISTICS.load(name)) or ""
    assert "References:" in text and "arXiv" in text
    for option in STATISTICS.options(name):
        assert f"{option}:" in text
