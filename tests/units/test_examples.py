"""The examples in docstrings run as written."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import nn

import belamy
from belamy.networks import graph

PACKAGE = Path(belamy.__path__[0])
MODULES = [
    ".".join(("belamy", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = import_module(name)
    results = doctest.testmod(module, extraglobs={"torch": torch, "nn": nn, "Input": graph.Input})
    assert results.failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert sum(len(test.examples) for name in MODULES for test in finder.find(import_module(name))) > 500


def test_the_introduction_to_graphs() -> None:
    """The indented example of the package's docstring."""
    lines = [line[4:] for line in (graph.__doc__ or "").splitlines() if line.startswith("    ")]
    names: dict[str, object] = {"torch": torch}
    exec("\n".join(lines), names)
    network = names["network"]
    assert isinstance(network, nn.Module)
    assert network(torch.randn(8, 64)).shape == (8, 10)
