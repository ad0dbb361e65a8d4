"""The adversarial game where everything can be seen: on the line and in the plane, with any loss of the registry.

Example:
    >>> from belamy.game.record import play
    >>> record = play("gaussian", steps=2, frames=2, width=8)
    >>> [moment.step for moment in record.moments]
    [0, 1, 2]
"""
