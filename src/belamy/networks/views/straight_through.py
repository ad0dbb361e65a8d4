"""Texts drawn of a generator's probabilities; the gradient passes as if nothing had been drawn."""

from __future__ import annotations

from torch import Tensor, nn

from belamy.networks.views.gumbel import check_rows, perturbed, through
from belamy.seeds import Draws

_NAME = "straight-through"


class View(nn.Module):
    r"""The straight-through estimator: the discriminator sees one symbol at each place, drawn with its probability.

    .. math:: y = e_k, \quad k \sim p, \qquad \frac{\partial y}{\partial p} := 1

    So it cannot tell generated texts by their soft rows. The gradient is unbiased where the score is linear in each
    row, otherwise not. Real texts, whose rows are certain, stay as they are.

    References:
        Bengio et al. 2013, arXiv 1308.3432, section 4 (there for one bit).

    Args:
        shape: (length, vocabulary) of a text's rows.
        value_range: What is impossible and what is certain.

    Raises:
        UsageError: Data that are no texts.
    """

    modality = "text"

    def __init__(self, shape: tuple[int, ...], value_range: tuple[float, float] = (0.0, 1.0)) -> None:
        super().__init__()
        check_rows(shape, _NAME)

    def forward(self, rows: Tensor, draw: Draws, progress: float) -> Tensor:
        """Rows of zeros and a one ``[N, length, vocabulary]``."""
        return through(perturbed(rows.detach(), draw, _NAME).argmax(2), rows)

    def observe(self, real_scores: Tensor) -> None:
        """Nothing."""
