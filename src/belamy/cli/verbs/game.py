"""Play the adversarial game on the line or in the plane, measure everything and film it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from belamy.cli.options import Json, NewFile, ProgressOption, Within, options
from belamy.cli.output import named_file, telling

if TYPE_CHECKING:
    from belamy.game.moment import Moment
    from belamy.game.record import Record
    from belamy.progress import Reporter


@options
class Form(ProgressOption, Json):
    """Options of the game's output."""

    out: Annotated[str | None, NewFile()] = None
    """The folder of page, film and numbers, new or empty; by default games/DISTRIBUTION-NUMBER."""
    frames: Annotated[int, Within(1, 119)] = 72
    """Moments to look at and to film, 1 to 119."""


def run(words: list[str]) -> int:
    """Play, write and sum up."""
    from belamy.cli.recipe_form import changed, read
    from belamy.game.settings import GameSettings, distribution_part

    settings = GameSettings()
    if words and not words[0].startswith("-"):
        settings = settings.changed(distribution=distribution_part(words[0]))
        words = words[1:]
    fields, session = read(cast("Any", settings), words, "belamy game", Form)
    settings = cast("GameSettings", changed(cast("Any", settings), fields, words))
    from belamy.game.files import check_free, free_folder, write
    from belamy.game.record import conduct

    out = named_file(session.out, "--out") if session.out is not None else free_folder(settings.distribution.name)
    check_free(out)
    with session.reporting() as shows:
        record = conduct(settings, session.frames, moved(shows))
        written = write(record, out, telling(shows, "frames"))
    facts = {**record.as_json(), "files": {kind: str(path) for kind, path in written.items()}}
    done: int = session.deliver(facts, summary(record, written["page"]))
    return done


def summary(record: Record, page: Path) -> str:
    """The figures at the end, one a line."""
    from belamy.game.moment import describe

    rows = describe(record.facts)
    width = max(map(len, rows))
    head = f"{record.caption.title}: {record.caption.subtitle}, {record.moments[-1].step:,} steps"
    return "\n".join([head, *(f"  {name:<{width}}  {value}" for name, value in rows.items()), f"Finished: {page}"])


def moved(told: Reporter) -> Callable[[int, int, Moment | None], None]:
    """What to call while playing."""

    def playing(step: int, steps: int, moment: Moment | None) -> None:
        if moment is not None and told.due():
            distances = f"Wasserstein-1 {moment.facts['wasserstein_1']:.3f}  JS {moment.facts['jensen_shannon']:.3f}"
            told.work(step / steps, f"step {step:,} of {steps:,}  {distances}")

    return playing
