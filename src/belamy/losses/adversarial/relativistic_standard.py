"""The relativistic standard loss (RSGAN)."""

from belamy.losses.adversarial import relativistic_pairing


class Adversarial(relativistic_pairing.Adversarial):
    r"""The first paper's name of ``relativistic-pairing`` with its default base: logistic regression of pairs.

    .. math:: L_D = -\log\sigma(s_r - s_f), \qquad L_G = -\log\sigma(s_f - s_r)

    References:
        Jolicoeur-Martineau 2018, arXiv 1807.00734, equations 3 and 4.
    """

    def __init__(self) -> None:
        super().__init__()
