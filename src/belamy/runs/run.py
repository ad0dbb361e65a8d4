"""The run directory: the only room that knows a file's name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar, Unpack

import numpy as np
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from belamy.data.pictures import read_whole
from belamy.errors import RunError, StorageError, Unreadable, UsageError
from belamy.methods.base import METHODS, BaseMethod, BaseRecipe, DataSpec
from belamy.modalities.grid import equally_high
from belamy.registry import Part, Registry
from belamy.runs import files, schema
from belamy.runs.checkpoint import Checkpoint, drop, state_of
from belamy.runs.drawn import DrawnSamples
from belamy.runs.strict_json import why
from belamy.sampling.draw import Drawing, draw

FORMAT = 1
"""Version of the layout; a run of a newer layout is refused with a clear message."""
ALWAYS = (
    "data", "size", "fit", "channels", "labels", "only", "train_samples", "batch", "seed", "ema_half_life",
    "schedule", "clip_value", "clip_norm",
)  # fmt: skip
"""Fields of recipes that every ``recipe.json`` of this format holds; without one it is damaged, and not completed."""

_NUMBER = re.compile("[0-9]+")
_EMPTY = (("journal.jsonl", 0), ("metrics.jsonl", 0))

RECIPE_TYPES = Registry("belamy.methods", "method", "Recipe")
KEEP_CHECKPOINTS = 2

T = TypeVar("T")


class Run:
    """A training run on disk: what it was asked, what it did and what it learned.

    Use :meth:`create` and :meth:`open`. Nothing in a run is executed when it is opened, and every write is atomic.

    Attributes:
        lost: What was damaged and is left out, a sentence each, by place; only what the run can do without.
    """

    def __init__(self, path: Path, facts: schema.RecipeFile) -> None:
        self.path, self.lost = path, dict[str, str]()
        self.recipe_name, self.method_name = facts.recipe, facts.method
        first: BaseRecipe = RECIPE_TYPES.load(self.method_name).parse(facts.fields)  # type: ignore[attr-defined]
        missing = [name for name in ALWAYS if name not in first.model_fields_set]
        if missing:
            raise UsageError(f"fields.{missing[0]} is missing")
        try:
            self.recipe = first.changed(**self.changes())
        except UsageError as error:
            raise RunError(f"{path / 'journal.jsonl'} is damaged: {error} Restore it from a copy.") from None
        self.spec = facts.domain.spec

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}: {self.recipe_name} on {self.recipe.data}, {self.samples_seen:,} samples seen)"

    def _repr_html_(self) -> str:
        from belamy.pages import fragment
        from belamy.pages.pictures import source

        seen, shown = f"{self.samples_seen:,} of {self.recipe.train_samples:,} samples seen", self.snapshots()[-1:]
        lines = [f"{self.recipe_name} on {self.recipe.data}, {seen}", str(self.path)]
        picture = source(shown[0][1]) if shown else ""
        return fragment("card", title=self.path.name or self.recipe_name, lines=lines, picture=picture, width=320)

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        recipe: BaseRecipe,
        recipe_name: str,
        spec: DataSpec,
        provenance: Mapping[str, Any],
        card: Mapping[str, Any],
        state: Checkpoint | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> Run:
        """A new run directory; with a state, a run that goes on from it, and whose journal tells its ``origin``.

        Raises:
            RunError: There is something at ``path`` already.
            StorageError: The folder cannot be written.
        """
        for left in cls.check_free(path):
            drop(left)
        facts = {
            "format": FORMAT,
            "recipe": recipe_name,
            "method": method_name(recipe),
            "fields": recipe.model_dump(mode="json"),
            "domain": {"fields": {name: field._asdict() for name, field in spec.fields.items()}},
        }
        files.write_json(path / "data.json", dict(card))
        files.write_json(path / "provenance.json", dict(provenance))
        run = cls(path, schema.RecipeFile.model_validate(facts))
        if state is not None:
            run.log("start", state.samples, recipe=recipe_name)
            if origin is not None:
                run.log("start-from", state.samples, **origin)
            run.save_checkpoint(state)
        files.write_json(path / "recipe.json", facts)  # last: its presence makes the directory a run
        return run

    @staticmethod
    def check_free(path: Path) -> list[Path]:
        """Refuse a place that holds something; what a process left that was killed before it made a run is returned.

        Raises:
            RunError: There is something.
        """
        if path.is_file():
            raise RunError(f"{path} is a file, but a run is a folder. Give another --out.")
        there = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
        if path.is_dir():
            files.refuse_links(path)
        begun = {"journal.jsonl", "checkpoints"} if "provenance.json" in there else set()
        if path.exists() and not (path.is_dir() and there <= {"data.json", "provenance.json", *begun}):
            what = "holds a run" if (path / "recipe.json").is_file() else "is not empty"
            raise RunError(f"{path} {what}. Type `belamy resume {path}` to go on with a run, or give another --out.")
        return [path / name for name in there]

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """The run in a directory.

        Raises:
            RunError: There is no run, or it is damaged or of a newer format.
        """
        path = Path(path).expanduser()
        if not (path / "recipe.json").is_file():
            what = "is not a directory" if path.exists() and not path.is_dir() else "holds no run (no recipe.json)"
            raise RunError(f"{path} {what if path.exists() else 'does not exist'}. {_known_runs(path)}")
        files.refuse_links(path)
        facts = files.read_json(path / "recipe.json")
        version = facts.get("format") if isinstance(facts, dict) else None
        if not isinstance(version, int):
            raise RunError(f"{path / 'recipe.json'} is not a Belamy recipe (it has no format number).")
        if version > FORMAT:
            raise RunError(
                f"{path} was written by a newer Belamy (format {version}; this one knows {FORMAT}). Upgrade it."
            )
        try:
            return cls(path, schema.RecipeFile.model_validate(facts))
        except (ValidationError, UsageError) as error:
            said = why(error) if isinstance(error, ValidationError) else str(error).rstrip(".")
            raise RunError(f"{path / 'recipe.json'} is damaged: {said}. Restore it from a copy.") from None

    def build(self) -> BaseMethod:
        """The run's method with fresh weights."""
        method: BaseMethod = METHODS.build(Part(name=self.method_name), recipe=self.recipe, spec=self.spec)
        return method

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process; training does, so that two processes never write to one run.

        Raises:
            RunError: Another process holds it.
        """
        with files.locked(self.path / "lock", wait=False) as held:
            if held is False:
                raise RunError(f"Another process is training {self.path}. Wait for it or stop it.")
            yield

    # What happened

    def log(self, event: str, samples: int, **facts: Any) -> None:
        """Add an event to the journal."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        files.append_jsonl(self.path / "journal.jsonl", {"event": event, "samples": samples, **facts, "time": now})

    def measure(self, row: Mapping[str, Any]) -> None:
        """Add a row of measured quantities."""
        files.append_jsonl(self.path / "metrics.jsonl", row)

    def journal(self) -> list[dict[str, Any]]:
        """The events so far."""
        return self._rows("journal.jsonl", schema.EVENT)

    def metrics(self) -> list[dict[str, Any]]:
        """The measured rows so far."""
        return self._rows("metrics.jsonl", schema.ROW)

    def _rows(self, name: str, kind: TypeAdapter[Any]) -> list[dict[str, Any]]:
        path = self.path / name
        rows = files.read_jsonl(path, kind, lost=self.lost) if path.exists() else []
        return [row.model_dump(exclude_unset=True) for row in rows]

    def _accessory(self, name: str, kind: TypeAdapter[T], otherwise: T) -> T:
        """What a file holds that the run can do without; damaged, it is left out and named."""
        try:
            return files.read_as(kind, self.path / name)
        except (RunError, StorageError) as error:
            self.lost[name] = f"{str(error).partition(' Restore')[0]} It is left out."
            return otherwise

    def save_diagnosis(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Write what the watch found."""
        files.write_json(self.path / "diagnosis.json", list(findings))

    def diagnosis(self) -> list[dict[str, Any]]:
        """What the watch found, the gravest first, as of the last checkpoint."""
        there = (self.path / "diagnosis.json").exists()
        found = self._accessory("diagnosis.json", schema.DIAGNOSIS, ()) if there else ()
        return [each.model_dump(mode="json") for each in found]

    @property
    def samples_seen(self) -> int:
        """Training samples seen, as far as is on disk."""
        return max((int(path.name) for path in self.checkpoints()), default=0)

    @property
    def finished(self) -> bool:
        """Whether all samples were seen and the weights that were kept then are whole: nothing is left to train.

        Raises:
            RunError: The newest checkpoint is damaged.
        """
        state, total = self.load_checkpoint(), self.recipe.train_samples
        told = any(row["event"] == "finish" and row["samples"] >= total for row in self.journal())
        if state is None or state.samples < total or not told or not (self.path / "weights" / "index.json").exists():
            return False
        try:
            self.method()
        except RunError:  # whoever goes on writes them anew
            return False
        return True

    @property
    def reported(self) -> bool:
        """Whether there is a report that is newer than what happened last."""
        report, journal = self.path / "report.html", self.path / "journal.jsonl"
        return report.is_file() and report.stat().st_mtime_ns >= journal.stat().st_mtime_ns

    @property
    def provenance(self) -> schema.Provenance:
        """Versions, hardware, command, seeds and sessions."""
        return files.read_as(schema.PROVENANCE, self.path / "provenance.json")

    def amend_provenance(self, **facts: Any) -> None:
        """Replace some facts of the provenance."""
        known = self.provenance.model_dump(mode="json", exclude_unset=True)
        files.write_json(self.path / "provenance.json", {**known, **facts})

    def move_data(self, source: str) -> None:
        """Note that the data lie elsewhere now; whatever needs them looks there from here on."""
        facts = files.read_json(self.path / "recipe.json")
        facts["fields"]["data"] = source
        files.write_json(self.path / "recipe.json", facts)
        self.recipe = self.recipe.changed(data=source)

    @property
    def card(self) -> schema.DataCard:
        """The data card; an empty one where it is lost."""
        return self._accessory("data.json", schema.CARD, schema.DataCard())

    def changes(self) -> dict[str, Any]:
        """The fields of ``recipe.json`` that the autopilot has changed, as of the newest checkpoint."""
        path, found = self.path / "journal.jsonl", self.checkpoints()
        flown = path.is_file() and b'"event":"remedy"' in files.read_bytes(path)
        if not flown or not found:
            return {}
        steps: list[dict[str, Any]] = []
        for row in files.read_jsonl(path, schema.EVENT, state_of(found[-1]).journal):
            if isinstance(row, schema.RemedyEvent):
                steps.append(row.changes)
            elif isinstance(row, schema.BackOutEvent):
                if not steps:
                    raise RunError(f"{path} takes back a remedy that it does not name. Restore it from a copy.")
                steps.pop()
        return {field: value for step in steps for field, value in step.items()}

    # Checkpoints

    def checkpoints(self) -> list[Path]:
        """Whole checkpoints, oldest first."""
        folder = self.path / "checkpoints"
        found = folder.iterdir() if folder.is_dir() else ()
        return sorted(path for path in found if path.is_dir() and _NUMBER.fullmatch(path.name))

    def save_checkpoint(self, state: Checkpoint) -> Path:
        """Write a checkpoint, then drop all but the newest few."""
        path = self.path / "checkpoints" / f"{state.samples:012d}"
        state.save(path, self.path)
        for old in self.checkpoints()[:-KEEP_CHECKPOINTS]:
            drop(old)
        return path

    def save_fallback(self, state: Checkpoint) -> None:
        """Write the state that the autopilot may have to go back to."""
        state.save(self.path / "fallback", self.path)

    def load_fallback(self) -> Checkpoint:
        """The state that the autopilot may go back to.

        Raises:
            RunError: It is missing or damaged.
        """
        return Checkpoint.load(self.path / "fallback")

    def drop_fallback(self) -> None:
        """Remove the state that is needed no more."""
        if (self.path / "fallback").is_dir():
            drop(self.path / "fallback")

    def load_checkpoint(self) -> Checkpoint | None:
        """The newest checkpoint, None if there is none yet.

        Raises:
            RunError: It is damaged.
        """
        found = self.checkpoints()
        return Checkpoint.load(found[-1]) if found else None

    def rewind(self) -> None:
        """Drop what was written after the newest checkpoint, or everything if there is none.

        Raises:
            RunError: The checkpoint is damaged, or the autopilot flew and what it did is lost.
        """
        files.sweep(self.path)
        self.load_checkpoint()  # refused if it is damaged, before anything is dropped
        found = self.checkpoints()
        state = state_of(found[-1]) if found else None
        for name, length in (("journal.jsonl", state.journal), ("metrics.jsonl", state.metrics)) if state else _EMPTY:
            try:
                files.truncate(self.path / name, length)
            except RunError as error:
                if self.provenance.autopilot:  # it decides by them
                    raise
                self.lost[name] = f"{str(error).partition(' Restore')[0]} What is left of it is kept."
        for samples, path in self._snapshot_files():
            if samples > (state.samples if state else -1):
                path.unlink()

    # Pictures

    def save_snapshot(self, sheet: np.ndarray, samples: int) -> None:
        """Write the sheet of samples drawn after ``samples`` training samples."""
        files.save_png(sheet, self.path / "samples" / f"{samples:012d}.png")

    def snapshots(self) -> list[tuple[int, bytes]]:
        """(training samples, PNG) of each whole sheet, oldest first; all are of one size, the lower ones lengthened."""
        whole: dict[tuple[int, ...], list[tuple[int, Path, bytes]]] = {}
        for samples, path in self._snapshot_files():
            try:
                data = files.read_bytes(path)
                whole.setdefault(read_whole(BytesIO(data)).shape[1:], []).append((samples, path, data))
            except (RunError, StorageError, Unreadable) as error:
                self.lost[path.name] = f"{path} is damaged and left out: {error}"
        usual = max(whole, key=lambda shape: len(whole[shape]), default=())
        for odd in whole.keys() - {usual}:
            for _, path, _ in whole[odd]:
                self.lost[path.name] = f"{path} is left out: it has another width than the other sheets."
        kept = whole.get(usual, [])
        return list(zip((samples for samples, _, _ in kept), equally_high([data for *_, data in kept]), strict=True))

    def _snapshot_files(self) -> list[tuple[int, Path]]:
        folder = self.path / "samples"
        return sorted((int(path.stem), path) for path in folder.glob("*.png") if _NUMBER.fullmatch(path.stem))

    def save_real(self, sheet: np.ndarray) -> None:
        """Write a sheet of real images, to stand beside those of samples."""
        files.save_png(sheet, self.path / "real.png")

    def real(self) -> bytes | None:
        """The PNG of real images; None where there is none that is whole."""
        path = self.path / "real.png"
        if not path.exists():
            return None
        try:
            data = files.read_bytes(path)
            read_whole(BytesIO(data))
        except (RunError, StorageError, Unreadable) as error:
            self.lost[path.name] = f"{path} is damaged and left out: {error}"
            return None
        return data

    def save_animation(self, data: bytes, suffix: str) -> Path:
        """Write the animation of the training."""
        path = self.path / f"animation.{suffix}"
        files.write_bytes(path, data)
        return path

    # Weights

    def save_weights(self, networks: Mapping[str, Mapping[str, Tensor]], samples: int) -> None:
        """Write the weights to sample with: one safetensors file for each network."""
        digests = {}
        for name, tensors in networks.items():
            digests[name] = files.save_tensors(self.path / "weights" / f"{name}.safetensors", tensors)
        files.write_json(self.path / "weights" / "index.json", {"samples": samples, "sha256": digests})

    def save_best(self, networks: Mapping[str, Mapping[str, Tensor]], samples: int, facts: Mapping[str, Any]) -> None:
        """Write the best weights so far beside the newest, whole or not at all.

        Args:
            networks: The tensors of each network.
            samples: Training samples that they have seen.
            facts: By what they are the best.
        """

        def write(folder: Path) -> None:
            digests = {
                name: files.save_tensors(folder / f"{name}.safetensors", tensors) for name, tensors in networks.items()
            }
            files.write_json(folder / "index.json", {"samples": samples, **facts, "sha256": digests})

        files.write_directory_atomically(self.path / "best", write)

    def best(self) -> schema.Best | None:
        """How good the best weights are, and after how many training samples they were; None if none are kept."""
        index = self.path / "best" / "index.json"
        return files.read_as(schema.BEST, index) if index.exists() else None

    def method(self, *, best: bool = False) -> BaseMethod:
        """The trained method, with averaged weights where the run averaged them.

        Args:
            best: With the best weights that ``belamy train --keep-best`` kept, not the newest.

        Raises:
            RunError: Nothing has been learned yet, or the weights are damaged.
        """
        method = self.build().eval()
        if best and self.best() is None:
            raise RunError(f"{self.path} has kept no best weights. Train with --evaluate-every and --keep-best to.")
        if best:
            return self._with_weights(method, self.path / "best")
        if (self.path / "weights" / "index.json").exists():
            return self._with_weights(method, self.path / "weights")
        state = self.load_checkpoint()
        if state is None:
            raise RunError(f"{self.path} has no weights yet. Type `belamy resume {self.path}` to train it.")
        _load(method, state.below("method"), self.path)
        for name in method.averaged if self.recipe.ema_half_life else ():
            _load(method.networks()[name], state.below(f"average/{name}"), self.path)
        return method

    def _with_weights(self, method: BaseMethod, folder: Path) -> BaseMethod:
        """The method with the networks' weights of a folder."""
        digests = files.read_as(schema.WEIGHTS, folder / "index.json").sha256
        if digests.keys() != method.networks().keys():
            raise RunError(
                f"{folder / 'index.json'} is damaged: it names {', '.join(sorted(digests)) or 'no network'}, but the "
                f"run has {', '.join(sorted(method.networks()))}. Restore it from a copy."
            )
        for name, digest in digests.items():
            _load(method.networks()[name], files.load_tensors(folder / f"{name}.safetensors", digest), self.path)
        return method

    def sample(self, count: int, **how: Unpack[Drawing]) -> DrawnSamples:
        """Samples ``[count, *shape]`` as files hold them: a tensor; see :func:`belamy.sampling.draw.draw`."""
        method = self.method()
        return DrawnSamples.of(draw(method, count, **how), method.output)


def method_name(recipe: BaseRecipe) -> str:
    """The public name of the method that a recipe belongs to."""
    modules = RECIPE_TYPES.modules()
    return next(name for name, module in modules.items() if module == type(recipe).__module__)


def _load(module: Any, tensors: Mapping[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise RunError(
            f"The weights in {path} do not fit its recipe: {reason} Restore recipe.json; if an earlier version "
            f"of Belamy made the run, use that version, or train it anew with: belamy train --like {path}"
        ) from None


def _known_runs(path: Path) -> str:
    try:
        here = sorted(str(found.parent) for found in path.parent.glob("*/recipe.json"))
    except OSError as error:
        raise StorageError(f"{path.parent} cannot be read: {error.strerror}.") from None
    return f"Runs beside it: {', '.join(here[-5:])}." if here else "Type `belamy train` to make a run."


def open_run(path: str | Path) -> Run:
    """The run in a directory; see :meth:`Run.open`."""
    return Run.open(path)
