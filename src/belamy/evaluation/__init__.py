"""Judging samples: features, metrics over features, and cards that say how a number came about.

An extractor (``features/``) looks at pixels and says what it sees; a metric (``metrics/``) knows nothing but what was
seen. Metrics are accumulators in float64: any parts, in any order, on any number of processes, give the same number.
"""
