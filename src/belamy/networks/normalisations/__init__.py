"""What a network's activations are normalised with: each file holds one ``Normalisation``.

``Normalisation(*, options).replace(norm)`` is the layer that takes the place of a batch normalisation; it takes
vectors ``[N, F]`` and images ``[N, C, H, W]`` alike. The replacements keep the normalisation's size, and those that
have a gain and an offset start with 1 and 0.
"""
