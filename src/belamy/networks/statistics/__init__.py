"""Statistics of a batch that a discriminator sees besides each sample's features.

Contract of a file here: a class ``Statistic`` (an ``nn.Module``), built from ``(features, *, …)``, with ``count``, how
many numbers K it gives for each sample, and ``forward(features [N, F]) -> [N, K]``, twice differentiable.

They look at the batch of this process alone: with W processes each sample is compared with N/W others, so, unlike the
rest of Belamy, a run on several processes differs from one on a single process with the same global batch.
"""
