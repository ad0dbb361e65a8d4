"""Ask people: real or fake, which of two, in which order, how good; and say what their answers show.

belamy survey runs/a --against mnist --exposures 100 250 500 1000 --participants 12
belamy survey survey.sqlite                       # go on with it, also after a crash
belamy survey --analyse survey.sqlite
belamy survey --power 0.8 --effect 0.1
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional

from belamy.cli.options import Device, Json, Seed, SizeOfPictures, Within, options
from belamy.cli.output import named_file
from belamy.cli.parsing import verb
from belamy.errors import DataError, StorageError, UsageError

if TYPE_CHECKING:
    from belamy.runs.run import Run
    from belamy.survey.design import Design
    from belamy.survey.stimuli import Collection
    from belamy.survey.store import Store

LINKS_SHOWN = 20
TOLD = ("number", "link", "done", "total", "finished")


@options
class Form(SizeOfPictures, Device, Json):
    """Ask people what they think of samples: on a page of this machine, with the answers in one file.

    First what is judged: runs, folders of pictures or of WAV files, .npz files. Or a survey's own .sqlite file, to go
    on with it.
    """

    sources: Positional[tuple[str, ...]] = ()
    """What is judged."""

    against: str | None = None
    """The real data: a named set, a folder, an array file, or a folder of WAV files. Where real or fake is asked and
    none are named, a run's own."""
    kind: str = "categorise"
    """categorise: real or fake, one at a time. choose: which of two is real. rank: which of two is better, for several
    runs. mos: a score of 1 to 5."""
    out: str = "survey.sqlite"
    """The survey's file, new; with --analyse the page, with --export the table (.csv or .json)."""
    participants: Annotated[int, Within(0, 1000)] = 1
    """Links to make at the start; the administrator's page makes more."""
    trials: int = 60
    """Judgements of each participant."""
    practice: int = 4
    """Practice trials before them."""
    catch: int = 6
    """Trials among them with something broken on purpose."""
    exposures: tuple[int, ...] = ()
    """Milliseconds for which a picture is seen, 50 to 1000, in turn; none: until the answer."""
    staircase: bool = False
    """Let the exposure follow the answers instead: shorter after a right one, longer after an error."""
    items: Annotated[int, Within(1, 10_000)] = 200
    """Pictures or sounds of each source to choose from."""
    size: str | None = None
    """Make pictures in files of this size, in pixels: the side of squares, 64, or width x height, 96x64; by default
    they are taken as they are."""
    consent: str | None = None
    """A text file with the consent text, instead of the house's."""
    question: str | None = None
    """The question asked in every trial, instead of the house's."""
    pixels: int = 320
    """Side of a picture on the screen, in the browser's pixels."""
    seed: Seed = 0
    """Decides the samples, and who sees what in which order."""
    port: Annotated[int, Within(0, 65_535)] = 8765
    """Where the page is served, on this machine alone; 0 takes a free port."""
    analyse: str | None = None
    """Say what the answers in this survey show, and write a page."""
    export: str | None = None
    """Write the answers in this survey as a table."""
    power: float | None = None
    """Say how many participants find an effect with this power, e.g. 0.8."""
    effect: float = 0.1
    """With --power: distance of a share from one half, or difference of two mean opinion scores."""
    agreement: float = 0.05
    """With --power: correlation of one participant's answers."""
    deviation: float = 1.0
    """With --power: standard deviation of a score."""

    def refuse(self) -> None:
        """Refuse two things at once, and what is no survey."""
        super().refuse()
        chosen = [name for name in ("analyse", "export", "power") if getattr(self, name) is not None]
        if len(chosen) > 1 or (chosen and self.sources):
            other = "--" + chosen[1] if len(chosen) > 1 else self.sources[0]
            raise UsageError(f"--{chosen[0]} stands alone: leave {other} out.")
        if self.staircase and self.exposures:
            raise UsageError("--staircase chooses the exposures: leave --exposures out.")


@verb(Form)
def run(form: Form) -> int:
    """Serve, analyse, export or calculate."""
    if form.power is not None:
        return calculate(form, form.power)
    if form.analyse is not None:
        return analyse(form, Path(form.analyse).expanduser())
    if form.export is not None:
        return export(form, Path(form.export).expanduser())
    return ask(form, list(form.sources))


