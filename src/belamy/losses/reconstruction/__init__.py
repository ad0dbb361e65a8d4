"""Reconstruction losses: how far an output is from its target, one value per sample.

Contract of a file here: a class ``Reconstruction`` with a call ``(output, target) -> [N]`` on values in [0, 1].
"""
