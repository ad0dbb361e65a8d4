"""Adversarial losses: what discriminator and generator each minimise, from scores (logits), one value per sample.

Contract of a file here: a class ``Adversarial`` (an ``nn.Module``; state lives in buffers) with

- ``discriminator(real, fake) -> [N]`` and ``generator(fake, real) -> [N]``, scores ``[N]``, high meaning real;
- ``relativistic``: whether scores of real and generated samples are compared. If so the generator's loss needs
  ``real``; if not, ``real`` may be ``None`` and the discriminator's loss is the sum of ``on_real(real)`` and
  ``on_fake(fake)``;
- ``energies = True`` if scores are minus the energies of an autoencoder;
- if it adapts to the game, ``observe(real_scores, fake_scores) -> dict[str, Tensor]``, called without gradients after
  each of the discriminator's updates with the scores of it: it updates buffers, alike in all processes, and returns
  what is worth logging.
"""
