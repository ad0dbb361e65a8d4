"""What sizes and options a network accepts, and what to type when it does not."""

from collections.abc import Sequence

from belamy.errors import UsageError, nearest
from belamy.modalities.sizes import SMALLEST, text_of


def check_divisible(shape: tuple[int, ...], stride: int, network: str, *, least: int = 1) -> None:
    """Refuse images whose height or width is not a positive multiple of ``stride``.

    Args:
        shape: (channels, height, width).
        stride: Product of the network's strides.
        network: Name for the message.
        least: Smallest multiple of ``stride`` that works.

    Raises:
        UsageError: The message names the nearest usable sizes and ``--size``.

    Example:
        >>> check_divisible((1, 28, 28), 4, "dcgan-mnist")
    """
    channels, height, width = shape
    if channels < 1:
        raise UsageError(f"{network} needs images of at least 1 channel, but these have {channels}.")
    if all(side % stride == 0 and side >= stride * least for side in (height, width)):
        return
    fewest = max(least, _ceil(SMALLEST / stride))  # of what --size takes
    shorter, longer = (
        tuple(max(fewest, round_(side / stride)) * stride for side in (height, width)) for round_ in (_floor, _ceil)
    )
    usable = dict.fromkeys(f"--size {text_of(sides)}" for sides in (shorter, longer))
    floor = f" of at least {stride * least}" if least > 1 else ""
    raise UsageError(
        f"{network} needs images whose height and width are multiples of {stride}{floor}, "
        f"but these are {width} wide and {height} high. Type {' or '.join(usable)}."
    )


def check_least(shape: tuple[int, ...], least: int, network: str) -> None:
    """Refuse images with a side shorter than ``least`` pixels.

    Raises:
        UsageError: The message names ``--size``.
    """
    height, width = shape[1:]
    if min(height, width) < least:
        raise UsageError(
            f"{network} needs images of at least {least}x{least}, but these are {width} wide and {height} high. "
            f"Type --size {text_of((max(height, least), max(width, least)))} or more."
        )


def check_sound(shape: tuple[int, ...], network: str) -> None:
    """Refuse shapes that are no sound's, (channels, samples).

    Raises:
        UsageError: It is a picture's, say.
    """
    if len(shape) != 2:
        raise UsageError(f"{network} is for sounds, but this has the shape {shape}. Choose a network for pictures.")


def check_choice(value: str, allowed: Sequence[str], option: str) -> str:
    """``value`` if it is one of the ``allowed`` words.

    Raises:
        UsageError: The message names the nearest of them.
    """
    if value not in allowed:
        raise UsageError(f"{option} is '{value}', which is not one of {', '.join(allowed)}. {nearest(value, allowed)}")
    return value


def check_positive(value: int, what: str) -> int:
    """``value`` if it is at least 1.

    Raises:
        UsageError: It is not.
    """
    if value < 1:
        raise UsageError(f"{what} is {value}, but it must be at least 1.")
    return value


def _floor(value: float) -> int:
    return int(value // 1)


def _ceil(value: float) -> int:
    return int(-(-value // 1))
