"""A part of ``benchmarks/fuzz_uses.py``: what it makes of the verbs' forms is refused in one message."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("fuzz_uses", Path(__file__).parents[2] / "benchmarks" / "fuzz_uses.py")
assert SPEC and SPEC.loader
fuzz = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fuzz)


def test_wrong_uses_of_every_verb(photos: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("precious")
    names = {"run": str(trained), "picture": str(next(photos.rglob("*.png"))), "file": str(tmp_path / "file")}
    uses = list(fuzz.wrong_uses())
    assert len(uses) > 300
    wrong = {" ".join(words): found for words in uses[::25] if (found := fuzz.fault(fuzz.filled(words, names)))}
    assert not wrong
    assert sorted(tmp_path.iterdir()) == [tmp_path / "file"]
