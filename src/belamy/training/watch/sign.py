"""What all signs share: when they speak, and how their finding is put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, dataclass_transform

import numpy as np

from belamy.training.watch.finding import EASED, RISING, Evidence, Finding, Remedy
from belamy.training.watch.history import RunHistory
from belamy.training.watch.remedies import RemedyBuilder

__all__ = ["EASED", "RISING", "BaseSign", "Finding", "RunHistory", "words"]

Shown = tuple[str, str, float | None]
"""What is drawn as evidence: its name in words, the quantity, and where trouble begins, if a line says it."""
Remedies = Callable[[RemedyBuilder], Iterable[Remedy | None]]


@dataclass_transform(kw_only_default=True)
class BaseSign:
    """One way for a run to fail; a subclass is a dataclass of its limits.

    It says what it needs and judges that, so it is silent about runs that lack it.

    Attributes:
        title: Its name in words, short enough for the progress line.
        specific: Whether it is a cause in itself; a finding of a cause stands before symptoms of the same severity.
        brings: Names of signs that follow from it: as severe, it stands before them.
        players: Players without which it has nothing to say, e.g. ``discriminator``.
        capabilities: Names of the protocols in :mod:`belamy.methods.base` that the method must have.
        modalities: Kinds of what the method makes that it knows how to judge; empty for any.
        needs: What it judges: mean, max, median or last of the last ``looks`` values, e.g. ``median watch.coverage``.
        looks: Values over which it must last.
        grace: Share of the run before which it says nothing.
        ripe: Share of the run before which it warns at most.
    """

    title: ClassVar[str]
    specific: ClassVar[bool] = False
    brings: ClassVar[tuple[str, ...]] = ()
    players: ClassVar[tuple[str, ...]] = ()
    capabilities: ClassVar[tuple[str, ...]] = ()
    modalities: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    looks: int = 1
    grace: float = 0.0
    ripe: float = 0.0

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        dataclass(kw_only=True)(cls)

    def __call__(self, history: RunHistory) -> Finding | None:
        """What the numbers of a run say; None where too few concern it, or where it sees nothing."""
        asked = [need.split() for need in self.needs]
        recent = [history.recent(name, self.looks) for _, name in asked]
        if history.progress < self.grace or not all(map(len, recent)):
            return None
        return self.judge(history, [_reduced(values, how) for (how, _), values in zip(asked, recent, strict=True)])

    def judge(self, history: RunHistory, seen: list[float]) -> Finding | None:
        """What the quantities that it needs say."""
        raise NotImplementedError

    def found(
        self,
        history: RunHistory,
        strength: float,
        says: str,
        cause: str,
        *shown: Shown,
        remedies: Remedies,
        mild: bool = False,
        title: str | None = None,
    ) -> Finding:
        """The finding of this sign.

        Args:
            history: The run.
            strength: How far the evidence goes; 1 is the limit.
            says: The figures against their limits, in one sentence or two.
            cause: Why, as far as the numbers tell.
            shown: What to draw.
            remedies: What may help, from a builder of the run's recipe.
            mild: Whether it is a warning at most.
            title: Instead of its own.
        """
        evidence = tuple(Evidence(name, history.points(key), limit) for name, key, limit in shown)
        return Finding(
            title or self.title, strength, says, cause, evidence,
            lambda: tuple(filter(None, remedies(RemedyBuilder(history.recipe)))), specific=self.specific,
            brings=self.brings, mild=mild or history.progress < self.ripe,
        )  # fmt: skip


def words(term: str) -> str:
    """A loss ``player.term`` as evidence is titled.

    Example:
        >>> words("model.cross-entropy")
        'cross-entropy of the model'
    """
    player, _, name = term.partition(".")
    return f"{name} of the {player}"


def _reduced(values: np.ndarray, how: str) -> float:
    return float(values[-1] if how == "last" else getattr(np, how)(values))
