"""Settings that decide how something is done: checked when they are made, and then fixed."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from belamy.errors import UsageError, must_be, nearest


class FrozenSettings(BaseModel):
    """Fields with defaults, bounds and a sentence each.

    Attributes:
        subject: What they are the settings of, to begin a sentence with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    subject: ClassVar[str]

    def changed(self, **fields: Any) -> Self:
        """The same settings with some fields replaced.

        Raises:
            UsageError: An unknown field or a value that the field does not allow.
        """
        known = type(self).model_fields
        for name in fields:
            if name not in known:
                raise UsageError(f"{self.subject} has no setting '{name}'. {nearest(name, known)}")
        try:
            return type(self)(**{**{name: getattr(self, name) for name in known}, **fields})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise UsageError(f"{where} = {first['input']!r} is not allowed: {must_be(first['msg'])}.") from None
