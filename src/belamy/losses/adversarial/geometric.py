"""The geometric GAN's loss, which the field calls hinge."""

from belamy.losses.adversarial.hinge import Adversarial as Hinge


class Adversarial(Hinge):
    r"""A soft-margin support vector machine on the discriminator's features; the generator moves along its normal.

    .. math:: L_D = \max(0, 1-s_r) + \max(0, 1+s_f), \qquad L_G = -s_f

    On scores these are the functions of ``hinge``; the name is kept because the paper's is in use.

    *Departs from the paper*, whose objective also holds the squared norm of the last layer's weights, 1/C times: that
    is a weight decay of the discriminator, not a function of scores.

    References:
        Lim & Ye 2017, arXiv 1705.02894, section 4 (soft-margin update of the hyperplane, generator update).
    """
