"""Say in words what pictures or short films show, by a captioner's run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from belamy.cli.options import Json, NewFile, Offline, OfRun, Overwrite, ProgressOption, Seed, Within, options
from belamy.cli.output import kind_of, named_file, picture_folder, stems, telling
from belamy.cli.parsing import verb
from belamy.errors import DataError, UsageError

HELD_OUT = "test"
_LISTED = 20


@options
class Form(OfRun, Offline, Overwrite, ProgressOption, Json):
    """Say in words what pictures or short films show: the captions of files, or of all in a folder, by a run of a
    captioner. With --attention a picture for each tells what was looked at for each word, with --evidence what spoke
    for it."""

    run: str
    """The run's directory; its method must be a captioner."""
    pictures: tuple[str, ...]
    """Files and folders; test for the held-out samples of the run's data, whose captions are known."""
    beams: Annotated[int, Within(1, 64)] = 1
    """Beginnings that are kept in the search for the likeliest caption; 1 takes the likeliest word each time."""
    temperature: Annotated[float, Within(0, 100)] = 0.0
    """Above 0 words are drawn: below 1 likelier ones, above 1 bolder ones."""
    out: Annotated[str | None, NewFile(("txt", "csv", "json"))] = None
    """The file of captions to write, .txt, .csv or .json; without it they are shown."""
    attention: str | None = None
    """A folder for a picture of each input: its words, each below what was looked at for it."""
    evidence: str | None = None
    """A folder for a picture of each input: its words, each below what spoke for its being mentioned at all."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How a picture is brought to the size of those that the run learned from."""
    seed: Seed = 0
    """Decides drawn words, with the place of the picture."""

    def refuse(self) -> None:
        """Refuse what cannot be read, or written."""
        super().refuse()
        from belamy.api.caption import check_search

        check_search(self.beams, self.temperature)
        if not self.pictures:
            raise UsageError("No pictures are given. Name files or folders, or test.")
        for each in () if self.pictures == (HELD_OUT,) else self.pictures:
            if not Path(each).expanduser().exists():
                raise DataError(f"There is no file or folder {each}.")
        self.sheets()

    def sheets(self) -> dict[str, Path]:
        """The folders of the pictures of attention and of evidence."""
        given = {"attention": self.attention, "evidence": self.evidence}
        named = {kind: named_file(each, f"--{kind}") for kind, each in given.items() if each is not None}
        if len({each.resolve() for each in named.values()}) < len(named):
            raise UsageError("--attention and --evidence name the same folder. Name two.")
        return {kind: picture_folder(each, self.overwrite, f"--{kind}") for kind, each in named.items()}


@verb(Form)
def run(form: Form) -> int:
    """Caption, write, show."""
    from belamy.api.caption import NO_EVIDENCE, caption, captioner
    from belamy.runs.files import write_bytes
    from belamy.runs.run import Run

    run, folders = Run.open(form.run), form.sheets()
    method: Any = captioner(run, form.weights)  # before data are opened
    if "evidence" in folders and not method.tells_evidence:
        raise UsageError(NO_EVIDENCE)
    data = form.run_data(run) if form.pictures == (HELD_OUT,) else None
    with form.reporting() as told:
        made = caption(
            run, form.pictures, beams=form.beams, temperature=form.temperature, fit=form.fit, seed=form.seed,
            weights=form.weights, device=form.device, data=data, method=method,
            progress=telling(told, method_words(method)),
        )  # fmt: skip
    files = []
    if form.out is not None:
        files.append(named_file(form.out, "--out"))
        write_bytes(files[0], made.file(kind_of(files[0])))
    for kind, folder in folders.items():
        files += _write_sheets(made, kind, folder)
    facts = {
        "run": str(run.path), "beams": form.beams, "temperature": form.temperature, "seed": form.seed,
        "weights": form.weights, "captions": [item.facts() for item in made],
        "skipped": [list(each) for each in made.skipped], "notes": list(made.notes), "files": list(map(str, files)),
    }  # fmt: skip
    return form.deliver(facts, "\n".join(_told(form, made, folders)))


def method_words(method: Any) -> str:
    """What the inputs of a method are called, several of them."""
    from belamy.modalities import modality

    return modality(method.spec.field.modality).words[1]


def _write_sheets(made: Any, kind: str, out: Path) -> list[Path]:
    """A picture for each input; they come into their place when all are there."""
    from belamy.runs.files import filling, save_png

    names = [f"{stem}.png" for stem in stems([item.name for item in made])]
    with filling(out) as folder:
        for number, name in enumerate(names):
            save_png(getattr(made, f"{kind}_sheet")(number), folder / name)
    return [out / name for name in names]


def _told(form: Form, made: Any, folders: dict[str, Path]) -> list[str]:
    lines = made.lines() if form.out is None else [f"{len(made):,} caption(s) in {form.out}"]
    told = {"attention": "What was looked at for each word", "evidence": "What spoke for each word"}
    lines += [f"{told[kind]}: {len(made):,} picture(s) in {folder}" for kind, folder in folders.items()]
    lines += [f"note: {note}" for note in made.notes]
    lines += [f"left out {name}: {why}" for name, why in made.skipped[:_LISTED]]
    more = len(made.skipped) - _LISTED
    return [*lines, f"left out {more:,} more; --json FILE lists all"] if more > 0 else lines
