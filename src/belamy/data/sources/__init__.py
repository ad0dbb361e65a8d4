"""Named data sets: one file each, found by its name; the class ``Source`` opens it."""
