"""Damaged runs: a thousand of them, each given to the verbs that read runs; counts what must never happen.

A case is a small finished run with one to three mutations: a value of a JSON file or of a line of a JSON-lines file
is replaced, removed or added; bytes are cut, flipped, emptied or appended; a file is removed, or becomes a folder, a
pipe, or a link out of the run. Each verb must end with exit code 0, 2 or 3 and one message, within a minute, and
without touching anything outside the run.

    python benchmarks/fuzz_runs.py --cases 1000
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch

from belamy.cli import main as belamy
from belamy.runs import files

VERBS: tuple[tuple[str, ...], ...] = (
    ("report", "RUN"),
    ("diagnose", "RUN", "--json", "-"),
    ("sample", "RUN", "--count", "3", "--device", "cpu", "--overwrite", "--out", "OUT"),
    ("inspect", "RUN"),
    (
        "evaluate",
        "RUN",
        "--count",
        "16",
        "--metrics",
        "frechet",
        "--extractor",
        "pixels",
        "--offline",
        "--device",
        "cpu",
    ),
    ("train", "--resume-from", "RUN", "--samples", "240", "--device", "cpu", "--no-progress", "--out", "CHILD"),
    ("resume", "RUN", "--device", "cpu", "--no-progress", "--offline"),  # last: it may change the run
)
PATIENCE = 60
"""Seconds after which a call hangs."""
VALUES: tuple[Any, ...] = (
    None, [], {}, "", "x", "NaN", -1, 0, 1, 10**30, 1e308, float("nan"), float("inf"), True, [None], {"a": None}, [[]],
    "../../outside", "\x1b[31m\0", ["x"] * 1000, {"name": "x"}, "9" * 5000,
)  # fmt: skip


class Hangs(BaseException):
    """A call took longer than it may."""


def trained(folder: Path) -> list[Path]:
    """The runs to damage: a GAN that the watch looked at, and an autoencoder that was evaluated; finished both."""
    np.save(folder / "noise.npy", np.random.default_rng(0).integers(0, 256, (64, 8, 8), dtype=np.uint8))
    usual = ["--data", str(folder / "noise.npy"), "--size", "8", "--batch", "4", "--samples", "160", "--snapshots", "2"]
    usual += ["--checkpoint-seconds", "0", "--device", "cpu", "--no-progress"]
    dense = ["--generator", "dense-fashion", "--discriminator", "dense-fashion", "--latent", "4"]
    for name, words in {"gan": ["dcgan-mnist", *dense], "vae": ["vae-mnist", "--latent", "2"]}.items():
        assert belamy(["train", *words, *usual, "--out", str(folder / name)]) == 0
    flown = {"sign": "x", "why": "y", "changes": {"batch": 4}, "was": {"batch": 4}, "afresh": False}
    files.append_jsonl(folder / "gan" / "journal.jsonl", {"event": "remedy", "samples": 160, **flown})
    return [folder / "gan", folder / "vae"]


def mutate(run: Path, outside: Path, dice: random.Random) -> str:
    """One mutation of a run; returns what it was."""
    chosen = dice.choice(sorted(path for path in run.rglob("*") if path.is_file() and path.name != "lock"))
    kinds: list[Callable[[Path, Path, random.Random], str]] = [spoil_bytes, spoil_place]
    if chosen.suffix in (".json", ".jsonl"):
        kinds += [spoil_json] * 4
    return f"{chosen.relative_to(run)}: {dice.choice(kinds)(chosen, outside, dice)}"


def spoil_json(path: Path, _outside: Path, dice: random.Random) -> str:
    """Change, remove or add a value anywhere in a JSON file, or in a line of a JSON-lines file."""
    text = path.read_text(errors="replace")
    lines = text.splitlines() if path.suffix == ".jsonl" else [text]
    number = dice.randrange(max(1, len(lines)))
    try:
        facts = json.loads(lines[number])
    except (ValueError, IndexError):
        return "was no JSON any more"
    holder: Any = {"": facts}
    key: Any = ""
    while isinstance(holder[key], dict | list) and holder[key] and dice.random() < 0.75:
        holder = holder[key]
        key = dice.choice(list(holder)) if isinstance(holder, dict) else dice.randrange(len(holder))
    value, kind = dice.choice(VALUES), dice.choice(("replace", "replace", "replace", "remove", "add"))
    said = f"{kind} {key!r} {str(value)[:20]!r} in line {number + 1}"
    if kind == "remove" and holder is not None and key != "":
        del holder[key]
    elif kind == "add" and isinstance(holder[key], dict):
        holder[key]["new"] = value
    else:
        holder[key] = value
        facts = holder[""] if key == "" and "" in holder else facts
    lines[number] = json.dumps(facts)
    path.write_text("\n".join(lines) + "\n")
    return said


def spoil_bytes(path: Path, _outside: Path, dice: random.Random) -> str:
    """Cut, flip, empty, append or overwrite."""
    data = bytearray(path.read_bytes())
    place = dice.randrange(max(1, len(data)))
    kind = dice.choice(("cut", "flip", "empty", "append", "zeros", "noise", "again"))
    if kind == "flip" and data:
        data[place] ^= 1 << dice.randrange(8)
    made: dict[str, bytes] = {
        "cut": bytes(data[:place]), "flip": bytes(data), "empty": b"", "append": bytes(data) + dice.randbytes(50),
        "zeros": bytes(len(data)), "noise": dice.randbytes(len(data)), "again": bytes(data + data),
    }  # fmt: skip
    path.write_bytes(made[kind])
    return kind


def spoil_place(path: Path, outside: Path, dice: random.Random) -> str:
    """Remove a file or its folder, or put a folder, a pipe, or a link out of the run in its place."""
    chosen = dice.choice((path, path, path.parent)) if len(path.relative_to(outside.parent).parts) > 2 else path
    was_folder, kind = (
        chosen.is_dir(),
        dice.choice(("nothing", "folder", "file", "pipe", "link", "hard link", "stranger")),
    )
    if kind == "stranger":
        (chosen.parent / dice.choice(("²", "٣.png", "0" * 200, "-1", "1e3", "\udcff", "new\nline"))).mkdir(
            exist_ok=True
        )
        return kind
    if kind == "hard link":
        if not was_folder and not (outside / "twin").exists():
            (outside / "twin").hardlink_to(chosen)
        return kind
    shutil.rmtree(chosen) if was_folder else chosen.unlink()
    if kind == "folder":
        chosen.mkdir()
    elif kind == "file":
        chosen.write_bytes(b"a file")
    elif kind == "pipe":
        os.mkfifo(chosen)
    elif kind == "link":
        chosen.symlink_to(outside / ("folder" if was_folder else "file"))
    return f"{kind} instead of {chosen.name}"


@contextmanager
def limited() -> Iterator[None]:
    """Within this context a call that hangs is ended."""

    def ring(*_: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def called(words: list[str]) -> tuple[int | str, str]:
    """Exit code and what was said on standard error; ``hangs`` or ``traceback`` instead of a code."""
    said = io.StringIO()
    try:
        with limited(), redirect_stdout(io.StringIO()), redirect_stderr(said):
            code: int | str = belamy(words)
    except Hangs:
        code = "hangs"
    except BaseException as error:  # whatever escapes the command is what is looked for
        code, said = "traceback", io.StringIO(f"{type(error).__name__}: {error}")
    text = said.getvalue()
    if code == 1 or "defect" in text or "Traceback" in text:
        code = "traceback"
    return code, text


def digest(folder: Path) -> str:
    """Of every name and byte below a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(str(path.relative_to(folder)).encode("utf-8", "surrogateescape"))
        found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


