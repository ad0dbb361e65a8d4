"""Steering: directions, arithmetic, inversion, and pictures painted in the style of others."""
