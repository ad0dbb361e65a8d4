"""How far the error is from being inaudible below the signal, in decibels."""

from torch import Tensor

from belamy.errors import UsageError

_LEAST = 1e-8


class Reconstruction:
    r"""Decibels of the error above a threshold, which lies a number of decibels below the target; near 0 below it.

    .. math:: 10 \log_{10}\Bigl(1 + \frac{\lVert x - y\rVert^2}{\tau\,\lVert y\rVert^2}\Bigr), \qquad
        \tau = 10^{-\mathrm{limit} / 10}

    Far above the threshold it is the limit less the ratio of signal to noise, so all samples count alike, however loud
    they are. Targets below a level of 1e-4 are taken to have it.

    References:
        Wisdom et al. 2020, "Unsupervised sound separation using mixture invariant training", arXiv 2006.12701,
        equation 2, here plus a constant: 0 where nothing is wrong.

    Args:
        limit: Of the ratio in dB, above which there is little to gain.

    Raises:
        UsageError: A limit out of 0..100.
    """

    def __init__(self, *, limit: float = 40.0) -> None:
        if not 0 <= limit <= 100:
            raise UsageError(f"signal-to-noise.limit is {limit:g}, but it must be in 0..100 dB. Type limit=40.")
        self.threshold = 10 ** (-limit / 10)

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """``[N]`` from outputs and targets of any one shape ``[N, …]``."""
        error, energy = ((each.square()).flatten(1).mean(1) for each in (output - target, target))
        return 10 * (1 + error / (self.threshold * energy.clamp_min(_LEAST))).log10()