def case(number: int, seed: int, base: Path, folder: Path) -> Iterator[tuple[str, int | str, str]]:
    """One damaged run given to every verb: what was done to it and the verb, the exit code, the message."""
    dice = random.Random(f"{seed}/{number}")
    outside = folder / "outside"
    shutil.rmtree(folder, ignore_errors=True)
    (outside / "folder" / "000000000001").mkdir(parents=True)
    (outside / "folder" / "000000000001" / "thesis").write_text("years of work")
    (outside / "file").write_text("years of work\nand no newline")
    shutil.copytree(base, folder / "run")
    done = "; ".join(mutate(folder / "run", outside, dice) for _ in range(dice.choice((1, 1, 1, 2, 3))))
    before = digest(outside)
    for words in VERBS:
        places = {"RUN": folder / "run", "OUT": folder / "out", "CHILD": folder / "child"}
        code, text = called([str(places.get(word, word)) for word in words])
        if digest(outside) != before:
            code = "touched what is outside"
        yield f"{number} {base.name} {words[0]} [{done}]", code, text
        shutil.rmtree(folder / "child", ignore_errors=True)


def main() -> int:
    """Count, and name what must not be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first case, to look at one again")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    codes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="belamy-fuzz-") as place:
        os.environ["BELAMY_CACHE"] = str(Path(place, "cache"))
        bases = trained(Path(place))
        began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak = began
        for number in range(options.first, options.first + options.cases):
            for what, code, text in case(number, options.seed, bases[number % len(bases)], Path(place, "case")):
                codes[str(code)] += 1
                now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                if code not in (0, 2, 3, 130) or text.count("\n") > 3 or now > peak + 200_000:
                    sys.stdout.write(f"{code}: {what}: {text.strip()} ({now / 1e6:.2f} GB)\n")
                    sys.stdout.flush()
                peak = max(peak, now)
        sys.stdout.write(f"{options.cases} runs, {codes.total()} calls: {dict(codes)}; ")
        sys.stdout.write(f"peak memory {peak / 1e6:.2f} GB, {began / 1e6:.2f} GB of it before the first case\n")
    return int(bool(codes.keys() - {"0", "2", "3", "130"}))


if __name__ == "__main__":
    sys.exit(main())
