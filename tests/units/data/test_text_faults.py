"""The data doctor's eye for text: one bad set, every fault named with its file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from belamy.data.doctor import examine
from belamy.data.text_faults import WORDS, faults_of, repeated
from belamy.data.texts import read_corpus

GOOD = [f"the {a} {b} walks home and sings ok jump fix vow zest quiz" for a in ("red", "old", "big") for b in "mnopq"]


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A folder of texts with a fault of every kind."""
    folder = tmp_path / "bad"
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
    train, test = folder / "train", folder / "test"
    (train / "a.txt").write_text("\n".join(GOOD) + "\n", encoding="utf-8")
    (train / "bom.txt").write_bytes(b"\xef\xbb\xbfthe red moon\nthe old sun \n\nthe big star\n")
    (train / "latin.txt").write_bytes("the red moon\na café\n".encode("latin-1"))
    (train / "wide.txt").write_bytes("the red moon\n".encode("utf-16"))
    (train / "nul.txt").write_bytes(b"the red moon\nthe old\0 sun\n")
    (train / "picture.txt").write_bytes(bytes(range(1, 32)) * 40)
    (train / "empty.txt").write_bytes(b"")
    (train / "ends.txt").write_bytes(b"the red moon rises\r\nthe old sun sets\n")
    (train / "control.txt").write_bytes(b"the red moon sings\nthe \x1b[31mold sun\n")
    (train / "long.txt").write_text("a red fox\n" + "and so on " * 300 + "\n")
    (train / "script.txt").write_text("the red moon is\nкрасная луна и красная луна\n", encoding="utf-8")
    (train / "garbled.txt").write_text("the red moon and\na cafÃ© a cafÃ©\n", encoding="utf-8")
    (train / "lines.jsonl").write_text('{"text": "the red moon walks"}\n{"txt": 1}\nno\n')
    (test / "b.txt").write_text(f"{GOOD[2]}\nthe red # moon\n{GOOD[2]}\n", encoding="utf-8")
    return folder


def test_every_fault_is_named_with_its_file_and_line(bad: Path) -> None:
    found = {(fault.kind, fault.place) for fault in faults_of(bad)}
    wanted = {
        ("bom", "train/bom.txt:1"),
        ("trailing-space", "train/bom.txt:2"),
        ("blank", "train/bom.txt:3"),
        ("encoding", "train/latin.txt:2"),
        ("encoding", "train/wide.txt:1"),
        ("nul", "train/nul.txt:2"),
        ("binary", "train/picture.txt"),
        ("empty-file", "train/empty.txt"),
        ("line-ends", "train/ends.txt"),
        ("control", "train/control.txt:2"),
        ("long", "train/long.txt:2"),
        ("script", "train/script.txt:2"),
        ("mojibake", "train/garbled.txt:2"),
        ("json", "train/lines.jsonl:2"),
        ("json", "train/lines.jsonl:3"),
        ("once", "test/b.txt:2"),
    }
    assert wanted <= found
    usual = {("trailing-space", "train/long.txt:2"), *((kind, place) for kind, place in found if kind == "once")}
    assert found - wanted <= usual  # nothing else is wrong
    assert not any("a.txt" in place for _, place in found)


def test_repetitions_and_leaks_are_named(bad: Path) -> None:
    corpus = read_corpus(bad, lines=True)
    found = [(fault.kind, fault.place, fault.detail) for fault in repeated(corpus)]
    assert ("leak", "test/b.txt:1", "as in train/a.txt:3") in found
    assert ("leak", "test/b.txt:3", "as in train/a.txt:3") in found
    assert ("duplicate", "train/nul.txt:1", "as in train/bom.txt:1") not in found  # the file is left out
    left_out = {file for file, _ in corpus.skipped}
    assert {"train/latin.txt", "train/wide.txt", "train/nul.txt", "train/lines.jsonl:2"} <= left_out


def test_the_doctor_tells_all(bad: Path) -> None:
    (bad / "train" / "gaps.txt").write_text("red\n" + "\n" * 6 + "moon\nmoon\n")
    found = examine(bad, modality="text:lines=true")
    assert list(found.facts["faults"]) == list(WORDS.values())
    blank = "blank lines: train/bom.txt:3, train/gaps.txt:2, train/gaps.txt:3, train/gaps.txt:4 and 3 more"
    assert blank in found.lines() and json.dumps(found.facts)
    leak = "texts of the test split that are in the training split: test/b.txt:1 (as in train/a.txt:3)"
    assert any(line.startswith(leak) for line in found.lines())
    assert found.facts["values"]["unit"] == "characters"
    assert found.facts["next"].startswith("belamy train char-lm --data")


def test_good_text_has_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "good.txt"
    path.write_text("\n".join(GOOD * 2), encoding="utf-8")
    assert faults_of(path) == []
    path.write_bytes("déjà vu déjà vu\n".encode("latin-1"))
    assert next(fault.kind for fault in faults_of(path)) == "encoding"
    assert faults_of(path, "latin-1") == []
