"""The replay pool: which images it lends and keeps, and that it goes on as it would have."""

import pytest
import torch
from torch import Tensor

from belamy.errors import UsageError
from belamy.networks.pool import Pool
from belamy.seeds import Draws

SHAPE = (1, 2, 2)


def batch(step: int, count: int = 8) -> tuple[Tensor, Tensor]:
    """Images that tell their number, and labels made from it."""
    numbers = torch.arange(count) + step * count
    return numbers.float()[:, None, None, None].expand(-1, *SHAPE).clone(), numbers % 7


def numbers(images: Tensor) -> list[int]:
    assert (images == images[:, :1, :1, :1]).all(), "an image of two others"
    return images[:, 0, 0, 0].long().tolist()


def played(pool: Pool, steps: range, count: int = 8) -> list[tuple[list[int], list[int]]]:
    shown = []
    for step in steps:
        images, labels = pool.exchange(*batch(step, count), Draws(0, step))
        assert labels is not None
        shown.append((numbers(images), labels.tolist()))
    return shown


def test_half_is_new_and_half_was_made_before():
    pool = Pool(12, SHAPE)
    for step, (seen, labels) in enumerate(played(pool, range(60))):
        assert seen[0::2] == numbers(batch(step)[0])[0::2]
        old = seen[1::2]
        assert len(set(old)) == 4, "drawn twice in one batch"
        assert all(0 <= number < step * 8 and number % 2 for number in old) or step == 0
        assert labels == [number % 7 for number in seen]
    assert int(pool.count) == 12


def test_an_empty_pool_gives_nothing_and_fills_up():
    pool = Pool(6, SHAPE)
    images, labels = batch(0)
    shown, called = pool.exchange(images, labels, Draws(0, 0))
    assert torch.equal(shown, images) and torch.equal(called, labels)
    assert shown is not images, "the caller's tensor must not become the pool's"
    assert int(pool.count) == 4
    assert sorted(numbers(pool.images[:4])) == [1, 3, 5, 7]
    pool.exchange(*batch(1), Draws(0, 1))
    assert int(pool.count) == 6
    assert sum(number >= 8 for number in numbers(pool.images)) == 4
    assert len(set(numbers(pool.images))) == 6


@pytest.mark.parametrize("size", [1, 3])
def test_a_pool_smaller_than_half_a_batch_gives_what_it_has(size):
    pool = Pool(size, SHAPE)
    for step, (seen, _) in enumerate(played(pool, range(9))):
        old = [number for number in seen if number < step * 8]
        assert len(old) == (size if step else 0)
    assert int(pool.count) == size


def test_every_place_is_lent_and_replaced_alike():
    pool, lent, ages = Pool(16, SHAPE), torch.zeros(16), []
    for step in range(600):
        before = numbers(pool.images)
        seen, _ = pool.exchange(*batch(step), Draws(0, step))
        for number in numbers(seen)[1::2]:
            if step > 10:
                lent[before.index(number)] += 1
                ages.append(step - number // 8)
    assert lent.min() > 0.75 * lent.mean() and lent.max() < 1.25 * lent.mean()
    # a place is replaced with probability 4/16 a step, so ages are geometric with mean 4
    assert torch.tensor(ages).float().mean().item() == pytest.approx(4, rel=0.1)


def test_draws_alone_decide_and_without_labels_all_is_the_same():
    with_labels, without = Pool(12, SHAPE), Pool(12, SHAPE)
    torch.manual_seed(3)
    first = [seen for seen, _ in played(with_labels, range(20))]
    torch.manual_seed(4)
    for step in range(20):
        images, labels = without.exchange(batch(step)[0], None, Draws(0, step))
        assert labels is None
        assert numbers(images) == first[step]


def test_a_resumed_pool_goes_on_as_it_would_have():
    whole, first, second = (Pool(12, SHAPE) for _ in range(3))
    expected = played(whole, range(20))
    for stop in (1, 7):  # still filling, and full
        first = Pool(12, SHAPE)
        assert played(first, range(stop)) == expected[:stop]
        second = Pool(12, SHAPE)
        second.load_state_dict(first.state_dict())
        assert played(second, range(stop, 20)) == expected[stop:]
        assert all(torch.equal(value, whole.state_dict()[name]) for name, value in second.state_dict().items())


def test_odd_batches_and_gradients():
    pool = Pool(12, SHAPE)
    for step in range(5):
        images, labels = batch(step, 5)
        shown, _ = pool.exchange(images.requires_grad_(), labels, Draws(0, step))
        assert not shown.requires_grad
        assert numbers(shown)[0::2] == numbers(images.detach())[0::2]
    assert not pool.images.requires_grad


def test_an_empty_size_is_explained():
    with pytest.raises(UsageError, match=r"holds 0 images.*--replay 512"):
        Pool(0, SHAPE)
