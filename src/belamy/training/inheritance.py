"""Going on from another recipe's state: what was learned is taken over where it fits."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from belamy.methods.base import METHODS, BaseMethod, BaseRecipe, DataSpec
from belamy.registry import Part
from belamy.runs.checkpoint import Checkpoint
from belamy.runs.run import method_name
from belamy.training.freezing import freeze
from belamy.training.state import load_optimizer
from belamy.training.trainer import Clock, Trainer


def inherit(trainer: Trainer, recipe: BaseRecipe, spec: DataSpec, state: Checkpoint) -> tuple[str, ...]:
    """Let a trainer at its beginning go on from the state of a run of another recipe.

    A layer is taken over if both methods have it under the same name, of the same kind and with tensors of the same
    shapes; a network of which less than half fits starts afresh as a whole. Averages follow their networks; moments of
    the optimisers follow their parameters where the kind of optimiser stays. The clock goes on. What a layer names in
    ``of_the_data`` stays as it was measured on the data of the new recipe, or as that names it. With an unchanged
    recipe the trainer is then as if it had loaded the state.

    Args:
        trainer: Of the new recipe.
        recipe: The one that the state belongs to.
        spec: Its domain.
        state: Whole state of a trainer.

    Returns:
        The networks and layers with parameters that start afresh.
    """
    built: BaseMethod = METHODS.build(Part(name=method_name(recipe)), recipe=recipe, spec=spec)
    freeze(built, recipe.freeze)
    taken = fitting(built, trainer.method)
    _copy(trainer.method, state.below("method"), taken)
    for name, average in trainer.averages.networks.items():
        kept = state.below(f"average/{name}") or _inner(state.below("method"), name)
        _copy(average, kept, {layer.removeprefix(name).removeprefix(".") for layer in taken if _within(layer, name)})
    for name, player in trainer.players.items():
        before = built.players.get(name)
        if before is not None and before.optimizer.name == player.optimizer.name:
            moments = _moments(state.below(f"optimizer/{name}"), _names(built, before.module))
            _load_moments(trainer, name, {path: each for path, each in moments.items() if _layer(path) in taken})
    trainer.clock = Clock(state.samples, state.step, state.seconds)
    trainer.batches = trainer.open_batches(-(-state.position * recipe.batch // trainer.method.recipe.batch))
    return _afresh(trainer.method, taken)


def discarded(recipe: BaseRecipe, other: BaseRecipe, spec: DataSpec) -> tuple[str, ...]:
    """The networks of a recipe that another takes nothing over from: they would start afresh beside trained ones.

    Raises:
        UsageError: Such networks cannot be made for these images.
    """
    old, new = (METHODS.build(Part(name=method_name(each)), recipe=each, spec=spec) for each in (recipe, other))
    names = dict(new.named_children())
    return tuple(name for name in _afresh(new, fitting(old, new)) if name in names)


def fitting(old: nn.Module, new: nn.Module) -> set[str]:
    """The layers of a method whose tensors another built like it can give."""
    before, after = _layers(old), _layers(new)
    fits = {
        layer
        for layer, tensors in after.items()
        if layer in before
        and type(old.get_submodule(layer)).__name__ == type(new.get_submodule(layer)).__name__
        and {name: tensor.shape for name, tensor in tensors.items()}
        == {name: tensor.shape for name, tensor in before[layer].items()}
    }
    for network, _ in new.named_children():
        sizes = {layer: sum(map(Tensor.numel, tensors.values())) for layer, tensors in after.items()
                 if _within(layer, network)}  # fmt: skip
        if 2 * sum(size for layer, size in sizes.items() if layer in fits) < sum(sizes.values()):
            fits -= sizes.keys()
    return fits


def of_the_data(module: nn.Module, layer: str) -> tuple[str, ...]:
    """What a layer names of its tensors that is measured on the data before training."""
    return getattr(module.get_submodule(layer), "of_the_data", ())


def _layers(module: nn.Module) -> dict[str, dict[str, Tensor]]:
    """The tensors of a module by layer and name."""
    found: dict[str, dict[str, Tensor]] = {}
    for path, tensor in module.state_dict().items():
        found.setdefault(_layer(path), {})[path.rpartition(".")[2]] = tensor
    return found


def _layer(path: str) -> str:
    return path.rpartition(".")[0]


def _within(path: str, network: str) -> bool:
    return path == network or path.startswith(f"{network}.")


def _inner(tensors: Mapping[str, Tensor], network: str) -> dict[str, Tensor]:
    return {path.removeprefix(f"{network}."): tensor for path, tensor in tensors.items() if _within(path, network)}


@torch.no_grad()
def _copy(module: nn.Module, tensors: Mapping[str, Tensor], layers: set[str]) -> None:
    for path, tensor in module.state_dict().items():
        layer, _, name = path.rpartition(".")
        if layer in layers and name not in of_the_data(module, layer):
            tensor.copy_(tensors[path])


def _names(method: BaseMethod, module: nn.Module) -> list[str]:
    """The names that the parameters with which a player learns have in the method, in their order."""
    known = {id(parameter): name for name, parameter in method.named_parameters()}
    return [known[id(parameter)] for parameter in module.parameters() if parameter.requires_grad]


def _moments(tensors: Mapping[str, Tensor], names: list[str]) -> dict[str, dict[str, Tensor]]:
    """An optimiser's state by the names of the parameters instead of their numbers."""
    found: dict[str, dict[str, Tensor]] = {}
    for path, tensor in tensors.items():
        number, _, moment = path.partition("/")
        found.setdefault(names[int(number)], {})[moment] = tensor
    return found


def _load_moments(trainer: Trainer, player: str, moments: Mapping[str, Mapping[str, Tensor]]) -> None:
    names = _names(trainer.method, trainer.players[player].module)
    numbered = {
        f"{number}/{moment}": tensor
        for number, name in enumerate(names)
        for moment, tensor in moments.get(name, {}).items()
    }
    load_optimizer(trainer.optimizers[player].torch, numbered)


def _afresh(method: BaseMethod, taken: set[str]) -> tuple[str, ...]:
    """What starts afresh, whole networks by their own name."""
    layers: dict[str, list[str]] = {}
    for path, _ in method.named_parameters():
        layers.setdefault(path.partition(".")[0], []).append(_layer(path))
    found: list[str] = []
    for network, names in layers.items():
        left = [name for name in dict.fromkeys(names) if name not in taken]
        found += [network] if len(left) == len(set(names)) else left
    return tuple(found)
