"""What is learned from: named sets, folders, archives and arrays, all as one ``Dataset``, and its shuffled ``Batches``.

Nothing here touches the network unless a set that is not embedded is asked for. The names below are imported when they
are first used, so that listing the data sources does not wait for torch.

Example:
    >>> from belamy.data import open_data
    >>> data = open_data("avatars-16", labels="smile")
    >>> data.shape, len(data), data.classes
    ((3, 16, 16), 3000, ('no', 'yes'))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from belamy.data.batch import Batch
    from belamy.data.batches import Batches
    from belamy.data.dataset import Dataset
    from belamy.data.loading import open_data
    from belamy.modalities.image import to_float, to_uint8

__all__ = ["Batch", "Batches", "Dataset", "open_data", "to_float", "to_uint8"]

_HOMES = {
    "Batch": "belamy.data.batch",
    "Batches": "belamy.data.batches",
    "Dataset": "belamy.data.dataset",
    "open_data": "belamy.data.loading",
    "to_float": "belamy.modalities.image",
    "to_uint8": "belamy.modalities.image",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
