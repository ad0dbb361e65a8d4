"""Methods: one file each, with its ``Recipe`` and its ``Method``; :mod:`belamy.methods.base` has the bases of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self

from belamy.registry import Module

if TYPE_CHECKING:
    from torch import nn

    from belamy.data import Batch
    from belamy.methods.base import DataSpec, Player, Turn
    from belamy.seeds import Draws


class Recipe(Protocol):
    """What a class ``Recipe`` must have; a :class:`belamy.methods.base.BaseRecipe` lacks ``tiny`` only."""

    @classmethod
    def tiny(cls) -> Self:
        """The smallest recipe of the method that still trains: seconds on a CPU."""
        ...

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> Self:
        """A recipe from plain data."""
        ...


class Method(Module, Protocol):
    """What a class ``Method(recipe, domain)`` must have; a :class:`belamy.methods.base.BaseMethod` has most of it."""

    recipe: Any
    spec: DataSpec
    averaged: tuple[str, ...]
    fingerprint: str

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """The fields that the data must have, by name, with their modalities."""
        ...

    @property
    def players(self) -> dict[str, Player]:
        """The players of the method, by name."""
        ...

    def prepare(self, offline: bool = False) -> None:
        """Read what is learned from beside the data."""

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn | tuple[Turn, ...]]:
        """One step of the algorithm."""
        ...

    def networks(self) -> dict[str, nn.Module]:
        """The networks by name."""
        ...

    def inputs(self) -> dict[str, Any]:
        """What each network is called with."""
        ...
