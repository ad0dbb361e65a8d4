"""What every test starts from: one thread, a fixed seed, no cache of the user's."""

import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

from belamy.data.dataset import Dataset, Memory


def pytest_collection_finish() -> None:
    """The thousands of tests and all that they import stay; the garbage collector need not walk them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def one_thread(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Bit-equality needs one order of summation, and the user's cache of data sets is not a test's to touch."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BELAMY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def what_takes_longer_than_the_tests() -> Iterator[None]:
    """MNIST is unpacked once, and the films of runs are as small as their sheets."""
    from belamy.data.sources import mnist

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "_unpacked", cache(mnist._unpacked))
        patch.setattr("belamy.runs.publish._enlarged", lambda sheet: sheet)
        yield


@pytest.fixture(autouse=True)
def seeded() -> None:
    """A test's random numbers do not depend on the tests before it."""
    torch.manual_seed(0)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """New weights stay as memory was: to draw millions of them takes seconds, and whoever counts them needs none."""
    for name in ("uniform_", "normal_", "trunc_normal_", "orthogonal_", "kaiming_uniform_", "kaiming_normal_",
                 "xavier_uniform_", "xavier_normal_"):  # fmt: skip
        monkeypatch.setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)


@pytest.fixture
def noise() -> Dataset:
    """60 random 8x8 grey images of three classes."""
    pixels = torch.randint(0, 256, (60, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return Dataset("noise", Memory(pixels), labels=torch.arange(60) % 3, classes=["class 0", "class 1", "class 2"])


@pytest.fixture(scope="session")
def noise_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of 64 random 8x8 grey images."""
    import numpy as np

    path = tmp_path_factory.mktemp("noise") / "noise.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (64, 8, 8), dtype=np.uint8))
    return path
