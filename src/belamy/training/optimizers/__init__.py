"""Optimisers by name.

Contract of a file here: a class ``Optimizer(parameters, *, lr=…)`` whose ``torch`` is a ``torch.optim.Optimizer``, with
``step(factor)`` that applies the gradients at ``factor`` times the learning rate.
"""
