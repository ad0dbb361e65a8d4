"""Serving a page to this machine until Ctrl-C."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from belamy.survey.guard import Guard


def serve_page(page: tuple[Guard, str], form: Any, words: str) -> int:
    """Tell the page's address, and serve it.

    Args:
        page: The application, and the token that the page needs.
        form: The verb's, with a run and a port.
        words: Before the address, e.g. ``Paint at``.

    Raises:
        UsageError: The port cannot be used.
        MissingExtra: uvicorn is not installed.
    """
    from belamy.survey.server import listening, serving

    guarded, token = page
    with listening(form.port) as door:
        server = serving(guarded, "A page of this machine")
        address = f"http://127.0.0.1:{door.getsockname()[1]}/#{token}"
        door.listen(128)
        form.deliver({"run": form.run, "address": address}, f"{words} {address}\nStop with Ctrl-C.")
        sys.stdout.flush()  # whoever reads the address from a pipe gets it now
        server.run(sockets=[door])
    return 0
