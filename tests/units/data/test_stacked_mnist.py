"""Stacked MNIST: digits of MNIST, three to an image, a thousand classes, no copies kept."""

import pytest
import torch

from belamy.data import Batches, Dataset, open_data
from belamy.data.dataset import Computed
from belamy.errors import UsageError


@pytest.fixture(scope="module")
def stacked() -> Dataset:
    return open_data("stacked-mnist", offline=True)


@pytest.fixture(scope="module")
def mnist() -> Dataset:
    return open_data("mnist", offline=True)


def test_sizes_and_classes(stacked):
    assert stacked.shape == (3, 28, 28)
    assert {name: len(indices) for name, indices in stacked.splits.items()} == {"train": 128_000, "test": 26_000}
    assert stacked.classes[0] == "000" and stacked.classes[407] == "407" and len(stacked.classes) == 1000
    counts = torch.bincount(stacked.labels[stacked.splits["train"]], minlength=1000)
    assert len(counts) == 1000 and counts.min() > 60 and counts.max() < 240  # every mode is there


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_channel_is_the_digit_that_the_label_says(stacked, mnist, split):
    known = mnist.splits[split]
    pictures, labels = mnist.images(known)[:, 0].numpy(), mnist.labels[known].tolist()
    digits = {picture.tobytes(): label for picture, label in zip(pictures, labels, strict=True)}
    chosen = stacked.splits[split][torch.arange(0, 20_000, 97)]
    for image, label in zip(stacked.images(chosen), stacked.labels[chosen].tolist(), strict=True):
        red, green, blue = (digits[channel.numpy().tobytes()] for channel in image)
        assert 100 * red + 10 * green + blue == label


def test_channels_are_drawn_independently_and_from_all_digits(stacked):
    train = stacked.splits["train"]
    red, green, blue = (stacked.attributes[colour].codes[train] for colour in ("red", "green", "blue"))
    assert torch.equal(100 * red + 10 * green + blue, stacked.labels[train])
    shares = torch.stack([torch.bincount(codes, minlength=10) for codes in (red, green, blue)]) / len(train)
    expected = torch.tensor([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]) / 60_000
    assert (shares - expected).abs().max() < 0.004
    assert torch.corrcoef(torch.stack([red, green, blue]).double()).sub(torch.eye(3)).abs().max() < 0.01


def test_images_are_put_together_when_they_are_asked_for(stacked):
    assert isinstance(stacked.store, Computed)
    assert stacked.streams
    batch = next(Batches(stacked, "train", 16, 0))
    assert batch.images.shape == (16, 3, 28, 28)
    assert torch.equal(batch.labels, stacked.labels[batch.indices])


def test_the_seed_decides(stacked, mnist):
    small = open_data("stacked-mnist:count=500")
    other = open_data("stacked-mnist:count=500,seed=1")
    assert {name: len(indices) for name, indices in small.splits.items()} == {"train": 500, "test": 26_000}
    assert len({small.fingerprint, other.fingerprint, stacked.fingerprint, mnist.fingerprint}) == 4
    some = torch.arange(0, 500, 50)
    assert torch.equal(small.images(some), stacked.images(some))  # fewer are the first of more
    assert not torch.equal(small.images(some), other.images(some))


def test_it_takes_the_shape_and_labels_asked_for():
    red = open_data("stacked-mnist:count=50", size=32, channels=1, labels="red")
    assert red.shape == (1, 32, 32) and red.classes == tuple("0123456789")
    assert red.images(torch.tensor([3, 1])).shape == (2, 1, 32, 32)


@pytest.mark.parametrize("count", [0, -1])
def test_a_wrong_count_is_explained(count):
    with pytest.raises(UsageError, match=f"count is {count}.*count=128000"):
        open_data(f"stacked-mnist:count={count}")
