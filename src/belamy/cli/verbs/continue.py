# ruff: noqa: N999 (the verb is a word of Python's, too)
"""Go on with a text, a picture, a sound or a series: a run that knows what follows is given a beginning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from belamy.cli.options import (
    Json,
    NewFile,
    Offline,
    OfRun,
    Overwrite,
    ProgressOption,
    Seed,
    Share,
    Within,
    options,
)
from belamy.cli.output import picture_file, telling
from belamy.cli.parsing import verb
from belamy.errors import UsageError


@options
class Form(OfRun, Offline, ProgressOption, Overwrite, Json):
    """Let a run go on with a beginning: one of a language model with a text, symbol by symbol, until its end; one that
    draws pixel by pixel with the first rows of a picture, or sample by sample with the beginning of a sound; one of
    series with their first steps. What is made depends on the seed and on its number alone."""

    run: str
    """The run's directory; its method must go on with texts, with pictures, with sounds or with series."""
    prefix: str
    """How each text begins, "" for whole texts. Or a picture, a folder of them, a sound file, or test:0..7 for held-out
    pictures, sounds or series."""
    count: Annotated[int | None, Within(1, 10_000)] = None
    """How many texts, or pictures, sounds or series of each (at most 64); by default 1 text, or 8 of the others."""
    length: Annotated[int | None, Within(1, 1_000_000)] = None
    """Symbols that follow, at most (up to 10,000); by default as many as the run's texts have. Of series and sounds the
    steps or samples that follow; by default as many as were left out."""
    keep: Share = 0.5
    """Share of a picture's rows that is given, from the top, or of a series' steps or a sound's samples, from the
    first."""
    temperature: Annotated[float, Within(0, 100)] = 1.0
    """Below 1 likelier and duller, above 1 bolder; 0 always takes the likeliest symbol or value."""
    top_k: Annotated[int, Within(0, 100_000)] = 0
    """Of texts: choose among so many likeliest symbols; 0 for all."""
    top_p: Annotated[float, Within(0, 1)] = 1.0
    """Of texts: choose among the fewest likeliest symbols with this probability together; 1 for all."""
    label: str | None = None
    """The class of all, by name or number, of a run that was trained with --conditional; by default the pictures' own,
    or the classes in turn."""
    seed: Seed = 0
    """Decides what is made."""
    out: Annotated[str | None, NewFile(("txt", "png", "csv", "wav"))] = None
    """Write the texts to this file, NAME.txt, one a line; by default they are shown. Of pictures and series a sheet, by
    default continued.png; of series also a table of their numbers, NAME.csv. Of sounds WAV files, by default
    continued.wav, numbered where there are several; or a sheet of spectrograms, NAME.png."""


@verb(Form)
def run(form: Form) -> int:
    """Write or draw on."""
    from belamy.runs.run import Run

    opened = Run.open(form.run)
    ways = {"image": _pictures, "series": _series, "audio": _sounds}
    way = ways.get(opened.spec.modality)
    return way(form, opened) if way else _texts(form)


def _texts(form: Form) -> int:
    from belamy.api.continuation import continue_text
    from belamy.runs.files import write_bytes

    if form.out is not None:
        picture_file(form.out, form.overwrite, ("txt",), "--out")
    texts = continue_text(
        form.run, form.prefix, count=form.count or 1, length=form.length, temperature=form.temperature,
        top_k=form.top_k, top_p=form.top_p, label=form.label, seed=form.seed, best=form.weights == "best",
        device=form.device,
    )  # fmt: skip
    lines = "\n".join(text.replace("\n", " / ") for text in texts)
    if form.out is not None:
        write_bytes(Path(form.out).expanduser(), f"{lines}\n".encode())
    facts = {
        "run": form.run, "prefix": form.prefix, "seed": form.seed, "temperature": form.temperature, "top_k": form.top_k,
        "top_p": form.top_p, "label": form.label, "texts": texts, "files": [form.out] if form.out else [],
    }  # fmt: skip
    return form.deliver(facts, f"{len(texts):,} texts in {form.out}" if form.out else lines)


