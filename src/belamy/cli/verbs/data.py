"""Examine data before training on them: counts, sizes, duplicates, unreadable files, a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from belamy.cli.options import Json, NewFile, Offline, Pictures, Within, options
from belamy.cli.parsing import verb

if TYPE_CHECKING:
    from rich.console import RenderableType

    from belamy.data.doctor import DataExamination

BAR, MOST_CLASSES = 32, 40


@options
class Form(Pictures, Offline, Json):
    """Open data as training would, look at every image and say what was found and what training would do with it."""

    source: str
    """A named set, a folder or a file of pictures, sounds, texts, tables …, an archive or an array file."""
    modality: str | None = None
    """What kind the data are, where they do not say it themselves: image, audio, text, table … with the options of its
    reader, e.g. table:drop=name."""
    other: str | None = None
    """Data of a second side that is not aligned with the first."""
    rate: Annotated[int | None, Within(1, 10**7)] = None
    """Of sound and films: samples or frames per second."""
    length: Annotated[int | None, Within(1, 1 << 24)] = None
    """Samples of a clip of sound, symbols of a text, frames of a film, steps of a series."""
    labels: str | None = None
    """A CSV file with file names and labels, a column of the table, or an attribute of the data set."""
    samples: Annotated[int, Within(1)] = 1_000_000
    """Training samples to see, for the number of passes."""
    sheet: Annotated[str | None, NewFile(("png",))] = None
    """Write the contact sheet to this PNG file; by default it goes into the cache."""
    page: Annotated[str | None, NewFile(("html",))] = None
    """Write what was found to this HTML file: samples, players, histograms, findings."""


@verb(Form)
def run(form: Form) -> int:
    """Examine and show."""
    from belamy.data.doctor import examine

    found = examine(**form.given("sheet", "page", "json"))
    # Below the tables, whose columns would fold what is to be copied.
    last = "\n".join([*contact_sheet(found, form.sheet), *page_of(found, form.page), f"next: {found.facts['next']}"])
    text = "" if form.quiet else f"{shown(found)}\n\n{last}"
    return form.deliver(found.facts, text)


def page_of(found: DataExamination, page: str | None) -> list[str]:
    """Writes the page, if one is wanted, and says where it is."""
    from belamy.api.data_page import render
    from belamy.runs.files import write_bytes

    if page is None:
        return []
    write_bytes(Path(page).expanduser(), render(found).encode())
    return [f"page: {page}"]


def contact_sheet(found: DataExamination, sheet: str | None) -> list[str]:
    """Writes the sheet and says where it is; only one that was asked for must be written."""
    from belamy.data.load_options import LoadOptions
    from belamy.errors import StorageError
    from belamy.runs.files import save_png

    if sheet is not None:
        save_png(found.sheet, Path(sheet).expanduser())
        return [f"contact sheet: {sheet}"]
    path = LoadOptions().cache_folder / "sheets" / f"{found.facts['fingerprint'][:16]}.png"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_png(found.sheet, path)
    except (OSError, StorageError):
        return []
    return [f"contact sheet: {path}"]


def shown(found: DataExamination) -> str:
    """The findings and a histogram of the labels as tables, as wide as the terminal."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    console = Console()
    facts = Table(box=SIMPLE, show_header=False, padding=(0, 1))
    facts.add_column(style="bold", no_wrap=True, max_width=28)
    facts.add_column(overflow="fold")
    for line in found.lines():
        name, colon, text = line.partition(": ")
        name, text = (name, text) if colon else ("", line)
        facts.add_row(_literal(name), _literal(text))
    parts: list[RenderableType] = [facts]
    if counts := found.facts["label_counts"]:
        parts.append(_histogram(counts, found.facts["what"]))
    with console.capture() as caught:
        for part in parts:
            console.print(part)
    return caught.get().rstrip()


def _histogram(counts: dict[str, int], what: str) -> Any:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE, padding=(0, 1))
    table.add_column("label", overflow="fold", max_width=28)
    table.add_column(what, justify="right")
    table.add_column("")
    most = max(counts.values())
    for name, count in list(counts.items())[:MOST_CLASSES]:
        table.add_row(_literal(name), f"{count:,}", "█" * round(BAR * count / most) if most else "")
    if len(counts) > MOST_CLASSES:
        table.add_row(f"and {len(counts) - MOST_CLASSES} more", "", "")
    return table


def _literal(text: str) -> Any:
    """Text whose square brackets are not markup: file names may hold any."""
    from rich.text import Text

    return Text(text)
