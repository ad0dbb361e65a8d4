"""Shuffling is a permutation each pass, addressed by position alone; pixels survive the way to floats and back."""

import pytest
import torch

from belamy.data import Batches, Dataset, to_float, to_uint8
from belamy.data.dataset import Computed, Memory
from belamy.errors import UsageError


def numbered(count: int, labelled: bool = True) -> Dataset:
    """A set of 1x1 images whose pixel is their number; all of them are the training split."""
    pixels = torch.arange(count, dtype=torch.uint8).reshape(count, 1, 1, 1)
    return Dataset(
        "numbers",
        Memory(pixels),
        labels=torch.arange(count) % 3 if labelled else None,
        classes=("0", "1", "2") if labelled else (),
        official={"train": torch.arange(count)},
    )


def drawn(batches: Batches, count: int) -> list[int]:
    return torch.cat([next(batches).indices for _ in range(count)]).tolist()


def test_all_256_values_survive_the_round_trip():
    values = torch.arange(256, dtype=torch.uint8)
    floats = to_float(values)
    assert floats.dtype == torch.float32
    assert floats.min() == -1
    assert floats.max() == 1
    assert torch.equal(to_uint8(floats), values)


def test_to_uint8_clips_and_takes_other_floats():
    assert to_uint8(torch.tensor([-7.0, 7.0])).tolist() == [0, 255]
    assert to_uint8(torch.tensor([-1.0, -0.996, 0.0, 0.9961])).tolist() == [0, 1, 128, 255]
    values = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(to_float(values).double()), values)


def test_to_float_leaves_its_argument_alone():
    pixels = torch.full((2, 1, 2, 2), 9, dtype=torch.uint8)
    to_float(pixels)
    assert pixels.unique().tolist() == [9]


@pytest.mark.parametrize("batch", [1, 3, 7, 10])
def test_every_pass_is_a_permutation(batch):
    stream = drawn(Batches(numbered(10), "train", batch, seed=5), 70 // batch + 1)
    passes = [stream[start : start + 10] for start in range(0, 70, 10)]
    assert all(sorted(one) == list(range(10)) for one in passes)
    assert len({tuple(one) for one in passes}) == len(passes)


def test_the_stream_does_not_depend_on_the_batch_size():
    assert drawn(Batches(numbered(10), "train", 3, 5), 10) == drawn(Batches(numbered(10), "train", 10, 5), 3)


def test_a_batch_larger_than_the_split_spans_several_passes():
    stream = drawn(Batches(numbered(4), "train", 10, 0), 2)
    assert [sorted(stream[start : start + 4]) for start in range(0, 20, 4)] == [[0, 1, 2, 3]] * 5


def test_seeds_and_splits_decide_the_order():
    first, again = (drawn(Batches(numbered(50), "train", 10, 1), 5) for _ in range(2))
    assert first == again
    assert first != drawn(Batches(numbered(50), "train", 10, 2), 5)


@pytest.mark.parametrize("world", [1, 2, 3, 6])
def test_ranks_share_the_global_batch_in_contiguous_slices(world):
    whole = Batches(numbered(10), "train", 6, 3)
    ranks = [Batches(numbered(10), "train", 6, 3, rank=rank, world=world) for rank in range(world)]
    for _ in range(8):
        expected = next(whole)
        parts = [next(rank) for rank in ranks]
        assert torch.equal(torch.cat([part.images for part in parts]), expected.images)
        assert torch.equal(torch.cat([part.indices for part in parts]), expected.indices)
        assert torch.equal(torch.cat([part.labels for part in parts]), expected.labels)


@pytest.mark.parametrize("position", [0, 1, 4, 99])
def test_the_position_is_the_whole_state(position):
    straight = Batches(numbered(10), "train", 3, 0)
    for _ in range(position):
        next(straight)
    resumed = Batches(numbered(10), "train", 3, 0, position=straight.position)
    assert drawn(resumed, 5) == drawn(straight, 5)
    straight.position = position
    assert drawn(straight, 5) == drawn(Batches(numbered(10), "train", 3, 0, position=position), 5)


def test_images_labels_and_indices_belong_together():
    batch = next(Batches(numbered(9), "train", 5, 0))
    assert len(batch) == 5
    assert torch.equal(to_uint8(batch.images).flatten().long(), batch.indices)
    assert torch.equal(batch.labels, batch.indices % 3)
    assert next(Batches(numbered(9, labelled=False), "train", 5, 0)).labels is None


def test_only_the_split_is_drawn():
    dataset = Dataset("split", numbered(30).store)
    assert sorted(drawn(Batches(dataset, "test", 3, 0), 1)) == dataset.splits["test"].tolist()
    assert set(drawn(Batches(dataset, "all", 30, 0), 1)) == set(range(30))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch": 0}, "at least 1"),
        ({"batch": 5, "world": 2}, r"5 cannot be shared by 2 processes"),
        ({"world": 0}, "cannot be shared by 0"),
        ({"rank": 2, "world": 2}, r"in 0\.\.1"),
        ({"position": -1}, "not be negative"),
        ({"split": "trian"}, "Did you mean 'train'"),
        ({"split": "empty"}, "is empty"),
    ],
)
def test_wrong_arguments_are_explained(arguments, message):
    dataset = numbered(4)
    dataset.splits["empty"] = torch.arange(0)
    with pytest.raises(UsageError, match=message):
        Batches(**{"dataset": dataset, "split": "train", "batch": 4, "seed": 0, **arguments})


def test_streamed_batches_equal_those_from_memory_wherever_the_position_is_set():
    memory = numbered(20)
    streamed = Dataset(
        "streamed",
        Computed(memory.store.read, 20, (1, 1, 1), lambda update: None),
        labels=memory.labels,
        classes=memory.classes,
        official=memory.splits,
    )
    one, other = Batches(memory, "train", 6, 1), Batches(streamed, "train", 6, 1)
    for position in (0, 1, 2, 9, 3, 4):
        one.position = other.position = position
        expected, found = next(one), next(other)
        assert torch.equal(expected.images, found.images)
        assert torch.equal(expected.labels, found.labels)


def test_a_failure_while_reading_ahead_reaches_the_caller():
    calls = []

    def read(indices: torch.Tensor) -> torch.Tensor:
        calls.append(indices)
        if len(calls) > 1:
            raise UsageError("the disk is gone")
        return torch.zeros(len(indices), 1, 1, 1, dtype=torch.uint8)

    broken = Dataset("broken", Computed(read, 4, (1, 1, 1), lambda update: None), official={"train": torch.arange(4)})
    batches = Batches(broken, "train", 2, 0)
    next(batches)
    with pytest.raises(UsageError, match="the disk is gone"):
        next(batches)
