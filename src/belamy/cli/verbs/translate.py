"""Translate files by a trained method: drawings into pictures in colour, noisy sound into clean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from belamy.cli.filming import PAGE, WRITTEN, translate_films
from belamy.cli.method_options import chosen, extended, named_run
from belamy.cli.options import Json, Offline, OfRun, Overwrite, ProgressOption, Seed, Within, options
from belamy.cli.output import named_file, picture_file, picture_folder, stems, telling
from belamy.cli.parsing import parse
from belamy.errors import DataError, UsageError


@options
class Form(OfRun, Offline, Overwrite, ProgressOption, Json):
    """Translate files or folders of them by a run of a method for pairs, such as pix2pix, or for two sides, such as
    cyclegan. Writes a file for each, and a page that shows input, output and target side by side; with targets it tells
    how near they come. Films (MP4, GIF, .npy, folders of numbered frames) pass frame by frame. A method may have
    options of its own, e.g. a blend: `belamy translate RUN --help`."""

    inputs: tuple[str, ...]
    """Files and folders; test for the held-out samples of the run's data, which have targets."""
    back: bool = False
    """Translate the second of two sides into the first, by a run of cyclegan."""
    targets: str | None = None
    """What they should become: a file, or a folder with equal names."""
    out: str = "translated"
    """The folder to write; or the file, of one input."""
    size: str | None = None
    """Of pictures, to bring them to: a side of 64 pixels, or 96x64; by default each keeps its own."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How a picture takes another size."""
    mask: str | None = None
    """Of pictures that are to be filled: a file that is white in their holes and black elsewhere, or a folder with one
    of each name; by default what is transparent is filled."""
    feather: Annotated[int, Within(0, 1024)] = 0
    """Of these, so many pixels into the holes what is filled in is shifted to join what is known."""
    hint: tuple[str, ...] = ()
    """Of grey pictures that are given colours: what they are to have at places, e.g. 12,34=#ff0000 at column 12 of row
    34, in quotes where the shell asks for them."""
    palette: tuple[str, ...] = ()
    """Of these, colours that they are to have somewhere, e.g. "#e33 #fa0 white"."""
    measures: tuple[str, ...] = ()
    """What is asked of all translations together: frechet, kernel, labels, attributes, cycle, cost, or all that can be
    told here. Judges of labels and attributes are trained on the run's data once and kept; minutes."""
    batch: Annotated[int, Within(1, 1024)] = 16
    """Inputs of one size that are translated together."""
    outputs: Annotated[int, Within(1, 64)] = 1
    """How many are made of each input, where a method leaves something to chance; the second is that of the next seed,
    and so on."""
    tile: Annotated[int, Within(16, 65536)] | None = None
    """Longest side in pixels of the tiles in which large pictures pass; by default they do so where memory needs it."""
    overlap: Annotated[int, Within(0, 8192)] | None = None
    """Of tiles, in pixels; by default as many as the network sees, so that tiles make what the whole would."""
    rate: Annotated[float, Within(0.1, 1000)] | None = None
    """Frames a second of films whose files do not say it: folders of frames and .npy files."""
    flow: str | None = None
    """Optical flow of one film in an .npy file, floats [frames, 3, height, width]; tells the temporal warping error."""
    seed: Seed = 0
    """Decides what is random in a translation, with the place of the input; all frames of a film have the same."""

    def refuse(self) -> None:
        """Refuse what cannot be translated, or written."""
        super().refuse()
        from belamy.api.given_colours import parse_hints, parse_palette
        from belamy.modalities.sizes import parse_size

        parse_size(self.size)
        parse_hints(self.hint)
        parse_palette(self.palette)
        if not self.inputs:
            raise UsageError("Nothing is given to translate. Name files or folders, or test.")
        for each in () if self.inputs == ("test",) else self.inputs:
            if not Path(each).expanduser().exists():
                raise DataError(f"There is no file or folder {each}.")
        if self.targets is not None and self.inputs == ("test",):
            raise UsageError("The held-out samples of the run's data have targets of their own. Leave --targets out.")
        if self.mask is not None and self.inputs == ("test",):
            raise UsageError("Holes are drawn into the held-out samples of the run's data. Leave --mask out.")
        self.destination()

    def destination(self) -> tuple[Path, bool]:
        """What to write, and whether it is one file."""
        out = named_file(self.out, "--out")
        one = len(self.inputs) == 1 and Path(self.inputs[0]).expanduser().is_file()
        one = one or (len(self.inputs) == 1 and out.suffix.lower() in WRITTEN)  # a folder of frames
        if out.suffix and not out.is_dir():
            if one and self.outputs > 1:
                raise UsageError(f"--out is the file {out}, but there are {self.outputs} outputs. Name a folder.")
            if not one:
                raise UsageError(f"--out is the file {out}, but there may be several inputs. Name a folder.")
            return picture_file(self.out, self.overwrite, (out.suffix.lower()[1:],)), True
        return picture_folder(out, self.overwrite), False


def run(words: Sequence[str]) -> int:
    """Translate and write."""
    return work(parse(extended(Form, named_run(words), translating=True), words, "belamy translate"))


