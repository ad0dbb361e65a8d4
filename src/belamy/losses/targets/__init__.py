"""Label tricks: what a discriminator is told instead of "real" (1) and "generated" (0), for every adversarial loss.

Contract of a file here: a class ``Targets`` (an ``nn.Module``) whose call ``(targets, real, draw, progress) -> [N]``
maps labels ``[N]`` of ``real`` or of generated samples, at a ``progress`` from 0 to 1 through the run, with random
numbers of its own stream of ``draw``. They chain. A loss then takes ``t · on_real(s) + (1 - t) · on_fake(s)``, for
cross-entropy exactly the cross-entropy with the label t.
"""
