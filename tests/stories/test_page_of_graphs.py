"""The page docs/graph.md: its code runs from the first block to the last, in few passes and on a made-up book."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from belamy.networks.summary import count

PAGE = (Path(__file__).parents[2] / "docs/graph.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
COUNTS = re.findall(r"([\d,]{5,}) weights", PAGE)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page's code has defined at its end."""
    folder = tmp_path_factory.mktemp("page")
    parts = dict.fromkeys(("law", "history", "poetry"), 300)
    (folder / "kjv.txt").write_text(
        "\n".join(f"the {word} of old" for word, many in parts.items() for _ in range(many))
    )
    code = "\n".join(BLOCKS).replace("passes = 20", "passes = 1")
    code = re.sub(r"PARTS = dict\(.*\)", f"PARTS = {parts}", code).replace(
        "torch.arange(600, len(faces))", "torch.arange(600, 900)"
    )
    found: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        patch.chdir(folder)
        exec(code, found)
    return found


def test_several_outputs_have_their_names(names: dict[str, Any]) -> None:
    assert set(names["answers"]) == {"kind", "date", "value"} and set(names["said"]) == {"part", "place"}


def test_several_inputs_are_all_heard(names: dict[str, Any]) -> None:
    given = {"metadata": names["metadata"][:2], "text": names["text"][:2], "picture": names["pictures"][:2]}
    said = names["pricer"](**given)
    for name, values in given.items():
        assert not torch.equal(said, names["pricer"](**{**given, name: torch.rand_like(values)})), name


def test_weights_are_those_that_the_page_tells(names: dict[str, Any]) -> None:
    assert [f"{count(names[network]).total:,}" for network in ("graph", "pricer")] == COUNTS
