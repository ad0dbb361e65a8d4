"""One way for a run to fail per file, found by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from belamy.training.watch.finding import Finding
    from belamy.training.watch.history import RunHistory


class Sign(Protocol):
    """What the class ``Sign(*, …)`` of a file here must have; its limits are its options.

    Attributes:
        specific: Whether it is a cause in itself; a finding of a cause stands before symptoms of the same severity.

    Three more say whom it concerns, and are optional: ``players`` that must play, ``capabilities`` that the method must
    have (names of the protocols in :mod:`belamy.methods.base`), and ``modalities`` of what it makes; empty for any.
    """

    specific: bool

    def __call__(self, history: RunHistory) -> Finding | None:
        """What the numbers of a run say; None where the sign does not concern it or sees nothing."""
