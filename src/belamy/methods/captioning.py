"""What a method that says in words what pictures show can do."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from belamy.modalities.fields import Field
from belamy.seeds import SampleDraws


class WrittenCaptions(NamedTuple):
    """What a captioner says of pictures.

    Args:
        symbols: Of the captions, with their ends and padding.  # long [n, L]
        nats: Minus the captions' log-likelihoods, as the model has them.  # [n]
        attention: To the places of the frames for each symbol, of which a picture has one; 1 together.
            # [n, L, t, h, w]
        evidence: How much places speak for each symbol, at least 0, of a network that tells it.  # [n, L, t, h, w]
    """

    symbols: Tensor
    nats: Tensor
    attention: Tensor
    evidence: Tensor | None = None


@runtime_checkable
class Captions(Protocol):
    """Says in words what the main field shows."""

    written: Field
    """The field of the captions that it learned with."""

    def caption(
        self, pictures: Tensor, *, beams: int = 1, temperature: float = 0.0, draws: SampleDraws | None = None
    ) -> WrittenCaptions:
        """Captions of pictures ``[n, …]`` as networks see them.

        Args:
            pictures: Or films.
            beams: Beginnings that are kept in the search for the likeliest caption.
            temperature: Above 0 words are drawn, by ``draws``.
            draws: Random streams; the i-th caption depends on the seed and the i-th index alone.
        """
        ...
