"""Claims on trials, kept in a folder that any number of processes and machines share.

A claim is a file that only one process can make, ``KEY.NUMBER``; the highest number holds. Its owner touches it every
few seconds. If it has not been touched for long, or its process is known to be gone, the trial is free again: whoever
first makes the next number has it. Nobody removes or renames the claim of another, so no race can give a trial to two.
"""

from __future__ import annotations

import _thread
import json
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from belamy.comparison.outcome import Outcome
from belamy.comparison.plan import Trial
from belamy.errors import RunError
from belamy.runs import files

BEAT = 10.0
"""Seconds between touches of a claim."""
PATIENCE = 90.0
"""Seconds without a touch after which a claim is void."""


class Claim(Protocol):
    """A trial that this process has to itself.

    Attributes:
        trial: The trial.
        lost: Whether another process took it over, because this one seemed to be gone.
    """

    trial: Trial
    lost: bool

    def beat(self) -> None:
        """Say that this process is still at work."""

    def record(self, outcome: Outcome) -> None:
        """Write down how the trial came out: nobody does it again."""

    def release(self) -> None:
        """Let others have the trial, unless its outcome is written down."""


class Ledger(Protocol):
    """Keeps claims and outcomes."""

    def claim(self, trials: Sequence[Trial]) -> Claim | None:
        """The first of the trials that is neither done nor held, now held by this process; None if there is none."""

    def outcomes(self, trials: Sequence[Trial]) -> dict[str, Outcome]:
        """The outcomes so far, by the trials' keys."""

    def held(self) -> set[str]:
        """Keys of the trials that somebody is at work on."""


class FolderLedger:
    """Claims and outcomes as files of the comparison's folder.

    Args:
        folder: The comparison's folder.
        patience: Seconds without a touch after which a claim is void.
    """

    def __init__(self, folder: Path, patience: float = PATIENCE) -> None:
        self.folder, self.patience = folder, patience
        self.claims = folder / "claims"

    def claim(self, trials: Sequence[Trial]) -> FolderClaim | None:
        self.claims.mkdir(parents=True, exist_ok=True)
        for trial in trials:
            if not self._outcome(trial.key).is_file() and (made := self._try(trial)) is not None:
                return made
        return None

    def outcomes(self, trials: Sequence[Trial]) -> dict[str, Outcome]:
        found = {}
        for trial in trials:
            path = self._outcome(trial.key)
            if path.is_file():
                try:
                    found[trial.key] = Outcome.parse(files.read_json(path))
                except (TypeError, AttributeError) as error:
                    raise RunError(f"{path} is damaged ({error}). Remove it: its trial is then judged anew.") from None
        return found

    def held(self) -> set[str]:
        names = {path.name.rpartition(".")[0] for path in self.claims.glob("*.*") if path.name[0] != "."}
        return {key for key in names if not self._outcome(key).is_file() and not self._free(self.numbers(key), key)}

    def numbers(self, key: str) -> list[int]:
        """The numbers of a trial's claims, lowest first."""
        return sorted(int(path.suffix[1:]) for path in self.claims.glob(f"{key}.*") if path.suffix[1:].isdigit())

    def path(self, key: str, number: int) -> Path:
        """The file of a claim."""
        return self.claims / f"{key}.{number}"

    def save(self, outcome: Outcome) -> None:
        """Write an outcome down, and drop the trial's claims."""
        files.write_json(self._outcome(outcome.key), outcome.as_json())
        for number in self.numbers(outcome.key):
            self.path(outcome.key, number).unlink(missing_ok=True)

    def _try(self, trial: Trial) -> FolderClaim | None:
        numbers = self.numbers(trial.key)
        if not self._free(numbers, trial.key):
            return None
        number = numbers[-1] + 1 if numbers else 0
        path = self.path(trial.key, number)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            return None
        with os.fdopen(descriptor, "w") as file:
            json.dump({"host": socket.gethostname(), "process": os.getpid()}, file)
        # What was seen before the file was made may be old by now: look again.
        if self.numbers(trial.key)[-1:] != [number] or self._outcome(trial.key).is_file():
            path.unlink(missing_ok=True)
            return None
        return FolderClaim(trial, number, self)

    def _free(self, numbers: Sequence[int], key: str) -> bool:
        """Whether nobody holds a trial with these claims."""
        if not numbers:
            return True
        path = self.path(key, numbers[-1])
        try:
            touched = path.stat().st_mtime
            owner = json.loads(path.read_text(encoding="utf-8") or "{}")
        except FileNotFoundError:
            return False  # released this moment: somebody will come by again
        except ValueError:
            owner = {}
        if owner.get("host") == socket.gethostname() and not _lives(int(owner.get("process", 0))):
            return True
        return self._now() - touched > self.patience

    def _now(self) -> float:
        """The time of the folder's own file system, which is the clock that touches are told by."""
        probe = self.claims / f".clock-{secrets.token_hex(4)}"
        probe.touch()
        try:
            return probe.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)

    def _outcome(self, key: str) -> Path:
        return self.folder / "outcomes" / f"{key}.json"


class FolderClaim:
    """A claim that is a file."""

    def __init__(self, trial: Trial, number: int, ledger: FolderLedger) -> None:
        self.trial, self.number, self.ledger, self.lost = trial, number, ledger, False

    def beat(self) -> None:
        """Touch the claim; it is lost if there is a higher one."""
        if self.ledger.numbers(self.trial.key)[-1:] != [self.number]:
            self.lost = True
            return
        with suppress(FileNotFoundError):
            os.utime(self.ledger.path(self.trial.key, self.number))

    def record(self, outcome: Outcome) -> None:
        if not self.lost:
            self.ledger.save(outcome)

    def release(self) -> None:
        self.ledger.path(self.trial.key, self.number).unlink(missing_ok=True)


@contextmanager
def beating(claim: Claim, beat: float = BEAT) -> Iterator[None]:
    """Within this context the claim is touched now and then; if it is lost, training is interrupted as by Ctrl-C.

    It is recorded and released after this context: what has been recorded is no claim any more, and a beat that came
    then would find it lost.
    """
    leads = threading.current_thread() is threading.main_thread()

    def keep(over: threading.Event) -> None:
        while not over.wait(beat):
            try:
                claim.beat()
            except Exception:  # the disk or the database is away for a moment: the next beat comes soon enough
                continue
            if claim.lost:
                if leads:
                    _thread.interrupt_main()
                return

    with beside(keep):
        yield


@contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Within this context a thread works beside this one; at its end its event is set, and it is waited for."""
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _lives(process: int) -> bool:
    """Whether a process of this machine is there."""
    if process <= 0 or os.name == "nt":
        return True  # not known, or signal 0 would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
