"""Go on with an interrupted run."""

from __future__ import annotations

from belamy.cli.options import Training, options
from belamy.cli.output import say
from belamy.cli.parsing import verb


@options
class Form(Training):
    """Go on with an interrupted run; on the same machine the result is that of an uninterrupted one, bit by bit."""

    run: str
    """The run's directory."""
    data: str | None = None
    """Where the data lie now, if they moved; they must be the same."""


@verb(Form)
def run(form: Form) -> int:
    """Resume and say where the run is."""
    from belamy.api.train import resume

    run = resume(form.run, **form.given("run"))
    say(f"Finished: {run.path / 'report.html'}")
    return 0
