"""One trial: trained or gone on with, judged, written down."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from belamy.comparison.outcome import Outcome
from belamy.comparison.plan import Plan, Trial
from belamy.data import Dataset
from belamy.device import choose_device
from belamy.errors import NotFinite, RunError
from belamy.evaluation.own import own_card, own_measures
from belamy.evaluation.panel import Panel
from belamy.methods.base import BaseRecipe
from belamy.runs.run import Run
from belamy.training import launch
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer

SNAPSHOTS = 8
JUDGED_SEED = 1
"""Of the samples that are judged: other latents than those of the snapshots."""
PROBE_STEPS, PROBE_SHARE, PROBE_SECONDS = 32, 0.02, 5.0
"""A budget of seconds is turned into samples by this many steps at least, for 2 % of the budget, 5 s at most."""


@dataclass(frozen=True)
class Workspace:
    """What trials are done with.

    Args:
        folder: The comparison's folder.
        panel: Judges samples; None where a method is compared that makes none like the data.
        data: What is learned from.
        device: Where to compute.
        offline: Never fetch data from the network.
    """

    folder: Path
    panel: Panel | None
    data: Dataset
    device: str = "auto"
    offline: bool = False


class Busy(Exception):
    """Another process still trains the run of a trial."""


def perform(trial: Trial, plan: Plan, workspace: Workspace) -> Outcome:
    """Train a trial, or go on with it, and judge it.

    Raises:
        Busy: Another process still trains it.
        Interrupted: The user stopped it; it is saved.
    """
    facts: dict[str, Any] = {
        "key": trial.key, "variant": trial.variant.label, "seed": trial.seed, "draw": trial.draw,
        "varied": dict(trial.varied), "place": f"{socket.gethostname()}:{os.getpid()}",
    }  # fmt: skip
    path = run_folder(workspace.folder, trial.key)
    try:
        run = trained(trial, plan, path, workspace)
    except NotFinite as error:
        samples, seconds = spent(Run.open(path))
        return Outcome(**facts, samples=samples, seconds=seconds, failure=str(error).partition(". ")[0])
    samples, seconds = spent(run)
    method = run.method().to(choose_device(workspace.device))
    values = {measure.name: measure.value for measure in own_measures(method, workspace.data, JUDGED_SEED)}
    card = own_card(workspace.data, JUDGED_SEED)
    if workspace.panel is not None:
        judgement = workspace.panel.judge_method(method, plan.judged, JUDGED_SEED)
        values, card = {**values, **judgement.values}, judgement.card
    return Outcome(**facts, samples=samples, seconds=seconds, values=values, card=card.as_json(), by=plan.merit)


def run_folder(folder: Path, key: str) -> Path:
    """The run directory of a trial."""
    return folder / "trials" / key


def trained(trial: Trial, plan: Plan, path: Path, workspace: Workspace) -> Run:
    """The finished run of a trial: as it is, gone on with, or trained from the beginning."""
    how: dict[str, Any] = {"device": workspace.device, "offline": workspace.offline, "progress": False}
    try:
        run = Run.open(path)
    except RunError:  # none yet
        recipe = plan.recipe(trial)
        recipe = recipe if plan.seconds is None else within(recipe, plan.seconds, workspace)
        options = Options(snapshots=SNAPSHOTS, watch=False, **how)
        return launch.begin(trial.variant.recipe, recipe, options, out=path)
    if any(row["event"] == "finish" for row in run.journal()):
        return run
    try:
        with run.locked():
            pass
    except RunError as error:
        raise Busy(str(error)) from None
    return launch.go_on(run, **how)


def within(recipe: BaseRecipe, seconds: float, workspace: Workspace) -> BaseRecipe:
    """The recipe with as many samples as train in these seconds here, so that its schedules fit the budget."""
    spec = workspace.data.spec
    trainer = make_trainer(recipe, spec, workspace.data, Options(device=workspace.device), World())
    trainer.step()  # the first step also allocates
    warm = (trainer.clock.samples, trainer.clock.seconds)
    while trainer.clock.step <= PROBE_STEPS or trainer.clock.seconds < min(PROBE_SECONDS, PROBE_SHARE * seconds):
        trainer.step()
    speed = (trainer.clock.samples - warm[0]) / (trainer.clock.seconds - warm[1])
    return recipe.changed(samples=max(round(speed * seconds), recipe.batch))


def spent(run: Run) -> tuple[int, float]:
    """Samples seen and seconds of training, as far as is on disk."""
    state = run.load_checkpoint()
    return (0, 0.0) if state is None else (state.samples, round(state.seconds, 2))
