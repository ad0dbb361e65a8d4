"""Translating films from the command line: what is written, and what is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from belamy.cli.method_options import chosen
from belamy.cli.output import picture_file, stems, telling
from belamy.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from belamy.api.film_translation import FilmTranslation, FilmTranslator
    from belamy.data.film_files import FilmFile
    from belamy.progress import Reporter
    from belamy.runs.run import Run

PAGE = "translations.html"
WRITTEN = (".mp4", ".gif", ".npy")
"""Endings of files of films that can be written."""


def translate_films(form: Any, run: Run, films: Sequence[Path], out: Path, one: bool, own: Any) -> int:
    """Translate films and write them: into a file and a page beside it, or each into a folder with one page.

    Args:
        form: What the user typed.
        run: At work.
        films: Files, and folders of frames.
        out: What to write.
        one: Whether that is a file.
        own: The run's method.

    Raises:
        UsageError: An option of pictures, or an output that cannot be.
    """
    from belamy.api.film_targets import open_target, targets_of
    from belamy.api.film_translation import FilmTranslator, film_page, read_flow
    from belamy.api.making import Manner
    from belamy.runs.files import filling, write_bytes

    _refuse(form, films, out, one)
    manner = Manner(form.seed, form.batch, form.tile, form.overlap)
    method = FilmTranslator(
        run, manner, weights=form.weights, device=form.device, options=chosen(form), back=form.back, method=own
    )
    opened = [method.open(path) for path in films]
    targets = [None] * len(films) if form.targets is None else [
        None if path is None else open_target(path) for path in targets_of(films, form.targets)
    ]  # fmt: skip
    kinds = [out.suffix.lower()] if one else [_kind_like(film) for film in opened]
    rates = [method.rate(film, form.rate, kind in (".mp4", ".gif")) for film, kind in zip(opened, kinds, strict=True)]
    flow = None if form.flow is None else read_flow(Path(form.flow).expanduser())
    beside = out.with_suffix(".html")
    work = _Work(method, flow)
    with form.reporting() as told:
        if one:
            picture_file(str(beside), form.overwrite, ("html",))
            made = [work.of_file(opened[0], out, rates[0], told, targets[0])]
            write_bytes(beside, film_page(out.name, made).encode())
            files = [out, beside]
        else:
            names = [
                f"{stem}{kind}"
                for stem, kind in zip(stems([_named(film) for film in opened], [PAGE]), kinds, strict=True)
            ]
            with filling(out) as folder:
                made = [
                    work.of_kind(film, folder / name, kind, rate, told, target)
                    for film, name, kind, rate, target in zip(opened, names, kinds, rates, targets, strict=True)
                ]
                (folder / PAGE).write_text(film_page(run.path.name, made), "utf-8")
            files = [out / name for name in (*names, PAGE)]
    facts = {
        "run": str(run.path), "seed": form.seed, "weights": form.weights, **chosen(form), "back": form.back,
        "films": [_facts(film) for film in made], "files": [str(path) for path in files],
    }  # fmt: skip
    return int(form.deliver(facts, "\n".join(_told(made, files))))


class _Work:
    """A translator that writes."""

    def __init__(self, method: FilmTranslator, flow: Tensor | None) -> None:
        self.method, self.flow = method, flow

    def of_file(
        self, film: FilmFile, out: Path, rate: float | None, told: Reporter, target: FilmFile | None = None
    ) -> FilmTranslation:
        """A film into a file, which is there whole or not at all."""
        from belamy.runs.files import writing

        with writing(out) as path:
            return self.of_kind(film, path, out.suffix.lower(), rate, told, target)

    def of_kind(
        self, film: FilmFile, path: Path, kind: str, rate: float | None, told: Reporter, target: FilmFile | None = None
    ) -> FilmTranslation:
        """A film as a file of a kind, or as a folder of pictures."""
        from belamy.modalities.film_writing import film_writer

        if not kind:
            path.mkdir()
        writer = film_writer(path, kind, film.names)
        counted = telling(told, f"frames of {film.name}", speed=True)
        return self.method.translate(film, writer, rate, self.flow, counted, target)


def _refuse(form: Any, films: Sequence[Path], out: Path, one: bool) -> None:
    """Refuse what films do not have, before anything is computed."""
    from belamy.modalities.film_writing import check_mp4

    given = {
        "--mask": form.mask, "--feather": form.feather, "--outputs": form.outputs > 1, "--hint": form.hint,
        "--palette": form.palette,
    }  # fmt: skip
    for name in (name for name, value in given.items() if value):
        raise UsageError(f"{name} belongs to pictures, but {films[0]} is a film. Leave it out.")
    if form.size is not None or form.fit != "crop":
        name = "--fit" if form.size is None else "--size"
        raise UsageError(
            f"{name} belongs to pictures, but {films[0]} is a film, whose frames keep their size. Leave it out; bring "
            "the film itself to another size before, or its frames as a folder of pictures into a folder --out."
        )
    if form.measures:
        raise UsageError(
            f"--measures asks judges about pictures, but {films[0]} is a film. Leave it out: --targets FILM tells how "
            "near its frames come, --flow FILE.npy how much changes that only moves."
        )
    if one and len(films) > 1:
        raise UsageError(f"--out is the file {out}, but {form.inputs[0]} holds {len(films)} films. Name a folder.")
    if form.flow is not None and len(films) > 1:
        raise UsageError(f"--flow is that of one film, but {len(films)} are given. Translate them one by one.")
    if one and out.suffix.lower() not in WRITTEN:
        raise UsageError(f"--out is {out}, but a film is written as {', '.join(WRITTEN)}, or into a folder.")
    if (one and out.suffix.lower() == ".mp4") or (not one and any(_plays(film) for film in films)):
        check_mp4()


def _plays(path: Path) -> bool:
    return not path.is_dir() and path.suffix.lower() not in (".gif", ".npy")


def _kind_like(film: FilmFile) -> str:
    """What a film becomes in a folder: what it is, and MP4 if it is of another kind that plays."""
    return film.suffix if film.suffix in (".gif", ".npy", "") else ".mp4"


def _named(film: FilmFile) -> str:
    return film.name if film.suffix else f"{film.name}."


def _facts(film: FilmTranslation) -> dict[str, Any]:
    kept = {name: getattr(film, name) for name in ("name", "frames", "rate", "took", "speed")}
    return {**kept, "given": list(film.given), "made": list(film.made), "warping": dict(film.warping),
            "notes": list(film.notes),
            "measures": {who: {name: each.mean for name, each in found.items()} for who, found in film.near.items()},
            }  # fmt: skip


def _near(film: FilmTranslation, name: str) -> str:
    """The mean of a measure over frames, and that of the input as it is."""
    from belamy.api.film_targets import spoken_mean
    from belamy.api.translation_measures import MADE
    from belamy.methods.base import UNTOUCHED

    beside = film.near.get(UNTOUCHED, {}).get(name)
    return spoken_mean(film.near[MADE][name]) + (f"; the input as it is: {spoken_mean(beside)}" if beside else "")


def _told(made: Sequence[FilmTranslation], files: Sequence[Path]) -> list[str]:
    where = files[0] if len(files) == 2 else files[-1].parent
    lines = [f"{len(made):,} film(s) in {where}; look at {files[-1]}"]
    for film in made:
        lines.append(f"{film.name}: {film.told}; {film.speed:.3g} were made a second")
        if film.warping:
            beside = f"; the input: {film.warping['input']:.4f}" if "input" in film.warping else ""
            lines.append(f"{film.name}: warping error {film.warping['output']:.4f}{beside}")
        lines += [f"{film.name}: {name} {_near(film, name)}" for name in film.near.get("made", {})]
        lines += [f"note: {film.name}: {note}" for note in film.notes]
    return lines
