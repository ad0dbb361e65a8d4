# ruff: noqa: N999 (the verb is a word of Python's, too)
"""Go on with a text: a language model writes what follows a beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from belamy.cli.options import Json, NewFile, OfRun, Overwrite, Seed, Within, options
from belamy.cli.parsing import verb


@options
class Form(OfRun, Overwrite, Json):
    """Let a run of a language model go on with a text, symbol by symbol, until its end. Text i depends on the seed and
    on i alone."""

    run: str
    """The run's directory; its method must go on with texts."""
    prefix: str
    """How each text begins; "" for whole texts."""
    count: Annotated[int, Within(1, 10_000)] = 1
    """How many texts."""
    length: Annotated[int | None, Within(1, 10_000)] = None
    """Symbols that follow, at most; by default as many as the run's texts have."""
    temperature: Annotated[float, Within(0, 100)] = 1.0
    """Below 1 likelier and duller, above 1 bolder; 0 always takes the likeliest symbol."""
    top_k: Annotated[int, Within(0, 100_000)] = 0
    """Choose among so many likeliest symbols; 0 for all."""
    label: str | None = None
    """The class of all texts, by name or number, of a run that was trained with --conditional; by default the classes
    in turn."""
    seed: Seed = 0
    """Decides the texts."""
    out: Annotated[str | None, NewFile(("txt",))] = None
    """Write the texts to this file, NAME.txt, one a line; by default they are shown."""


@verb(Form)
def run(form: Form) -> int:
    """Write on."""
    from belamy.api.continuation import continue_text
    from belamy.runs.files import write_bytes

    texts = continue_text(
        form.run, form.prefix, count=form.count, length=form.length, temperature=form.temperature, top_k=form.top_k,
        label=form.label, seed=form.seed, best=form.weights == "best", device=form.device,
    )  # fmt: skip
    lines = "\n".join(text.replace("\n", " / ") for text in texts)
    if form.out is not None:
        write_bytes(Path(form.out).expanduser(), f"{lines}\n".encode())
    facts = {
        "run": form.run, "prefix": form.prefix, "seed": form.seed, "temperature": form.temperature, "top_k": form.top_k,
        "label": form.label, "texts": texts, "files": [form.out] if form.out else [],
    }  # fmt: skip
    return form.deliver(facts, f"{len(texts):,} texts in {form.out}" if form.out else lines)
