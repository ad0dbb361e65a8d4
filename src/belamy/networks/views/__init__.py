"""Views: what is done to images before the discriminator sees them, to real and generated ones alike.

Contract of a file here: a class ``View`` (an ``nn.Module``; state lives in buffers), built from ``(shape, value_range,
*, …)``, with

- ``forward(images, draw, progress) -> images``: same shape, differentiable; ``progress`` is the share of the run that
  is over, and at strength 0 the very tensor comes back;
- ``observe(real_scores) -> None``: called after each update of the discriminator with its scores of real images.
"""
