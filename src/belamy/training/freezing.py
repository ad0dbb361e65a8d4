"""Layers that do not learn."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from belamy.errors import UsageError, nearest
from belamy.methods.base import BaseMethod
from belamy.networks.critic import Critic
from belamy.networks.surgery import weighted_layers


def freeze(method: BaseMethod, names: Iterable[str]) -> None:
    """Take parts of a method's networks out of what learns; their weights then stay as they are, bit for bit.

    A name is a network or a part of one, ``generator.mapping``, of which a number may choose the first or, if it is
    negative, the last dense and convolutional layers, in the order of registration, and what lies between them:
    ``discriminator:4`` are the four layers next to the pixels, as in FreezeD (Mo et al. 2020, arXiv 2002.10964).

    Args:
        method: Its parameters are changed.
        names: Of the parts.

    Raises:
        UsageError: There is no such part or there are not so many layers, or nothing of a player is left to learn.
    """
    for name in names:
        path, colon, number = name.partition(":")
        module = _part(method, path, name)
        for each in _layers(module, name, number) if colon else module.modules():
            for parameter in each.parameters(recurse=False):
                parameter.requires_grad_(False)
    for player, (module, _) in method.players.items() if names else ():
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise UsageError(f"freeze leaves nothing of the {player} to learn. Freeze fewer of its layers.")


def _part(method: BaseMethod, path: str, name: str) -> nn.Module:
    """The part of a network by its path, from which wrappers around the network may be left out."""
    network, _, inner = path.partition(".")
    networks = method.networks()
    if network not in networks:
        raise UsageError(f"freeze = '{name}' names no network: this method has none called '{network}'. "
                         f"{nearest(network, networks)}")  # fmt: skip
    known = dict(networks[network].named_modules())
    if inner in known:
        return known[inner]
    found = [each for each in known if each.endswith(f".{inner}")]
    if not found:
        inside = list(dict.fromkeys(each.rpartition(".")[2] for each in known if each and not each[-1].isdigit()))
        raise UsageError(f"freeze = '{name}' names no part of the {network}. {nearest(inner, inside)}")
    return known[min(found, key=len)]


def _layers(module: nn.Module, name: str, number: str) -> list[nn.Module]:
    """The modules that belong to the first or last layers."""
    module = module.network if isinstance(module, Critic) else module
    parts, layers = list(module.modules()), weighted_layers(module)
    try:
        count = int(number)
    except ValueError:
        count = 0
    if not 0 < abs(count) <= len(layers):
        raise UsageError(
            f"freeze = '{name}' is to end in a number of layers from 1 to {len(layers)}, or from -1 to "
            f"-{len(layers)} for the last ones, e.g. {name.partition(':')[0]}:{min(4, len(layers))}."
        )
    if count < 0:
        return parts[parts.index(layers[count]) :]
    return parts[: parts.index(layers[count])] if count < len(layers) else parts