def work(form: Form) -> int:
    """Translate and write what a form says."""
    from belamy.api.film_translation import films_given
    from belamy.api.translate import translate, translator
    from belamy.runs.run import Run

    run = Run.open(form.run)
    method = translator(run, form.weights, form.back)  # before data are opened
    out, one = form.destination()
    if form.inputs != ("test",):
        films = films_given(form.inputs, method, str(run.path), out.suffix.lower() if one else "")
        if films is not None:
            return translate_films(form, run, films, out, one, method)
    if one and Path(form.inputs[0]).expanduser().is_dir():
        raise UsageError(f"--out is the file {out}, but {form.inputs[0]} holds no film. Name a folder.")
    if form.rate is not None or form.flow is not None:
        raise UsageError("--rate and --flow belong to films, but none is given. Leave them out.")
    data = form.run_data(run) if form.inputs == ("test",) else None
    with form.reporting() as told:
        made = translate(
            run, form.inputs, targets=form.targets, size=form.size, fit=form.fit, seed=form.seed, weights=form.weights,
            device=form.device, batch=form.batch, outputs=form.outputs, tile=form.tile, overlap=form.overlap,
            options=chosen(form), back=form.back, data=data, method=method, mask=form.mask, feather=form.feather,
            hints=form.hint, palette=form.palette, measures=form.measures, say=told.say,
            progress=telling(told, "translations"),
        )  # fmt: skip
    files = [_write_one(made, out)] if one else _write_folder(made, out, run.path.name)
    facts: dict[str, Any] = {
        "run": str(run.path), "translations": len(made), "seed": form.seed, "weights": form.weights, **chosen(form),
        "back": form.back, "hint": list(form.hint), "palette": list(form.palette), "outputs": form.outputs,
        "measures": {
            name: {"mean": mine.mean, "untouched": None if theirs is None else theirs.mean, "count": mine.count}
            for name, (mine, theirs) in made.summaries().items()
        },
        "rivals": {who: {name: each.mean for name, each in found.items()} for who, found in made.beside().items()},
        "scores": {who: {name: list(each) for name, each in found.items()} for who, found in made.scores.items()},
        "rate": made.target.rate, "skipped": [list(each) for each in made.skipped], "notes": list(made.notes),
        "files": [str(path) for path in files],
    }  # fmt: skip
    return form.deliver(facts, "\n".join(_told(made, out, one)))


def _write_one(made: Any, out: Path) -> Path:
    from belamy.runs.files import write_bytes

    if out.suffix.lower() != made.suffix:
        raise UsageError(f"--out is {out}, but what is made is a file {made.suffix}. Name one, or a folder.")
    write_bytes(out, made.file(0))
    return out


def _write_folder(made: Any, out: Path, title: str) -> list[Path]:
    """A file for each translation and the page; they come into their place when all are there."""
    from belamy.runs.files import filling, save_png, write_bytes

    several = [(number, which) for number, item in enumerate(made.items) for which in range(1 + len(item.others))]
    called = [made.items[number].name for number, _ in several]
    names = [f"{stem}{made.suffix}" for stem in stems(called, [PAGE, "sheet.png"])]
    with filling(out) as folder:
        for (number, which), name in zip(several, names, strict=True):
            for suffix, data in made.files(number, which).items():
                write_bytes((folder / name).with_suffix(suffix), data)
        save_png(made.sheet(), folder / "sheet.png")
        write_bytes(folder / PAGE, made.page(title).encode())
    return [out / name for name in (*names, "sheet.png", PAGE)]


def _told(made: Any, out: Path, one: bool) -> list[str]:
    from belamy.api.translate import figure

    lines = [f"{len(made):,} translation(s) in {out}" + ("" if one else f"; look at {out / PAGE}")]
    rivals = made.beside()
    for name, (mine, theirs) in made.summaries().items():
        beside = f"; the inputs as they are: {figure(theirs)}" if theirs else ""
        beside += "".join(f"; {who}: {figure(found[name])}" for who, found in rivals.items() if name in found)
        lines.append(f"{made.titled(name)}: {figure(mine)}{beside}")
    lines += _scores(made)
    lines += [f"note: {note}" for note in made.notes]
    lines += [f"left out {name}: {why}" for name, why in list(made.skipped)[:20]]
    more = len(made.skipped) - 20
    return [*lines, f"left out {more:,} more; --json FILE lists all"] if more > 0 else lines


def _scores(made: Any) -> list[str]:
    """A line for each number of all translations together, beside those of who else is judged."""
    from belamy.api.translate import spoken
    from belamy.api.translation_measures import MADE
    from belamy.methods.base import UNTOUCHED

    words = {UNTOUCHED: "the inputs as they are", "real": "real ones"}
    lines = []
    for name, mine in made.scores.get(MADE, {}).items():
        others = [
            f"; {words.get(who, who)}: {spoken(found[name])}"
            for who, found in made.scores.items()
            if who != MADE and name in found
        ]
        lines.append(f"{name}: {spoken(mine)}{''.join(others)}")
    return lines
