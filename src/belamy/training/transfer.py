"""Starting from what another run has learned: other data, other sizes, another recipe of the same method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from belamy.errors import UsageError
from belamy.methods.base import METHODS, BaseMethod, BaseRecipe, DataSpec
from belamy.registry import Part
from belamy.runs.checkpoint import Checkpoint
from belamy.runs.run import method_name
from belamy.training.inheritance import of_the_data
from belamy.training.state import load_module
from belamy.training.trainer import Trainer


class Transferred(NamedTuple):
    """The parts of networks with weights that were taken over, and those that start afresh, by name."""

    taken: tuple[str, ...]
    afresh: tuple[str, ...]


def transfer(trainer: Trainer, recipe: BaseRecipe, spec: DataSpec, state: Checkpoint) -> Transferred:
    """Let a trainer at its beginning start with the networks' weights of a run, as far as they fit.

    A layer is taken over that both networks have at the same place, of the same kind and with tensors of the same
    shapes. Places in sequences are counted from the beginning in networks that take latents, from the end in those that
    take samples, and then the other way for what is left: so blocks of the same resolution meet where a network for
    other sizes has more or fewer of them. Averages follow their networks. The clock, the optimisers and whatever
    else is remembered begin anew; so does what a layer names in ``of_the_data``, which was measured on the new data.
    Networks that are ``born_of`` those of another method begin as its averages, with all that they know.

    Args:
        trainer: Of the new recipe.
        recipe: The one that the state belongs to.
        spec: Its domain.
        state: Whole state of a trainer.

    Raises:
        UsageError: Nothing fits, or not all of what must.
        RunError: The state does not fit its own recipe.
    """
    built: BaseMethod = METHODS.build(Part(name=method_name(recipe)), recipe=recipe, spec=spec)
    load_module(built, state.below("method"))  # what its recipe no longer makes is refused
    old, new = built.networks(), trainer.method.networks()
    taken: list[str] = []
    afresh: list[str] = []
    born = {} if type(recipe) is type(trainer.method.recipe) else trainer.method.born_of
    for name, network in new.items():
        judges = len(trainer.method.inputs()[name][0]) > 1  # it takes samples, not latents
        origin, whole = born.get(name, name), name in born
        sources = matched(old[origin], network, from_end=judges) if origin in old else {}
        live = old[origin].state_dict() if origin in old else {}
        average = state.below(f"average/{origin}") or live
        _copy(network, average if whole else live, sources, whole)
        if name in trainer.averages.networks:
            _copy(trainer.averages.networks[name], average, sources, whole)
        learned = {path.rpartition(".")[0] for path, _ in network.named_parameters()}
        taken += _named(name, network, learned, learned & sources.keys())
        afresh += _named(name, network, learned, learned - sources.keys())
        if whole and learned - sources.keys():
            raise UsageError(
                f"The {name} begins as that run's, but of other data it does not fit: {', '.join(afresh)}. Choose the "
                "data, the size and the channels of that run."
            )
    if not taken:
        raise UsageError("Nothing of that run fits the networks of this recipe, so there is nothing to start from. "
                         "Leave the recipe's name out to take the run's own, or leave out --start-from.")  # fmt: skip
    return Transferred(tuple(taken), tuple(afresh))


def matched(old: nn.Module, new: nn.Module, from_end: bool = False) -> dict[str, str]:
    """The layers of a network that another can give, each with the other's layer.

    Args:
        old: What gives.
        new: What takes.
        from_end: Count places in sequences from their ends first, then from their beginnings.
    """
    before, after = _layers(old), _layers(new)
    ways = []
    for count in (_backwards, _forwards) if from_end else (_forwards, _backwards):
        places = {place: layer for layer, place in count(old).items() if layer in before}
        ways.append({layer: places[place] for layer, place in count(new).items()
                     if layer in after and place in places and _alike(old, places[place], new, layer)})  # fmt: skip
    first, second = ways
    given = set(first.values())
    return {**{layer: other for layer, other in second.items() if other not in given}, **first}


def _layers(network: nn.Module) -> dict[str, dict[str, torch.Size]]:
    """The shapes of a network's tensors by layer and name."""
    found: dict[str, dict[str, torch.Size]] = {}
    for path, tensor in network.state_dict().items():
        layer, _, name = path.rpartition(".")
        found.setdefault(layer, {})[name] = tensor.shape
    return found


def _alike(old: nn.Module, layer: str, new: nn.Module, other: str) -> bool:
    """Whether two layers are of one kind and shape."""
    one, another = old.get_submodule(layer), new.get_submodule(other)
    return type(one).__name__ == type(another).__name__ and _own(one) == _own(another)


def _own(module: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in module.state_dict().items() if "." not in name}


def _forwards(network: nn.Module) -> dict[str, str]:
    return {path: path for path, _ in network.named_modules()}


def _backwards(network: nn.Module) -> dict[str, str]:
    """The places of modules, those within a sequence counted from its end."""
    places = {"": ""}
    for path, _ in network.named_modules():
        holder, _, own = path.rpartition(".")
        sequence = network.get_submodule(holder)
        if path and isinstance(sequence, nn.Sequential | nn.ModuleList):
            own = str(int(own) - len(sequence))
        places[path] = f"{places[holder]}.{own}" if path else ""
    return places


@torch.no_grad()
def _copy(network: nn.Module, tensors: Mapping[str, Tensor], sources: Mapping[str, str], whole: bool) -> None:
    for path, tensor in network.state_dict().items():
        layer, _, name = path.rpartition(".")
        if layer in sources and (whole or name not in of_the_data(network, layer)):
            tensor.copy_(tensors[f"{sources[layer]}.{name}" if sources[layer] else name])


def _named(name: str, network: nn.Module, learned: set[str], wanted: set[str]) -> list[str]:
    """The largest parts of a network all of whose learned layers are wanted, by name."""
    if not wanted:
        return []
    if wanted == learned:
        return [name]
    found = [name] if "" in wanted else []
    for child, module in network.named_children():
        within = ({layer[len(child) + 1 :] for layer in layers if layer == child or layer.startswith(f"{child}.")}
                  for layers in (learned, wanted))  # fmt: skip
        found += _named(f"{name}.{child}", module, *within)
    return found
