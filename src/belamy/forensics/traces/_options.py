"""What the options of a trace may be."""

from belamy.errors import UsageError


def check_range(option: str, value: int, least: int, most: int) -> int:
    """The value, if it is within its bounds.

    Raises:
        UsageError: It is not; ``option`` is its name with the trace's, such as ``cosine.side``.

    Example:
        >>> check_range("cosine.side", 32, 1, 512)
        32
    """
    if not least <= value <= most:
        raise UsageError(f"{option} is {value}, but it must be from {least} to {most}. Leave it out for the default.")
    return value