def _pictures(form: Form, opened: Any) -> int:
    from belamy.api.completion import complete, completing
    from belamy.cli.images import given
    from belamy.runs.files import save_png

    if form.length is not None or form.top_k or form.top_p < 1:
        raise UsageError("--length, --top-k and --top-p are of texts, and this run makes pictures. Leave them out.")
    completing(opened.build())
    out = picture_file(form.out or "continued.png", form.overwrite, ("png",), "--out")
    names, images, labels = given(form.prefix, form.run_data(opened), form.offline)
    with form.reporting() as reporter:

        def tell(done: int, total: int) -> None:
            reporter.work(done / total, f"{done / total:.0%} of the pixels")

        found = complete(
            opened, images, keep=form.keep, count=form.count or 8, temperature=form.temperature, label=form.label,
            labels=labels, seed=form.seed, best=form.weights == "best", device=form.device, progress=tell,
        )  # fmt: skip
    save_png(found.sheet(), out)
    facts = {
        "run": form.run, "pictures": names, "rows": found.rows, "count": found.made.shape[1], "seed": form.seed,
        "temperature": form.temperature, "label": form.label, "files": [str(out)],
    }  # fmt: skip
    told = f"{out}: {len(names):,} picture(s), {found.rows} rows given, {found.made.shape[1]} made of each"
    return form.deliver(facts, told)


def _series(form: Form, opened: Any) -> int:
    from belamy.api.series_continuation import continue_series, continuing_series
    from belamy.cli.images import held_out, span
    from belamy.runs.files import save_png, write_bytes

    if form.label is not None or form.top_k or form.top_p < 1:
        raise UsageError(
            "--label, --top-k and --top-p are of texts and pictures, and this run makes series. Leave them out."
        )
    continuing_series(opened.build())
    out = picture_file(form.out or "continued.png", form.overwrite, ("png", "csv"), "--out")
    data = form.run_data(opened)
    held = held_out(data)
    places = span(form.prefix, len(held))
    found = continue_series(
        opened, data.store.read(held[places]), keep=form.keep, count=form.count or 8, length=form.length,
        temperature=form.temperature, seed=form.seed, best=form.weights == "best", device=form.device,
    )  # fmt: skip
    names = [f"test:{place}" for place in places]
    if out.suffix == ".csv":
        write_bytes(out, found.table(names).encode())
    else:
        save_png(found.sheet(), out)
    steps, count = found.given.shape[1], found.made.shape[1]
    facts = {
        "run": form.run, "series": names, "steps": steps, "count": count, "seed": form.seed,
        "temperature": form.temperature, "files": [str(out)],
    }  # fmt: skip
    told = f"{out}: {len(names):,} series, {steps} steps given, {found.made.shape[2] - steps} made, {count} times each"
    return form.deliver(facts, told)


def _sounds(form: Form, opened: Any) -> int:
    from belamy.api.sound_continuation import beginning_of, continue_sounds, continuing_sounds
    from belamy.cli.images import HELD_OUT, held_out, span
    from belamy.modalities import modality
    from belamy.runs.files import save_png, write_bytes

    if form.top_k or form.top_p < 1:
        raise UsageError("--top-k and --top-p are of texts, and this run makes sounds. Leave them out.")
    method, count = continuing_sounds(opened.build()), form.count or 8
    kind, field, names = modality("audio"), method.spec.field, [form.prefix]
    if HELD_OUT.fullmatch(form.prefix):
        data = form.run_data(opened)
        held = held_out(data)
        places = span(form.prefix, len(held))
        sounds, names = kind.to_float(data.store.read(held[places]), field), [f"test:{place}" for place in places]
    else:
        sounds = beginning_of(Path(form.prefix).expanduser(), field)
    files = _files_of(form, len(names) * count)
    with form.reporting() as reporter:
        found = continue_sounds(
            opened, sounds, keep=form.keep, count=count, length=form.length, temperature=form.temperature,
            label=form.label, seed=form.seed, best=form.weights == "best", device=form.device,
            progress=telling(reporter, "samples"),
        )  # fmt: skip
    if files[0].suffix == ".png":
        save_png(found.sheet(), files[0])
    else:
        for file, made in zip(files, found.made.flatten(0, 1), strict=True):
            write_bytes(file, kind.encode(made, field))
    made = found.made.shape[3] - found.given
    facts = {
        "run": form.run, "sounds": names, "samples": found.given, "count": count, "seed": form.seed,
        "temperature": form.temperature, "label": form.label, "files": [str(file) for file in files],
    }  # fmt: skip
    told = f"{files[0]}: {len(names):,} sound(s), {found.given:,} samples given, {made:,} made, {count} times each"
    return form.deliver(facts, told)


def _files_of(form: Form, total: int) -> list[Path]:
    """The file that ``--out`` names; of several sounds a numbered file for each."""
    out = Path(form.out or "continued.wav")
    several = total > 1 and out.suffix == ".wav"
    names = [str(out.with_stem(f"{out.stem}-{number}")) for number in range(total)] if several else [str(out)]
    return [picture_file(name, form.overwrite, ("png", "wav"), "--out") for name in names]
