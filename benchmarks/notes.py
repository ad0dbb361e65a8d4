"""What a benchmark keeps in its folder: figures, sheets, and states that a killed run goes on from; no program."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from watch import write

from belamy.data import Dataset
from belamy.evaluation.statistics import Interval
from belamy.evaluation.verdict import Verdict
from belamy.methods.base import BaseRecipe
from belamy.runs.checkpoint import Checkpoint
from belamy.runs.files import save_png, write_bytes
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer

Row = dict[str, Any]


class Notes:
    """Rows of figures, one for each thing that is judged and each moment, told as they come and kept at once.

    Args:
        folder: Where they are kept; the same again goes on where it was. None keeps nothing.
        facts: About the whole, such as how many pictures are held out.
    """

    def __init__(self, folder: Path | None, **facts: Any) -> None:
        self.folder, self.console = folder, Console(width=180)
        self.rows: list[Row] = []
        self.recipes: dict[str, Any] = {}
        self.facts = facts
        if folder and (folder / "figures.json").is_file():
            held = json.loads((folder / "figures.json").read_text())
            self.rows, self.recipes = held["rows"], held["recipes"]

    def last(self, what: str) -> Row | None:
        """The newest row of something."""
        return next((row for row in reversed(self.rows) if row["what"] == what), None)

    def add(self, what: str, figures: Mapping[str, Any], **told: Any) -> None:
        """A row, which is told and kept; intervals as value, low and high."""
        row = {"what": what, **told, **{name: _plain(value) for name, value in figures.items()}}
        self.rows.append(row)
        self.console.print(", ".join(f"{name} {_said(value)}" for name, value in row.items()), highlight=False)
        self._write()

    def add_verdict(self, what: str, verdict: Verdict, **told: Any) -> None:
        """A row of what `belamy evaluate` says, that of real samples beside it by the name ``real …``."""
        found = {each.name: each.interval or each.value for each in verdict.measures}
        real = {f"real {each.name}": each.real_baseline for each in verdict.measures if each.real_baseline is not None}
        self.add(what, {**found, **real}, **told)

    def once(self, what: str, judge: Callable[[], Mapping[str, Any]]) -> None:
        """A row of something that does not learn, unless it is there."""
        if self.last(what) is None:
            self.add(what, judge())

    def trainer(
        self, name: str, usual: BaseRecipe, plan: Callable[[BaseRecipe], BaseRecipe], data: Dataset, options: Options
    ) -> tuple[Trainer, float]:
        """What trains under a name, as far as it has come, and the CPU-minutes that it has behind it.

        Args:
            name: Of its rows and its state.
            usual: Its recipe; a kept one counts instead.
            plan: Makes it as long as it is to be.
            data: What it learns from.
            options: How.
        """
        recipe = type(usual).parse(self.recipes[name]) if name in self.recipes else plan(usual)
        trainer = make_trainer(recipe, data.spec, data, options, World())
        self.recipes[name] = recipe.model_dump(mode="json")
        state, row = self.folder and self.folder / f"state-{name}", self.last(name)
        if not (state and row and state.is_dir()):
            return trainer, 0.0
        trainer.load_state(Checkpoint.load(state))
        return trainer, float(row["cpu_minutes"])

    def keep(
        self, name: str, trainer: Trainer, moment: float, spent: float, figures: Mapping[str, Any], sheet: np.ndarray
    ) -> None:
        """A row about what trains, its state, and a sheet of what it makes.

        Args:
            name: Of the row, the state and the sheet.
            trainer: What trains.
            moment: What the sheet is called by.
            spent: CPU-minutes.
            figures: The row.
            sheet: The picture.
        """
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_png(sheet, self.folder / f"{name}-{moment:g}.png")
            trainer.state().save(self.folder / f"state-{name}", self.folder)
        speed = trainer.clock.samples / (60 * spent)
        self.add(name, figures, cpu_minutes=spent, samples=trainer.clock.samples, samples_a_second=speed)

    def tell(self, table: str, page: Path | None, of: str) -> None:
        """Print a table, and put it between the marks of a page that are named, if there is one."""
        self.console.print(table, soft_wrap=True, markup=False)
        if page:
            write(page, table, *(f"<!-- {of}: {end} -->" for end in ("begin", "end")))

    def _write(self) -> None:
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps({**self.facts, "recipes": self.recipes, "rows": self.rows}, indent=2)
            write_bytes(self.folder / "figures.json", text.encode())


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, Interval) else value


def _said(value: Any) -> str:
    if isinstance(value, list):
        return f"{value[0]:.4g} ({value[1]:.4g} … {value[2]:.4g})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
