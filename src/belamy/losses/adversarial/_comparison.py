"""How far a comparison of scores is from what it should be."""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import relu, softplus

from belamy.errors import UsageError, nearest

# f(x): small where x, how much more real one score is than another, is as large as it should be
_LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "hinge": lambda x: relu(1 - x),
    "least-squares": lambda x: (x - 1).square(),
    "minimax": lambda x: softplus(-x),
    "non-saturating": lambda x: softplus(-x),
    "wasserstein": lambda x: -x,
}


def comparison(base: str) -> Callable[[Tensor], Tensor]:
    """The decreasing function of a difference of scores that a non-relativistic loss applies to real samples' scores.

    Raises:
        UsageError: There is no such base; the message names the nearest ones.
    """
    name = base.replace("_", "-")
    if name not in _LOSSES:
        raise UsageError(f"base is '{base}', but scores are compared by {', '.join(_LOSSES)}. {nearest(name, _LOSSES)}")
    return _LOSSES[name]
