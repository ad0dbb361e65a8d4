"""Wiener's filter, its ratio of speech to noise told from the frame before."""

from __future__ import annotations

from torch import Tensor

from belamy.networks.classical_enhancers._gains import GainEnhancer


class ClassicalEnhancer(GainEnhancer):
    r"""The linear estimate with the least squared error: :math:`G = \xi / (1 + \xi)`.

    References:
        Scalart & Vieira Filho 1996, "Speech enhancement based on a priori signal to noise estimation", equation 4; ξ
        by Ephraim & Malah 1984.

    Args:
        rate: Samples in a second.
        memory: The share of the frame before in the ratio of speech to noise.
    """

    def gain(self, speech: Tensor, heard: Tensor) -> Tensor:
        """ξ / (1 + ξ)."""
        return speech / (1 + speech)
