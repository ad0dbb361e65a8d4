"""Architectures: one file each, ``nn.Module`` only; no loss, no file, no optimiser.

Contract of a file here: any of the classes below, all with the attribute ``native_shape`` (the published size).
Arguments before the ``*`` are given by the data and the run, the keyword-only ones are the user's options.

===============  =====================================  ==========================================================
class            constructor                            ``forward``
===============  =====================================  ==========================================================
`Generator`      ``(latent, shape, *, …)``              latents ``[N, latent]`` → images in ``value_range``
`Discriminator`  ``(shape, *, …)``                      images → scores ``[N]``: logits, never a sigmoid
`Encoder`        ``(shape, latent, *, …)``              images → codes ``[N, latent]``, or (mean, log-variance)
`Decoder`        ``(latent, shape, *, …)``              codes → images in ``value_range``
`Classifier`     ``(shape, classes, *, …)``             images → logits ``[N, classes]``
`Stylist`        ``(shape, *, …)``                      images in [-1, 1] → images of the same size in [-1, 1]
===============  =====================================  ==========================================================

A discriminator's ``scores_and_features`` gives its scores and the features ``[N, F]`` behind them, from one pass.
Labels enter through the parts in `belamy.networks.conditions`, around any network.

Shapes are (channels, height, width). Every network adapts to other channel counts and to any height and width its
strides divide; other sizes raise a `UsageError` that names the nearest sizes.
"""
