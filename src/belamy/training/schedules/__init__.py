"""Learning-rate schedules by name.

Contract of a file here: a class ``Schedule(total)`` (samples in the whole run), called with the samples seen and the
steps done, that gives the factor of the learning rate.
"""
