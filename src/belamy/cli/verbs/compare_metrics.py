"""Set results of `belamy evaluate` side by side, if they came about alike."""

from __future__ import annotations

from belamy.cli.options import Json, options
from belamy.cli.parsing import verb
from belamy.errors import UsageError


@options
class Form(Json):
    """Set results of `belamy evaluate` side by side. Numbers of different protocols are refused."""

    results: tuple[str, ...]
    """Two or more: runs that were evaluated, or files that `belamy evaluate --json FILE` wrote."""
    label: bool = False
    """Show numbers of different protocols all the same, apart, with the differences."""

    def refuse(self) -> None:
        """Refuse fewer than two."""
        super().refuse()
        if len(self.results) < 2:
            raise UsageError(f"{len(self.results)} result is named, but a comparison needs 2 or more.")


@verb(Form)
def run(form: Form) -> int:
    """Compare and print the table."""
    from belamy.evaluation.contrast import Contrast
    from belamy.evaluation.verdict import Verdict

    contrast = Contrast(tuple(Verdict.load(path) for path in form.results))
    if not form.label:
        contrast.check()
    return form.deliver(contrast.as_json(), contrast.table())
