"""Values whose levels have a probability each: a softmax, which knows nothing of their order."""

from __future__ import annotations

from torch import Tensor

from belamy.losses.likelihood import check_levels, chosen


class Likelihood:
    """A logit for each level, as in PixelRNN.

    Args:
        levels: How many there are; of fewer than 256, each stands for equally many brightnesses of a file.

    Raises:
        UsageError: Not 2 to 256.

    References:
        Van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel recurrent neural networks", arXiv:1601.06759, section 3.2.
    """

    chances = 1

    def __init__(self, *, levels: int = 256) -> None:
        self.levels = self.parameters = check_levels(levels, "categorical")

    def log_prob(self, parameters: Tensor, levels: Tensor) -> Tensor:
        """The logarithm of the softmax."""
        return parameters.log_softmax(-1).gather(-1, levels[..., None])[..., 0]

    def pick(self, parameters: Tensor, chance: Tensor, temperature: float = 1.0) -> Tensor:
        """The level at which the distribution function passes the uniform number."""
        return chosen(parameters, chance[..., 0], temperature)
