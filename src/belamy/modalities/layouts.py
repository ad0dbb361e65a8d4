"""The options by which readers are told how pairs lie on disk."""

from __future__ import annotations

from belamy.errors import UsageError


def check_pairs(name: str, pairs: str, **sides: str) -> None:
    """Refuse names of the sides of pairs where no pairs are asked for.

    Args:
        name: Of the modality.
        pairs: The layout of the pairs, or nothing.
        sides: What the sides are called, by option.

    Raises:
        UsageError: A side is named, but no layout.
    """
    given = [f"{option}={value}" for option, value in sides.items() if value]
    if given and not pairs:
        raise UsageError(
            f"{name}:{given[0]} names a side of pairs, but not how they lie. Add pairs=, e.g. "
            f"--modality {name}:pairs=folders,{given[0]}"
        )