def calculate(form: Form, wanted: float) -> int:
    """The power calculation."""
    from belamy.survey.power import LEVEL, need

    found = need(form.kind, wanted, form.effect, form.trials, form.agreement, form.deviation)
    what = f"a difference of {form.effect:g} points" if form.kind == "mos" else f"a share of {0.5 + form.effect:.1%}"
    facts = {
        "kind": form.kind, "power": wanted, "level": LEVEL, "effect": form.effect, "agreement": form.agreement,
        "answers": found.answers, "inflation": found.inflation, "participants": found.participants,
        "trials": found.trials, "reached": found.reached,
    }  # fmt: skip
    text = (
        f"{found.participants:,} participants with {found.trials} trials each find {what} with power "
        f"{found.reached:.1%} (two-sided, at {LEVEL:.0%}).\n{found.answers:,} independent answers do; as those of "
        f"one participant correlate by {form.agreement:g}, it takes {found.inflation:.2f} times as many."
    )
    return form.deliver(facts, text)


def analyse(form: Form, path: Path) -> int:
    """The analysis of the answers."""
    from belamy.runs.files import write_bytes
    from belamy.survey.analysis import analyse as found_in
    from belamy.survey.page import render, told
    from belamy.survey.store import Store

    out = named_file(form.out, "--out") if form.out != Form.out else path.with_suffix(".html")
    if out.suffix.lower() != ".html":
        raise UsageError(f"--out is {form.out}, but the page of --analyse ends with .html.")
    refuse_foreign(out, "· Belamy</title>")
    store = Store(path, read_only=True)
    facts = found_in(store)
    store.close()
    write_bytes(out, render(facts).encode())
    return form.deliver(facts, f"{told(facts)}\n{out}")


def refuse_foreign(out: Path, mark: str) -> None:
    """Refuse to replace a file that no earlier call wrote, told by what all of those hold.

    Raises:
        StorageError: It is there, and something else.
    """
    if out.exists() and mark.encode() not in out.read_bytes():
        raise StorageError(
            f"{out} is there already, and not of this survey. Name another file: --out NAME{out.suffix}."
        )


def export(form: Form, path: Path) -> int:
    """The answers as a table."""
    from belamy.runs.files import write_bytes, write_json
    from belamy.survey.export import as_csv, as_json
    from belamy.survey.store import Store

    out = named_file(form.out, "--out") if form.out != Form.out else path.with_suffix(".csv")
    if out.suffix.lower() not in (".csv", ".json"):
        raise UsageError(f"--out is {form.out}, but --export writes .csv or .json.")
    store = Store(path, read_only=True)
    facts = as_json(store)
    table = as_csv(store)
    store.close()
    refuse_foreign(out, table.partition("\n")[0].strip() if out.suffix.lower() == ".csv" else '"participants"')
    if out.suffix.lower() == ".csv":
        write_bytes(out, table.encode())
    else:
        write_json(out, facts)
    return form.deliver(facts, f"{len(facts['answers']):,} answers in {out}")


def ask(form: Form, sources: list[str]) -> int:
    """Serve a survey, new or begun."""
    from belamy.survey.server import listening, prepared
    from belamy.survey.store import Store

    if not sources:
        raise UsageError(
            "Say what is judged: belamy survey RUN --against DATA; or go on with: belamy survey FILE.sqlite"
        )
    _check_installed()
    with listening(form.port) as door:
        old = len(sources) == 1 and sources[0].lower().endswith(".sqlite")
        store = Store(Path(sources[0]).expanduser()) if old else made(form, sources)
        store.invite(max(0, form.participants - len(store.progress())))
        facts, text = told(store, f"http://127.0.0.1:{door.getsockname()[1]}")
        server = prepared(store)
        door.listen(128)
        form.deliver(facts, text)
        sys.stdout.flush()  # whoever reads the addresses from a pipe gets them now
        server.run(sockets=[door])
    return 0


def told(store: Store, address: str) -> tuple[dict[str, Any], str]:
    """Where the pages are, as facts and as text."""
    people = [{**each, "link": f"{address}/take#{each['token']}"} for each in store.progress()]
    facts = {
        "file": str(store.path),
        "address": address,
        "administrator": f"{address}/admin#{store.administrator}",
        "participants": [{key: each[key] for key in TOLD} for each in people],
    }
    links = [each["link"] for each in people if not each["finished"] and not each["withdrawn"]]
    lines = [f"  {link}" for link in links[:LINKS_SHOWN]]
    if len(links) > LINKS_SHOWN:
        lines.append(f"  … and {len(links) - LINKS_SHOWN:,} more on the administrator's page")
    text = (
        f"Survey {store.path}, answers are safe in it at every moment. Stop with Ctrl-C, go on with: belamy survey "
        f"{store.path}\nAdministrator: {facts['administrator']}\nParticipants:\n" + "\n".join(lines)
    )
    return facts, text


