"""A checkpoint of a run: the whole state of its training, in a directory that is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from belamy.runs import files, schema


@dataclass(frozen=True)
class Checkpoint:
    """The whole state of a training run at a moment.

    Args:
        samples: Training samples seen.
        step: Steps done.
        position: Batches drawn.
        seconds: Time spent training.
        tensors: Networks, averages, optimisers and running sums, by path.
    """

    samples: int
    step: int
    position: int
    seconds: float
    tensors: Mapping[str, Tensor]

    def below(self, path: str) -> dict[str, Tensor]:
        """The tensors below a path, by the rest of their names."""
        start = f"{path}/"
        return {name.removeprefix(start): tensor for name, tensor in self.tensors.items() if name.startswith(start)}

    def save(self, folder: Path, run: Path) -> None:
        """Write the state, and how long the logs of its run are at this moment."""

        def write(new: Path) -> None:
            digest = files.save_tensors(new / "state.safetensors", self.tensors)
            facts = schema.State(
                samples=self.samples,
                step=self.step,
                position=self.position,
                seconds=self.seconds,
                journal=files.settled_length(run / "journal.jsonl"),
                metrics=files.settled_length(run / "metrics.jsonl"),
                sha256=digest,
            )
            files.write_json(new / "state.json", facts.model_dump())

        files.write_directory_atomically(folder, write)

    @classmethod
    def load(cls, folder: Path) -> Checkpoint:
        """The state in a folder.

        Raises:
            RunError: It is missing or damaged.
        """
        facts = state_of(folder)
        tensors = files.load_tensors(folder / "state.safetensors", facts.sha256)
        return cls(facts.samples, facts.step, facts.position, facts.seconds, tensors)


def state_of(folder: Path) -> schema.State:
    """The numbers of a checkpoint, without its tensors.

    Raises:
        RunError: One is missing or wrong.
    """
    return files.read_as(schema.STATE, folder / "state.json")


def drop(path: Path) -> None:
    """Remove a file or a folder; killed meanwhile, what is left of it is swept and never opened."""
    if not path.is_dir():
        path.unlink()
        return
    doomed = path.with_name(files.NEW + path.name)  # under this name a half-removed folder is swept, not opened
    os.rename(path, doomed)
    shutil.rmtree(doomed, ignore_errors=True)
