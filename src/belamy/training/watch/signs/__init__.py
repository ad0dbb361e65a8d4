"""One way for a run to fail per file, found by its name.

Contract: ``Sign(*, options)`` with its limits as options, and

- ``specific``: whether it is a cause in itself; a finding of a cause stands before symptoms of the same severity;
- ``__call__(course) -> Finding | None``: what the numbers of a :class:`~belamy.training.watch.history.Course` say, None
  where the sign does not concern the run, has too few numbers or sees nothing.
"""
