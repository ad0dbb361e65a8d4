"""What the page of network pictures shows."""

from __future__ import annotations

from collections.abc import Sequence

from belamy.evaluation.visualisation.picture import Sheet
from belamy.pages import page


def render(title: str, lead: str, pictures: Sequence[Sheet]) -> str:
    """The page: a section for each network, in it filters, activations and what units look for.

    Args:
        title: What was looked into.
        lead: A sentence on what was shown to it.
        pictures: The sheets.
    """
    return page("visualisation", title, lead_text=lead, pictures=pictures)
