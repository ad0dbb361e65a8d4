"""Adversarial losses: what discriminator and generator each minimise, from scores (logits), one value per sample.

Contract of a file here: a class ``Adversarial`` (an ``nn.Module``; state lives in buffers) with

- ``discriminator(real, fake) -> [N]`` and ``generator(fake, real) -> [N]``, scores ``[N]``, high meaning real;
- ``relativistic``: whether the generator's loss needs the scores of real samples (else ``real`` may be ``None``).
"""
