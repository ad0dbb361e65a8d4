"""Texts drawn of a generator's probabilities by a softmax that comes near to a choice."""

from __future__ import annotations

from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.networks.views.gumbel import check_rows, perturbed, through
from belamy.seeds import Draws

_NAME = "gumbel-softmax"


class View(nn.Module):
    r"""The Gumbel-softmax: a softmax of the perturbed logarithms of probabilities, nearer to one symbol the colder.

    .. math:: y = \mathrm{softmax}\bigl((\ln p + g)/\tau\bigr), \qquad g_k = -\ln(-\ln u_k)

    The most likely symbol of y has the probabilities p exactly, at every τ; the gradient is that of y, which is biased
    for τ > 0 and varies the more the smaller τ is. Real texts, whose rows are certain, stay as they are. Colder and
    colder: ``--ramps linear:of=views.gumbel-softmax.temperature,start=2``.

    References:
        Jang et al. 2017, arXiv 1611.01144, equation 2; Maddison et al. 2017, arXiv 1611.00712, section 3.1 (both 2016).

    Args:
        shape: (length, vocabulary) of a text's rows.
        value_range: What is impossible and what is certain.
        temperature: τ, above 0.
        hard: Show the discriminator the one symbol, and take the gradient of y (straight-through Gumbel-softmax,
            section 2.2 of Jang et al.).

    Raises:
        UsageError: Data that are no texts, or a temperature of 0 or below.
    """

    modality = "text"

    def __init__(
        self,
        shape: tuple[int, ...],
        value_range: tuple[float, float] = (0.0, 1.0),
        *,
        temperature: float = 1.0,
        hard: bool = False,
    ) -> None:
        super().__init__()
        check_rows(shape, _NAME)
        if not temperature > 0:
            raise UsageError(f"{_NAME}.temperature is {temperature:g}, but it must be above 0. Type temperature=1.")
        self.temperature, self.hard = temperature, hard

    def forward(self, rows: Tensor, draw: Draws, progress: float) -> Tensor:
        """Rows of relaxed symbols ``[N, length, vocabulary]``."""
        relaxed = (perturbed(rows, draw, _NAME) / self.temperature).softmax(2)
        return through(relaxed.argmax(2), relaxed) if self.hard else relaxed

    def observe(self, real_scores: Tensor) -> None:
        """Nothing: the temperature follows the recipe."""
