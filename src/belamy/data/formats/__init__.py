"""Shapes that data on disk can have: one file each; the class ``Format`` claims paths and opens them."""
