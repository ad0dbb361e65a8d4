"""Every named data set and every format keeps the contract of its registry."""

import inspect
import json
import re
import socket
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest
import torch

from belamy.data import Batches, Dataset, open_data
from belamy.data.loading import FORMATS, SOURCES
from belamy.data.sources import fashion_mnist
from belamy.errors import DataError

AVATARS = ("avatars", "avatars-16", "avatars-32", "avatars-64")
EMBEDDED = (
    *AVATARS,
    "mnist",
    "portraits",
    "stacked-mnist",
    "dead-leaves",
    "patterns",
    "sines",
    "waves",
    "shapes",
    "points",
)


def offline(name: str, cache: Path) -> Dataset | str:
    """The set, of few samples where it is drawn, or why it cannot be opened without a network and a cache."""
    few = ":count=48" if "count" in SOURCES.options(name) else ""
    try:
        return open_data(name + few, offline=True, cache=cache)
    except DataError as error:
        return str(error)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever opens a connection fails the test."""

    def refuse(*_: object) -> None:
        raise AssertionError("a data source opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "nothing of Debian's")


def test_the_shelf_holds_what_the_documents_promise():
    assert {*EMBEDDED, "cifar10", "fashion-mnist"} <= set(SOURCES.names())
    assert {"arrays", "cifar", "folder", "idx", "zip"} <= set(FORMATS.names())


@pytest.mark.parametrize("name", SOURCES.names())
def test_a_set_opens_without_a_network_or_says_how_to_get_it(name, tmp_path):
    dataset = offline(name, tmp_path)
    assert list(tmp_path.iterdir()) == []
    if isinstance(dataset, str):
        assert name not in EMBEDDED
        assert f"{name} is not at hand" in dataset
        assert f"--data {name}:folder=PATH" in dataset
        module = Path(str(import_module(SOURCES.modules()[name]).__file__))
        assert re.search(r'"[0-9a-f]{64}"', module.read_text(encoding="utf-8")), "it must know a SHA-256"
        return
    assert dataset.name == name
    some = dataset.store.read(torch.tensor([0, len(dataset) - 1]))
    assert some.dtype == torch.uint8 or dataset.field.modality != "image"
    assert tuple(some.shape) == (2, *dataset.shape)
    assert dataset.licence != "not stated"
    together = torch.cat(list(dataset.splits.values()))
    assert len(together) == len(together.unique()) == len(dataset)
    assert {"train", "test"} <= set(dataset.splits)
    for attribute in dataset.attributes.values():
        assert len(attribute.codes) == len(dataset)
        assert set(attribute.codes.unique().tolist()) == set(range(len(attribute.values)))
    assert json.loads(json.dumps(dataset.card()))["name"] == name
    seen = next(Batches(dataset, "train", 4, 0)).main
    assert not seen.is_floating_point() or seen.abs().max() <= 1


@pytest.mark.parametrize("name", AVATARS)
def test_attributes_can_be_labels(name):
    for attribute in ("smile", "hair_color"):
        dataset = open_data(name, labels=attribute)
        assert dataset.classes == dataset.attributes[attribute].values
        assert torch.equal(dataset.labels, dataset.attributes[attribute].codes)


@pytest.mark.parametrize(("registry", "role"), [(SOURCES, "Source"), (FORMATS, "Format")])
def test_every_part_is_documented_and_simple_to_make(registry, role):
    for name, module in registry.modules().items():
        made = registry.load(name)
        assert made.__name__ == role
        assert inspect.getdoc(made)
        assert inspect.getdoc(import_module(module))
        assert inspect.getdoc(made.open)
        made()  # every option has a default
        for option in registry.options(name).values():
            assert option.annotation in (str, int, float, bool)


def test_the_package_carries_the_files_with_their_licences():
    folder = files("belamy.data") / "files"
    held = {entry.name: len(entry.read_bytes()) for entry in folder.iterdir()}
    assert sum(held.values()) < 10_200_000
    for notice, words in (("LICENSE-mnist.txt", "CC"), ("LICENSE-avatars.txt", "Johan Melin")):
        text = (folder / notice).read_text()
        assert words in text or "Creative Commons" in text
        assert "creativecommons.org" in text
