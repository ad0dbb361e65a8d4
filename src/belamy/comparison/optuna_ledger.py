"""Claims on trials, kept in a storage of Optuna: a database that machines without a common folder share."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any

from belamy.comparison.ledger import BEAT, PATIENCE
from belamy.comparison.outcome import Outcome
from belamy.comparison.plan import Trial
from belamy.errors import MissingExtra, StorageError

_KEY, _OUTCOME = "key", "outcome"


def check_storage(storage: str) -> None:
    """Refuse an address that leads to no database, without writing to one.

    Raises:
        MissingExtra: Optuna is not installed.
        StorageError: The address is none, its driver is not installed, or nobody answers.
    """
    try:
        import optuna  # noqa: F401
        from sqlalchemy import create_engine
    except ImportError:
        raise MissingExtra("optuna", "compare", "--storage") from None
    try:
        engine = create_engine(storage)
        if engine.dialect.name != "sqlite":  # whose file would be made
            engine.connect().close()
    except Exception as error:  # each database has its own
        raise _closed(storage, error) from None


def _closed(storage: str, error: Exception) -> StorageError:
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return StorageError(f"The storage '{storage}' cannot be opened: {reason}. Give one like sqlite:///f.db.")


class OptunaLedger:
    """A study whose trials are those of the comparison, with recipe, seed and what was drawn as their attributes.

    A claim is a running trial. Where two processes claim the same at once, the lower number has it and the other is
    withdrawn as failed: the change of a trial's state is not atomic in every database, but numbers are. Claims whose
    process is gone are known by Optuna's heartbeat. The runs themselves stay on the machine that trained them.

    Args:
        storage: Address of the database, e.g. ``sqlite:///comparison.db``.
        name: Name of the study.
        patience: Seconds without a heartbeat after which a trial is free again.

    Raises:
        MissingExtra: Optuna is not installed.
        StorageError: The database cannot be opened.
    """

    def __init__(self, storage: str, name: str, patience: float = PATIENCE) -> None:
        check_storage(storage)
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna: Any = optuna
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the heartbeat is called experimental
                self.storage = optuna.storages.RDBStorage(
                    storage, heartbeat_interval=int(BEAT), grace_period=int(patience)
                )
                self.study = optuna.create_study(storage=self.storage, study_name=name, load_if_exists=True)
        except Exception as error:  # each database has its own
            raise _closed(storage, error) from None
        self.id = self.storage.get_study_id_from_name(name)

    def claim(self, trials: Sequence[Trial]) -> OptunaClaim | None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.optuna.storages.fail_stale_trials(self.study)
        entered = self._entered()
        for trial in trials:
            if trial.key not in entered:
                number = self._enter(trial)
                if self._entered()[trial.key].number == self.storage.get_trial_number_from_id(number):
                    return OptunaClaim(trial, number, self)
                self.storage.set_trial_state_values(number, self.optuna.trial.TrialState.FAIL)
        return None

    def outcomes(self, trials: Sequence[Trial]) -> dict[str, Outcome]:
        entered = self._entered()
        done = {trial.key: entered[trial.key].user_attrs.get(_OUTCOME) for trial in trials if trial.key in entered}
        return {key: Outcome.parse(json.loads(text)) for key, text in done.items() if text}

    def held(self) -> set[str]:
        running = self.optuna.trial.TrialState.RUNNING
        return {key for key, found in self._entered().items() if found.state == running}

    def _entered(self) -> dict[str, Any]:
        """The entry that counts of each trial: the first that was neither withdrawn nor went stale."""
        found: dict[str, Any] = {}
        for each in self.storage.get_all_trials(self.id):
            void = each.state == self.optuna.trial.TrialState.FAIL and _OUTCOME not in each.user_attrs
            if _KEY in each.user_attrs and not void:
                found.setdefault(each.user_attrs[_KEY], each)
        return found

    def _enter(self, trial: Trial) -> int:
        """A new running trial."""
        attributes = {_KEY: trial.key, "recipe": trial.variant.label, "seed": trial.seed, **trial.varied}
        state = self.optuna.trial.TrialState.RUNNING
        number: int = self.storage.create_new_trial(
            self.id, self.optuna.trial.create_trial(state=state, user_attrs=attributes)
        )
        self.storage.record_heartbeat(number)
        return number


class OptunaClaim:
    """A claim that is a running trial of a study."""

    def __init__(self, trial: Trial, number: int, ledger: OptunaLedger) -> None:
        self.trial, self.number, self.ledger, self.lost = trial, number, ledger, False

    def beat(self) -> None:
        state = self.ledger.optuna.trial.TrialState
        storage = self.ledger.storage
        self.lost = storage.get_trial(self.number).state != state.RUNNING
        if not self.lost:
            storage.record_heartbeat(self.number)

    def record(self, outcome: Outcome) -> None:
        state = self.ledger.optuna.trial.TrialState
        self.beat()
        if self.lost:
            return
        self.ledger.storage.set_trial_user_attr(self.number, _OUTCOME, json.dumps(outcome.as_json()))
        if outcome.failure is None:
            self.ledger.storage.set_trial_state_values(self.number, state.COMPLETE, [outcome.merit])
        else:
            self.ledger.storage.set_trial_state_values(self.number, state.FAIL)

    def release(self) -> None:
        state = self.ledger.optuna.trial.TrialState
        if self.ledger.storage.get_trial(self.number).state == state.RUNNING:
            self.ledger.storage.set_trial_state_values(self.number, state.FAIL)
