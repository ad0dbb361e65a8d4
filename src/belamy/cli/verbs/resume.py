"""Go on with an interrupted run."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Form:
    """Go on with an interrupted run; on the same machine the result is that of an uninterrupted one, bit by bit."""

    run: str
    """The run's directory."""
    data: str | None = None
    """Where the data lie now, if they moved; they must be the same."""
    device: str = "auto"
    """Where to compute: auto, cpu, cuda, cuda:1 or mps."""
    checkpoint_seconds: float = 60.0
    """Save the state at least this often, in seconds."""
    offline: bool = False
    """Never fetch data from the network."""
    progress: bool = True
    """Show a progress bar and messages."""
    verbose: bool = False
    """Show losses and gradient norms beside the progress."""


def run(words: list[str]) -> int:
    """Resume and say where the run is."""
    from belamy.cli.output import say
    from belamy.cli.parsing import parse

    form = parse(Form, words, "belamy resume")
    from belamy.api.train import resume

    options = asdict(form)
    run = resume(options.pop("run"), **options)
    say(f"Finished: {run.path / 'report.html'}")
    return 0
