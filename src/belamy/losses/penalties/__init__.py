"""Penalties: terms that keep a discriminator well-behaved, one value per sample, unweighted.

Contract of a file here: a class ``Penalty`` with options ``weight`` and ``every`` (apply it on each ``every``-th step,
scaled by ``every``) and a call ``penalty(critic, real, fake, draw) -> [N]``, where ``critic`` maps images to scores.
"""
