"""Perceptual losses: how far images are from what is wanted in the features of a network, one value per sample.

Contract of a file here: functions of tensors. ``features`` are what a layer gives, [N, C, H, W]. A loss of styles
comes in two steps, so that a style is described once: a function that describes features and forgets where things are,
and one that compares descriptions.
"""
