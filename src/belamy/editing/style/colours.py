"""Keeping the colours of the content: by its luminance alone, or by painting with a style of its colours."""

from __future__ import annotations

import numpy as np

COLOURS = ("style", "luminance", "histogram")
_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def with_colours_of(style: np.ndarray, content: np.ndarray) -> np.ndarray:
    r"""The style with the mean and the covariance of the content's colours.

    .. math:: x' = \Sigma_C^{1/2} \Sigma_S^{-1/2} (x - \mu_S) + \mu_C

    References:
        Gatys et al. 2016, arXiv 1606.05897, eq. 1 and 2, with the symmetric roots.

    Args:
        style: uint8.  # [H, W, 3]
        content: uint8, of any size.  # [H, W, 3]
    """
    own, wanted = (pixels.reshape(-1, 3).astype(np.float64) for pixels in (style, content))
    turn = _power(np.cov(wanted.T), 0.5) @ _power(np.cov(own.T), -0.5)
    return _levels((own - own.mean(0)) @ turn.T + wanted.mean(0)).reshape(style.shape)


def luminance(pixels: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """A picture's luminance as a grey one, uint8, with the mean and the deviation of another's where one is given.

    References:
        Gatys et al. 2016, arXiv 1606.05897, section 2.2 and eq. 10.
    """
    bright = pixels @ _YIQ[0]
    if like is not None:
        other = like @ _YIQ[0]
        bright = (bright - bright.mean()) * other.std() / max(bright.std(), 1.0) + other.mean()
    return np.repeat(_levels(bright)[..., None], 3, axis=2)


def with_luminance_of(content: np.ndarray, painted: np.ndarray) -> np.ndarray:
    """The luminance of one picture and the colours, I and Q of YIQ, of another of its size.  # [H, W, 3] uint8"""
    mixed = content @ _YIQ.T
    mixed[..., 0] = painted @ _YIQ[0]
    return _levels(mixed @ np.linalg.inv(_YIQ).T)


def _levels(values: np.ndarray) -> np.ndarray:
    return values.round().clip(0, 255).astype(np.uint8)


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    """Of a symmetric matrix; a picture of one colour has no spread, and a level squared stands for it."""
    values, vectors = np.linalg.eigh(covariance)
    powered: np.ndarray = (vectors * np.maximum(values, 1.0) ** exponent) @ vectors.T
    return powered
