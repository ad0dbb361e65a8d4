"""One module per verb.

Contract of a file here: its docstring's first line is what ``belamy --help`` shows, and ``run(words) -> int`` does the
work and returns the exit code. ``Form`` is a class of options (``cli.options``): its fields are the options, their
docstrings the help, and a field without default is a word without ``--``.
"""