def made(form: Form, sources: list[str]) -> Store:
    """A new survey's file."""
    from dataclasses import replace

    from belamy.evaluation.candidate import is_run
    from belamy.runs.run import Run
    from belamy.survey.design import ASKS_WHAT_IS_REAL
    from belamy.survey.stimuli import sounds, stimuli
    from belamy.survey.store import Store

    out = named_file(form.out, "--out")
    if out.suffix.lower() != ".sqlite":
        raise UsageError(f"--out is {form.out}, but a survey's file ends with .sqlite.")
    if out.exists():
        raise StorageError(f"{out} is there already. Go on with it: belamy survey {out}; or give another --out.")
    named = [*([form.against] if form.against is not None else []), *sources]
    runs = [Run.open(source) for source in named if is_run(source)]
    own = runs[0] if runs and form.against is None and form.kind in ASKS_WHAT_IS_REAL else None
    against = own.recipe.data if own is not None else form.against
    design = planned(form, against, sources)  # refuses what cannot be before anything is drawn
    if design.medium == "sound":
        collections = [
            sounds(source, form.items, form.seed) for source in (named if own is not None else design.sources)
        ]
    else:
        collections = collected(form, sources, runs)
    collections = [*([own_data(form, own)] if own is not None else []), *collections]
    names = [f"{each.name} ({number})" if [other.name for other in collections].count(each.name) > 1 else each.name
             for number, each in enumerate(collections, start=1)]  # fmt: skip
    facts = {"sources": {name: dict(each.facts) for name, each in zip(names, collections, strict=True)}}
    design = replace(design, sources=tuple(names), protocol=facts)
    return Store.create(out, design, stimuli(design, collections))


def planned(form: Form, against: str | None, sources: list[str]) -> Design:
    """The survey's plan, as far as it is known before the sources are opened."""
    from belamy.survey.design import QUESTIONS, Design
    from belamy.survey.stimuli import has_sounds

    named = [*([against] if against is not None else []), *sources]
    heard = [has_sounds(source) for source in (named if form.against is not None else sources)]
    if any(heard) and not all(heard):
        sounding, silent = named[heard.index(True)], named[heard.index(False)]
        raise DataError(f"{sounding} holds sounds and {silent} does not: all must be of one medium.")
    return Design(
        kind=form.kind, medium="sound" if all(heard) else "image", sources=tuple(named),
        real=0 if against is not None else None, trials=form.trials, practice=form.practice, catch=form.catch,
        exposures=tuple(sorted(set(form.exposures))), staircase=form.staircase, pixels=form.pixels, seed=form.seed,
        question=form.question or QUESTIONS.get(form.kind, ""), consent=_consent(form.consent),
    )  # fmt: skip


def collected(form: Form, sources: list[str], runs: list[Run]) -> list[Collection]:
    """The pictures to be judged, those named as real first; all as large as those of the runs, if there are any."""
    from belamy.device import choose_device
    from belamy.survey.stimuli import pictures

    shape = next((run.spec.shape for run in runs), None)
    wanted: dict[str, Any] = {"size": form.size, "device": str(choose_device(form.device)), "fixed": shape is not None}
    drawn = [pictures(source, form.items, form.seed, shape=shape, **wanted) for source in sources]
    if form.against is None:
        return drawn
    real = pictures(form.against, form.items, form.seed, shape=drawn[0].shape, held_out=True, **wanted)
    return [real, *drawn]


def own_data(form: Form, run: Run) -> Collection:
    """The data that a run learned from: the held-out ones, if there are enough."""
    from belamy.evaluation.candidate import stored_candidate
    from belamy.survey.stimuli import of_candidate
    from belamy.training.setup import open_recipe_data

    recipe = run.recipe
    data = open_recipe_data(recipe, hint=f"If they moved, type: belamy survey {run.path} --against NEW")
    split = "test" if len(data.held_out) >= form.items else "all"
    return of_candidate(stored_candidate(data, recipe.data, form.items, form.seed, split, recipe.size))


def _consent(name: str | None) -> str:
    if name is None:
        return ""
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The consent text {name} cannot be read ({error}). Give a text file in UTF-8.") from None
    if not text:
        raise DataError(f"The consent text {name} is empty.")
    return text


def _check_installed() -> None:
    """Say at once what is missing, before anything is drawn."""
    from importlib.util import find_spec

    from belamy.errors import MissingExtra

    for package in ("fastapi", "uvicorn"):
        if find_spec(package) is None:
            raise MissingExtra(package, "survey", "A survey")
