"""Label smoothing."""

from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.seeds import Draws


class Targets(nn.Module):
    r"""Labels that are less than sure.

    .. math:: t \to (1-a)\,t \quad\text{(one side)}, \qquad t \to (1-2a)\,t + a \quad\text{(two sides)}

    One-sided smoothing leaves 0 alone: with a label above 0 the optimal discriminator would keep generated samples
    where they are wherever there are no data.

    References:
        Salimans et al. 2016, arXiv 1606.03498, section 3.4; two-sided: Szegedy et al. 2015, arXiv 1512.00567,
        section 7.

    Args:
        amount: a, in [0, 1) on one side, in [0, ½) on two.
        sides: 1 or 2.

    Raises:
        UsageError: An amount or a number of sides outside these.
    """

    def __init__(self, *, amount: float = 0.1, sides: int = 1) -> None:
        super().__init__()
        if sides not in (1, 2):
            raise UsageError(f"smoothing.sides is {sides}, but it must be 1 or 2.")
        if not 0 <= amount < 1 / sides:
            raise UsageError(f"smoothing.amount is {amount}, but on {sides} sides it must be in [0, {1 / sides:g}).")
        self.amount, self.sides = amount, sides

    def forward(self, targets: Tensor, real: bool, draw: Draws, progress: float) -> Tensor:
        """``[N]`` from labels ``[N]``."""
        if self.sides == 1:
            return (1 - self.amount) * targets
        return (1 - 2 * self.amount) * targets + self.amount
