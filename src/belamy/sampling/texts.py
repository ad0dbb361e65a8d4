"""Texts as places: latents of a text-conditional GAN that end with the vector of what is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.methods.base import BaseMethod
from belamy.sampling.draw import placement, symbols_of


@runtime_checkable
class BlendsTexts(Protocol):
    """Makes pictures of vectors of texts, of what lies between two as well."""

    prior: Any

    def text_vectors(self, symbols: Tensor) -> Tensor:
        """What texts say, each as a vector.  # long [n, L] to [n, text]"""
        ...

    def from_text(self, latents: Tensor, text: Tensor) -> Tensor:
        """Pictures in [-1, 1].  # [n, latent], [n, text] to [n, C, H, W]"""
        ...


class TextLatents(nn.Module):
    """A method whose latents are followed by the vector of a text; ways between texts are straight.

    References:
        Reed et al. 2016, arXiv 1605.05396, section 5.5 (texts between two captions, with fixed noise).

    Args:
        method: It is left in evaluation mode.

    Raises:
        UsageError: It has no vectors of texts.
    """

    def __init__(self, method: BaseMethod) -> None:
        super().__init__()
        if not isinstance(method, BlendsTexts):
            raise UsageError(
                "This run has no vectors of texts, so there is no way between two. Take a run of `belamy train "
                "gan-cls-avatars`."
            )
        self.method: Any = method.eval()
        self.spec, self.output, self.recipe, self.prior = method.spec, method.output, method.recipe, method.prior

    def latents(self, seed: int, indices: Iterable[int]) -> Tensor:
        """``[n, latent]``: what each sample index has beside a text."""
        drawn: Tensor = self.method.latents(seed, indices)[:, : self.prior.latent]
        return drawn

    @torch.no_grad()
    def told(self, latents: Tensor, texts: Sequence[str]) -> Tensor:
        """Latents with a text each.  # [n, latent] to [n, latent + text]

        Raises:
            UsageError: A text is empty, too long, or has what no caption had.
        """
        device, _ = placement(self.method)
        vectors = self.method.text_vectors(symbols_of(self.method, texts, len(texts)).to(device))
        return torch.cat([latents, vectors.to(latents)], 1)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures ``[n, C, H, W]`` in [-1, 1] of latents with texts ``[n, latent + text]``."""
        size = self.prior.latent
        made: Tensor = self.method.from_text(latents[:, :size], latents[:, size:])
        return made
