"""The relativistic standard loss (RSGAN)."""

from belamy.losses.adversarial.relativistic_pairing import Adversarial as Pairing


class Adversarial(Pairing):
    r"""The probability that a real sample is more real than the generated one beside it, by logistic regression.

    .. math:: L_D = -\log\sigma(s_r - s_f), \qquad L_G = -\log\sigma(s_f - s_r)

    The first paper's name for ``relativistic-pairing`` with its default base.

    References:
        Jolicoeur-Martineau 2018, arXiv 1807.00734, equations 3 and 4.
    """

    def __init__(self) -> None:
        super().__init__()
