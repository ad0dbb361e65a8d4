r"""How unusual pictures are by their likelihood: as it is, against what is typical, and against a compressor.

A model of one kind of pictures may find another kind *likelier* than its own: plain pictures are likely under every
model. Of the three scores, the higher, the more unusual,

.. math:: -\ln p(x), \qquad \bigl|\!-\!\ln p(x) - H\bigr|, \qquad -\ln p(x) - L(x) \ln 2

the first falls for that, the second asks how far the nats are from the mean H of the training pictures, on either side,
and the third takes off the L bits that a lossless compressor needs.
"""

from __future__ import annotations

import io
import math

import torch
from PIL import Image
from torch import Tensor

from belamy.data import Batch, to_float, to_uint8
from belamy.errors import UsageError
from belamy.methods.base import BaseMethod, HasLikelihood
from belamy.methods.levels import ShadesMethod
from belamy.sampling.draw import placement
from belamy.seeds import SampleDraws

LIKELIHOOD_SCORES = ("likelihood", "typicality", "complexity")
BATCH = 64


@torch.no_grad()
def measured(method: BaseMethod, images: Tensor, seed: int = 0, numbers: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Nats by the model and by PNG, of what the model's likelihood is of.  # [n] float64 each

    Args:
        method: It knows likelihoods.
        images: uint8.  # [n, C, H, W]
        seed: Of what a bound and noise draw.
        numbers: Of the pictures in their data, which decide how they are binarised and what is drawn; 0, 1 … where
            nobody names them.  # [n] long

    Raises:
        UsageError: It knows none, or must be told classes.
    """
    if not isinstance(method, HasLikelihood):
        raise UsageError(
            "This run's method knows no likelihoods. Take a run that does, e.g. of `belamy train gated-pixel-cnn`."
        )
    method.eval()
    device, dtype = placement(method)
    nats, compressed = [], []
    numbers = torch.arange(len(images)) if numbers is None else numbers
    for part, own in zip(images.split(BATCH), numbers.split(BATCH), strict=True):
        batch = Batch.of(to_float(part).to(device, dtype), None, own)
        draws = SampleDraws(seed, own.tolist())
        nats.append(-method.log_prob(batch, draws).double().cpu())
        shades = method.levels(batch, draws) if isinstance(method, ShadesMethod) else to_uint8(batch.main)
        black_and_white = isinstance(method, ShadesMethod) and method.law.levels == 2
        compressed += [png_nats(each, black_and_white) for each in shades.cpu()]
    return torch.cat(nats), torch.tensor(compressed, dtype=torch.float64)


def scores(nats: Tensor, compressed: Tensor, typical: float) -> dict[str, Tensor]:
    """The three scores.  # [n] each

    References:
        Typicality: Nalisnick et al. 2019, arXiv 1906.02994, of single pictures; complexity: Serrà et al. 2020, arXiv
        1909.11480, equation 3, with PNG alone as the compressor. Its headers count too, which are the same for all.

    Args:
        nats: By the model.  # [n]
        compressed: By the compressor.  # [n]
        typical: H, the mean nats of training pictures.

    Example:
        >>> scores(torch.tensor([90.0]), torch.tensor([60.0]), 100.0)
        {'likelihood': tensor([90.]), 'typicality': tensor([10.]), 'complexity': tensor([30.])}
    """
    values = (nats, (nats - typical).abs(), nats - compressed)
    return dict(zip(LIKELIHOOD_SCORES, values, strict=True))


def png_nats(levels: Tensor, black_and_white: bool = False) -> float:
    """The size of a picture as a PNG file.

    Args:
        levels: Of its values, below 256; channels other than three are laid one below the other.  # [C, H, W]
        black_and_white: Whether there are but two, which are packed as bits.

    Example:
        >>> flat, noise = torch.zeros(1, 28, 28), torch.randint(0, 256, (1, 28, 28))
        >>> png_nats(flat) < png_nats(noise)
        True
    """
    values = levels.to(torch.uint8)
    rows = values.permute(1, 2, 0).numpy() if len(values) == 3 else values.flatten(0, 1).numpy()
    picture = Image.fromarray(rows * 255).convert("1", dither=Image.Dither.NONE) if black_and_white else (
        Image.fromarray(rows))  # fmt: skip
    written = io.BytesIO()
    picture.save(written, "PNG", optimize=True)
    return 8 * len(written.getvalue()) * math.log(2)
