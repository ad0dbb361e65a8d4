"""IAF: masked dense networks the other way round; samples in one pass, densities value by value."""

from __future__ import annotations

from belamy.networks import maf


class Flow(maf.Flow):
    """As MAF, but each value is scaled and shifted as the *noise* of those before it tells.

    Densities, and so training by them, take a pass for each value: for points and short vectors.

    References:
        Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling 2016, "Improved variational inference with inverse
        autoregressive flow", arXiv 1606.04934, section 3.

    Args:
        shape: As of :class:`belamy.networks.maf.Flow`, as are the others.

    Example:
        >>> import torch
        >>> Flow((2,), layers=2, hidden=(8,)).eval().inverse(torch.zeros(3, 2)).shape
        torch.Size([3, 2])
    """

    drawing = True
