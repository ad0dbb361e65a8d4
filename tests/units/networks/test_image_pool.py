"""CycleGAN's pool: which images it lends and keeps, one by one, and that it goes on as it would have."""

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.image_pool import ImagePool
from belamy.seeds import Draws

SHAPE = (1, 2, 2)


def batch(step: int, count: int) -> Tensor:
    """Images that tell their number."""
    return (torch.arange(count) + step * count).float()[:, None, None, None].expand(-1, *SHAPE).clone()


def numbers(images: Tensor) -> list[int]:
    assert (images == images[:, :1, :1, :1]).all(), "an image of two others"
    return images[:, 0, 0, 0].long().tolist()


def test_while_there_is_room_what_is_new_is_shown_and_kept() -> None:
    pool = ImagePool(6, SHAPE)
    for step in range(6):
        given = batch(step, 1)
        shown = pool.exchange(given, Draws(0, step))
        assert numbers(shown) == [step] and shown is not given
    assert numbers(pool.images) == [0, 1, 2, 3, 4, 5] and int(pool.count) == 6


@pytest.mark.parametrize("count", [1, 4])
def test_then_half_are_older_and_change_places_with_the_new(count: int) -> None:
    pool = ImagePool(10, SHAPE)
    held, lent, late = [], 0, 0
    for step in range(600 // count):
        shown, new = numbers(pool.exchange(batch(step, count), Draws(3, step))), numbers(batch(step, count))
        for mine, its in zip(new, shown, strict=True):
            if len(held) < 10:
                assert its == mine
                held.append(mine)
            elif its != mine:
                assert its in held, "what is shown was never kept, or has been given away"
                held[held.index(its)] = mine
                lent += 1
                late += 1
            else:
                late += 1
        assert sorted(numbers(pool.images[: len(held)])) == sorted(held)
    assert abs(lent / late - 0.5) < 0.06


def test_it_goes_on_from_its_state() -> None:
    one, other = ImagePool(5, SHAPE), ImagePool(5, SHAPE)
    for step in range(9):
        one.exchange(batch(step, 2), Draws(0, step))
    other.load_state_dict(one.state_dict())
    for step in range(9, 20):
        assert torch.equal(*(pool.exchange(batch(step, 2), Draws(0, step)) for pool in (one, other)))


def test_a_pool_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"holds 0 images, but it must hold at least 1\. Type --pool 50"):
        ImagePool(0, SHAPE)
