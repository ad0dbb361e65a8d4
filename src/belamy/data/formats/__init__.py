"""Shapes of a path that data can have: one file each; the class ``Format`` says which paths it claims and opens them."""
