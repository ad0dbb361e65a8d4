"""Wrong uses of every verb: each must end in one message and exit code 2, in no traceback, and leave nothing behind.

    python benchmarks/fuzz_uses.py          # all of them
    python benchmarks/fuzz_uses.py 40       # every so many, for a quick look

The uses are made of the verbs' own forms: for each option a word that its type, its bounds or the file system refuse.
``tests/stories/test_fuzz_uses.py`` runs a part of them.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, get_args, get_origin, get_type_hints

from belamy.cli import known_verbs, main
from belamy.cli.options import Within, _rules

RUN, PICTURE, FILE = "{run}", "{picture}", "{file}"
WORDS = {"run": RUN, "suspects": PICTURE, "expression": "seed(1)", "picture": "seed:0", "pictures": PICTURE,
         "queries": "test:0", "source": RUN, "suspect": RUN, "results": RUN, "content": PICTURE, "styles": PICTURE,
         "style": PICTURE, "prefix": "a", "inputs": PICTURE, "data": PICTURE, "map": PICTURE}  # fmt: skip
"""A good word for each that has no default."""
FIRST = {"train": ["digits"], "inspect": ["digits"], "compare": ["digits"], "survey": [RUN]}
"""Good words of the verbs whose first word is optional."""


def wrong_uses() -> Iterator[list[str]]:
    """Command lines that must be refused."""
    yield from (["nosuch"], ["--nosuch"], ["--completion", "csh"], ["--completion"], ["train", "nosuch"])
    for verb in known_verbs():
        yield from uses_of(verb)


def uses_of(verb: str) -> Iterator[list[str]]:
    """Wrong uses of one verb."""
    form = import_module(f"belamy.cli.verbs.{verb.replace('-', '_')}").Form
    needed = [field.name for field in fields(form) if field.default is MISSING]
    good = [verb, *FIRST.get(verb, [WORDS[name] for name in needed])]
    yield from ([*good, "--nosuch"], [*good, "--config", "nosuch.json"], [*good, "--config", FILE], [*good, "--config"])
    if needed:
        yield [verb]
    if "run" in needed:
        yield from ([verb, word, *good[2:]] for word in ("nowhere", FILE, ""))
    hints = get_type_hints(form, include_extras=True)
    for field in fields(form):
        if field.default is not MISSING and "Positional" not in str(field.type):
            option = f"--{field.name.replace('_', '-')}"
            yield from ([*good, f"{option}={word}"] for word in refused(field.name, hints[field.name]))
            if bool not in inner(hints[field.name]) and "tuple" not in str(field.type):
                yield [*good, option]


def refused(name: str, hint: Any) -> Iterator[str]:
    """Values that an option must refuse."""
    kinds = inner(hint)
    if int in kinds or float in kinds:
        yield from ("many", "nan", "1e999", "")
    if str not in kinds and any(get_origin(kind) is Literal for kind in kinds):
        yield "nosuch"
    yield from (f"{bound.least - 1:.0f}" for bound in _rules(hint) if isinstance(bound, Within))
    if name in ("json", "out", "sheet", "animation", "reconstructions", "index"):
        yield from ("", f"{FILE}/below.png", f"{FILE}/below.html")
    if name == "device":
        yield from ("tpu", "cuda:99", "")
    if name == "storage":
        yield from ("mysql://x", "", "nosuch")
    if name in ("analyse", "export", "directions", "consent", "reference"):
        yield "nosuch"


def inner(hint: Any) -> set[Any]:
    """The types that an annotation allows."""
    if get_origin(hint) is Literal or not get_args(hint):
        return {hint}
    return {kind for each in get_args(hint) if not isinstance(each, Within) for kind in inner(each)}


def outcome(words: list[str]) -> tuple[str, int]:
    """What was said on standard error, and the exit code."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(words)
    return said.getvalue(), code


def fault(words: list[str]) -> str:
    """What is wrong with how a wrong use ends; empty if nothing is."""
    said, code = outcome(words)
    if code != 2:
        return f"exit code {code}: {said[:200]}"
    if not said.startswith("belamy: ") or said.count("\n") != 1 or "Unexpected" in said:
        return f"not one message: {said[:200]}"
    return ""


def prepared(folder: Path) -> dict[str, str]:
    """A run, a picture and a text file."""
    import numpy as np
    from PIL import Image

    from belamy import train

    numbers = np.random.default_rng(0)
    for index in range(24):
        path = folder / "photos" / ("cats" if index % 2 else "dogs") / f"{index:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(numbers.integers(0, 256, (32, 32), dtype=np.uint8)).save(path)
    (folder / "file").write_text("precious")
    train("vae-mnist", data=str(folder / "photos"), size=8, batch=8, train_samples=16, out=folder / "run",
          progress=False, watch=False, device="cpu")  # fmt: skip
    return {"run": str(folder / "run"), "picture": str(path), "file": str(folder / "file")}


def filled(words: list[str], names: dict[str, str]) -> list[str]:
    """A use with the names of files put in."""
    return [word.replace(RUN, names["run"]).replace(PICTURE, names["picture"]).replace(FILE, names["file"])
            for word in words]  # fmt: skip


def report(every: int) -> int:
    """Run every so many and print what went wrong."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        names = prepared(Path(name))
        before = sorted(Path(name).rglob("*"))
        uses, faults, slowest = list(wrong_uses())[::every], 0, (0.0, [""])
        for words in uses:
            sys.stdout.flush()
            began = perf_counter()
            wrong = fault(filled(words, names))
            slowest = max(slowest, (perf_counter() - began, words))
            if wrong:
                faults += 1
                sys.stdout.write(f"{' '.join(words)}\n    {wrong}\n")
        left = sorted(set(Path(name).rglob("*")) - set(before))
    sys.stdout.write(f"{len(uses)} wrong uses, {faults} faults, {len(left)} files left; slowest {slowest[0]:.2f} s: ")
    sys.stdout.write(f"{' '.join(slowest[1])}\n")
    for path in left:
        sys.stdout.write(f"    left: {path}\n")
    return 1 if faults or left else 0


if __name__ == "__main__":
    sys.exit(report(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
