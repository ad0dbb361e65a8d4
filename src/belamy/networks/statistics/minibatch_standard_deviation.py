"""How much the samples of a batch differ, as one number."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from belamy.errors import UsageError


class Statistic(nn.Module):
    r"""The standard deviation of each feature over a group of samples, averaged over the features.

    .. math:: \frac1F\sum_f\sqrt{\frac1G\sum_i (x_{if} - \bar x_f)^2 + \epsilon}

    Every sample of a group gets the same number; a generator that makes only one image gives itself away by zero.

    *Departs from the paper*: features are those before the last layer, not maps with a height and a width, so the
    number is no extra map but a term of the score. Samples of other processes are not looked at.

    References:
        Karras et al. 2017, arXiv 1710.10196, section 3.

    Args:
        features: Size F of the features.
        group: Samples that are compared, at least 2; None compares the whole batch, as the paper does. Sample i is in
            group i mod ⌊N/G⌋; where G does not divide N some groups have one more or are larger.
        eps: ε.

    Raises:
        UsageError: A group below 2.
    """

    count = 1

    def __init__(self, features: int, *, group: int | None = None, eps: float = 1e-8) -> None:
        super().__init__()
        if group is not None and group < 2:
            raise UsageError(f"A group of {group} samples has no deviation. Type group=4, or group=none for the batch.")
        self.group, self.eps = group, eps

    def forward(self, features: Tensor) -> Tensor:
        """``[N, 1]`` from features ``[N, F]``."""
        total = len(features)
        groups = 1 if self.group is None else max(1, total // self.group)
        member = torch.arange(total, device=features.device) % groups
        size = torch.bincount(member, minlength=groups).to(features)[:, None]
        centred = features - (_sums(features, member, groups) / size)[member]
        variance = _sums(centred.square(), member, groups) / size
        return (variance + self.eps).sqrt().mean(1, keepdim=True)[member]

    def extra_repr(self) -> str:
        """The group, as ``print`` shows it."""
        return f"group={self.group}"


def _sums(x: Tensor, member: Tensor, groups: int) -> Tensor:
    """Sums over the members of each group.  # [groups, F]"""
    return x.new_zeros(groups, x.shape[1]).index_add(0, member, x)
