"""Random streams: functions of a seed and a path, and of nothing else."""

import pytest
import torch

from belamy.seeds import Draws, derive, generator


def test_a_derived_seed_is_for_ever() -> None:
    """These numbers decide what a seed draws: changing them changes every run ever made."""
    assert derive(0, "shuffle", 1) == 4_628_515_293_647_382_477
    assert derive(7) == 843_011_692_241_435_484


def test_seeds_differ_and_fit_63_bits() -> None:
    seeds = {derive(seed, name, i) for seed in range(10) for name in ("a", "b") for i in range(50)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_types_and_grouping_of_a_path_count() -> None:
    assert len({derive(0, "1"), derive(0, 1), derive(0, "1", 1), derive(0, 1, "1"), derive(0, "11")}) == 5


def test_negative_and_huge_seeds() -> None:
    assert len({derive(-1, "x"), derive(1, "x"), derive(2**80, "x")}) == 3
    torch.rand(1, generator=generator(2**80, "x"))


def test_generators_are_fresh() -> None:
    assert torch.equal(torch.rand(5, generator=generator(3, "x")), torch.rand(5, generator=generator(3, "x")))
    assert not torch.equal(torch.rand(5, generator=generator(3, "x")), torch.rand(5, generator=generator(3, "y")))


def test_drawing_leaves_the_global_state_alone() -> None:
    before = torch.get_rng_state()
    Draws(0, 0).normal("x", 4, 2)
    generator(0, "x")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("world", [2, 4])
@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_processes_share_out_what_one_would_draw(world: int, prior: str) -> None:
    whole = getattr(Draws(1, 5), prior)("x", 8, 3)
    shares = [getattr(Draws(1, 5, rank, world), prior)("x", 8 // world, 3) for rank in range(world)]
    assert torch.equal(torch.cat(shares), whole)


def test_draws_of_a_step_differ_by_stream_call_and_step() -> None:
    draw = Draws(0, 0)
    numbers = [draw.normal("a", 4, 1), draw.normal("a", 4, 1), draw.normal("b", 4, 1), Draws(0, 1).normal("a", 4, 1)]
    assert len({tuple(found.flatten().tolist()) for found in numbers}) == 4


def test_a_stream_does_not_depend_on_other_streams() -> None:
    draw = Draws(0, 0)
    draw.normal("other", 100, 7)
    assert torch.equal(draw.normal("a", 4, 1), Draws(0, 0).normal("a", 4, 1))


def test_the_laws() -> None:
    normal, uniform = Draws(0, 0).normal("x", 20_000, 1), Draws(0, 0).uniform("x", 20_000, 1)
    assert abs(normal.mean()) < 0.03 and abs(normal.std() - 1) < 0.03
    assert uniform.min() >= 0 and uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01 and abs(uniform.var() - 1 / 12) < 0.003


def test_double_precision_is_the_same_numbers() -> None:
    single, double = Draws(0, 0).normal("x", 4, 2), Draws(0, 0, dtype=torch.float64).normal("x", 4, 2)
    assert double.dtype == torch.float64
    assert torch.equal(single.double(), double)
