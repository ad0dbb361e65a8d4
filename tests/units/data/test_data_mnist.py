"""The embedded digits are the published ones, to the bit."""

import hashlib

import pytest
import torch

from belamy.data import Dataset, open_data
from belamy.data.embedded import embedded
from belamy.data.formats.idx import write_idx
from belamy.errors import DataError

PUBLISHED_MD5 = {
    "train images": "6bbc9ace898e44ae57da46a324031adb",
    "train labels": "a25bea736e30d166cdddb491f175f624",
    "test images": "2646ac647ad5339dbf082846283269ea",
    "test labels": "27ae3e4e09519cfbb04c329615203637",
}
TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.fixture(scope="module")
def mnist() -> Dataset:
    return open_data("mnist", offline=True)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_published_files_come_back(mnist, split):
    indices = mnist.splits[split]
    images = write_idx(mnist.images(indices)[:, 0].numpy())
    labels = write_idx(mnist.labels[indices].to(torch.uint8).numpy())
    assert hashlib.md5(images).hexdigest() == PUBLISHED_MD5[f"{split} images"]
    assert hashlib.md5(labels).hexdigest() == PUBLISHED_MD5[f"{split} labels"]


def test_counts_and_moments(mnist):
    assert mnist.shape == (1, 28, 28)
    assert torch.bincount(mnist.labels[mnist.splits["train"]]).tolist() == TRAIN_COUNTS
    assert torch.bincount(mnist.labels[mnist.splits["test"]]).tolist() == TEST_COUNTS
    pixels = mnist.images(mnist.splits["train"]).double() / 255
    assert pixels.mean().item() == pytest.approx(0.1307, abs=5e-5)
    assert pixels.std().item() == pytest.approx(0.3081, abs=5e-5)


def test_splits_are_disjoint_and_the_licence_is_stated(mnist):
    assert not set(mnist.splits["train"].tolist()) & set(mnist.splits["test"].tolist())
    assert mnist.card()["split_rule"] == "official"
    assert "CC BY-SA 3.0" in mnist.licence


def test_a_damaged_installation_is_noticed():
    with pytest.raises(DataError, match="is damaged"):
        embedded("mnist-labels.xz", "0" * 64)
    with pytest.raises(DataError, match="lacks its data file"):
        embedded("mnist-absent.xz", "0" * 64)
