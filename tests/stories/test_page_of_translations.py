"""The page docs/translate.md can be typed from its first command to its last in one folder."""

import re
import shlex
from collections import Counter
from pathlib import Path

import pytest

from belamy import recipes
from belamy.methods.base import METHODS

PAGE = (Path(__file__).parents[2] / "docs/translate.md").read_text(encoding="utf-8")
BLOCKS = [
    block.replace("\\\n", " ") for block in re.findall(r"^```\w*\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)
]
COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for block in BLOCKS for line in block.splitlines() if line.startswith("belamy ")
]  # fmt: skip
WRITES = {"translate": "translated", "restore": "restored.png"}


def written(words: list[str]) -> str | None:
    """The file or folder that a command names."""
    return words[words.index("--out") + 1] if "--out" in words else WRITES.get(words[0])


def test_nothing_is_written_twice() -> None:
    twice = {out: count for out, count in Counter(map(written, COMMANDS)).items() if out is not None and count > 1}
    assert len(COMMANDS) > 40 and not twice


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] == "translate"], ids=" ".join)
def test_runs_that_translate_were_trained_on_the_page(words: list[str]) -> None:
    assert words[1] in {written(each) for each in COMMANDS if each[0] == "train"}


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] == "train"], ids=" ".join)
def test_what_is_trained_is_there(words: list[str]) -> None:
    assert words[1] in {*recipes.names(), *METHODS.names()}
