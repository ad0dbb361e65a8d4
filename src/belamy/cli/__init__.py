"""The command ``belamy``: one module of ``verbs`` per verb, found by its file name.

Nothing heavy is imported before the verb is known, so that help and the list of recipes are quick. Every failure that
the user can mend ends in one message and its exit code; a traceback is shown only where BELAMY_DEBUG=1 is set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from traceback import walk_tb

from belamy import __version__
from belamy.cli.output import degrade
from belamy.errors import BelamyError, UsageError, nearest, plain

INTERRUPTED, BROKEN_PIPE = 130, 141
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "bad allocation")
"""How PyTorch's allocators say it: all but CUDA's raise a plain RuntimeError."""
SPINS = "1000"
"""Turns in which a thread asks whether the others are done before it sleeps; libgomp's own are 300,000."""


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words of a command line ask for and return the exit code.

    Example:
        >>> main(["recipes", "--json", "recipes.json"])  # doctest: +SKIP
        0
    """
    degrade(sys.stdout)
    degrade(sys.stderr)
    share_cores()
    try:
        code = dispatch(list(sys.argv[1:] if words is None else words))
        sys.stdout.flush()
        return code
    except SystemExit as end:  # tyro's help
        return end.code if isinstance(end.code, int) else 0
    except BrokenPipeError:
        return _reader_gone()
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("BELAMY_DEBUG") == "1":
            raise
        message, code = explain(error)
        sys.stderr.write(f"belamy: {plain(message)}\n")
        return code


def share_cores() -> None:
    """Let threads that wait for one another sleep soon, unless the user has said how they wait.

    A thread that keeps asking uses up its turn on a core that another program wants, and all others wait for it:
    beside one busy program training took up to forty times as long (``benchmarks/waiting.py``). PyTorch's threads
    read it when it is imported, so that it is too late where it already is.
    """
    said = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ)
    if not said and "torch" not in sys.modules:
        os.environ["GOMP_SPINCOUNT"] = SPINS


def dispatch(words: list[str]) -> int:
    """Run the verb that the first word names, with the others."""
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(overview())
        return 0
    if words[0] == "--version":
        sys.stdout.write(f"belamy {__version__}\n")
        return 0
    known = known_verbs()
    if words[0].partition("=")[0] == "--completion":
        from belamy.cli.completion import script

        sys.stdout.write(script(words[0].partition("=")[2] or "".join(words[1:2]), known))
        return 0
    if words[0] not in known:
        kind = "option" if words[0].startswith("-") else "verb"
        raise UsageError(
            f"There is no {kind} '{words[0]}'. {nearest(words[0], known)} `belamy --help` lists the verbs."
        )
    if any("\0" in word for word in words):
        raise UsageError("A word of the command line holds a NUL character, which no name can. Leave it out.")
    if any(word.partition("=")[0] == "--config" for word in words):
        from belamy.cli.parsing import configured

        words = [words[0], *configured(words[1:], words[0])]
    code: int = import_module(f"{__name__}.verbs.{words[0].replace('-', '_')}").run(words[1:])
    return code


def known_verbs() -> dict[str, str]:
    """Every verb and the first line of its docstring, read without importing it."""
    found = {}
    for path in sorted((Path(__file__).parent / "verbs").glob("[!_]*.py")):
        line = path.read_text(encoding="utf-8").partition('"""')[2].partition("\n")[0]
        found[path.stem.replace("_", "-")] = line.removesuffix('"""')
    return found


def overview() -> str:
    """What ``belamy --help`` shows."""
    known = known_verbs()
    width = max(map(len, known))
    lines = [f"  {name:<{width}}  {text}" for name, text in known.items()]
    return "\n".join(
        [
            "usage: belamy VERB [OPTIONS]",
            "",
            "Forge generative models: train them on real data, look at them, draw from them.",
            "",
            *lines,
            "",
            "`belamy VERB --help` shows the options of a verb, `belamy train RECIPE --help` those of a recipe;",
            "`belamy --completion bash` (zsh, fish) prints what completes them in a shell.",
            "Start with: belamy train",
            "",
        ]
    )


def explain(error: BaseException) -> tuple[str, int]:
    """The one message for the user, and the exit code."""
    if isinstance(error, BelamyError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted.", INTERRUPTED
    text = " ".join(str(error).split())
    if isinstance(error, RuntimeError) and text.startswith("Could not determine home directory"):
        return "There is no such user's home directory: write a path that begins with ~USER out in full.", 2
    if isinstance(error, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY):
        return "There is not enough memory for this. Type a smaller --batch, --latent or --size.", 2
    if isinstance(error, OSError) and error.strerror:
        return f"{f'{error.filename}: ' if error.filename else ''}{error.strerror}.", 2
    if place := _in_another_package(error):
        return f"{type(error).__name__} in {place}: {text or 'no message'}. BELAMY_DEBUG=1 shows the traceback.", 1
    return (
        f"Unexpected {type(error).__name__}: {text or 'no message'}. This is a defect of Belamy; runs keep what they "
        "saved. Please report it with the traceback that BELAMY_DEBUG=1 shows.",
        1,
    )


def _in_another_package(error: BaseException) -> str | None:
    """The line of a part from another package in which an error arose, if it did."""
    groups, ours = entry_points(), f"{__name__.partition('.')[0]}."
    theirs = {point.module for name in groups.groups if name.startswith(ours) for point in groups.select(group=name)}
    frames = list(walk_tb(error.__traceback__))
    return next((f"{frame.f_code.co_filename}, line {line}" for frame, line in reversed(frames)
                 if frame.f_globals.get("__name__") in theirs), None)  # fmt: skip


def _reader_gone() -> int:
    """The program that read our output has ended, as in ``belamy recipes | head -1``: nothing is wrong."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stdout.fileno())  # or the interpreter's last flush would complain
    return BROKEN_PIPE
