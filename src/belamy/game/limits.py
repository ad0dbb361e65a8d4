"""Numbers out of their range."""

from belamy.errors import UsageError


def check_range(value: float, least: float, most: float, name: str) -> float:
    """The value itself.

    Raises:
        UsageError: It is not within least..most.
    """
    if not least <= value <= most:
        raise UsageError(f"{name} is {value:g}, but it must be in {least:g}..{most:g}.")
    return value
