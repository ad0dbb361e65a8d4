"""Target distributions: what the generator is to learn, on a line or in the plane.

Contract of a file here: a class ``Distribution`` with

- ``dimensions``: 1 or 2;
- ``window``: (low, high), the stretch of each axis that is drawn and measured over; nearly all mass lies within;
- ``centres`` and ``spread``: the modes' places ``[K, d]`` and standard deviation where it has modes, else None and 0;
- ``sample(count, draw) -> [count, d]``, float32, and ``density(points [N, d]) -> [N]``, exact and normalised.
"""
