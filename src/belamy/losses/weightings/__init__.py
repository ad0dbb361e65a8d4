"""Weights of samples: which of a batch count, and how much.

Contract of a file here: a class ``Weighting`` (an ``nn.Module``) with ``real(scores, progress)`` and ``fake(scores,
progress)``, each ``[N]`` factors of mean 1 from scores ``[N]`` without gradients: of the real samples in the
discriminator's loss and of the generated ones in the generator's. The mean is over the batches of all processes;
``progress`` goes from 0 to 1 through the run. Who does not weight one of them returns ones.
"""
