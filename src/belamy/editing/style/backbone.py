"""The network whose features are compared: the embedded one, VGG-19, or any of PyTorch's by the names of its layers."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from belamy.editing.style.settings import StyleSettings
from belamy.errors import DataError, UsageError, nearest
from belamy.networks.photographs import standardised


class Backbone(Protocol):
    """A network whose layers give their outputs by name."""

    def prepare(self, images: Tensor) -> Tensor:
        """What the network is fed, from images in [0, 1].  # [N, 3, H, W]"""

    def outputs(self, prepared: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Outputs of layers by name, [N, C, H, W] each; nothing after the last of them need be computed.

        Raises:
            UsageError: There is no such layer.
        """


class Hooked:
    """Any image network of PyTorch, whose layers are its modules by their dotted names.

    It is used as it is, in evaluation mode with its weights frozen, and stops when the last layer asked for answered.

    Args:
        module: Takes images [N, 3, H, W].
        prepare: From images in [0, 1] to what it takes; None subtracts ImageNet's mean colour and divides by its
            deviation.

    Example:
        >>> network = Hooked(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
        >>> network.outputs(network.prepare(torch.rand(1, 3, 8, 8)), ["0"])["0"].shape
        torch.Size([1, 8, 6, 6])
    """

    def __init__(self, module: nn.Module, prepare: Callable[[Tensor], Tensor] | None = None) -> None:
        self.module = module.eval().requires_grad_(False)
        self.prepare = prepare or standardised

    def outputs(self, prepared: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """See :class:`Backbone`."""
        modules = dict(self.module.named_modules())
        found: dict[str, Tensor] = {}
        for name in names:
            if not name or name not in modules:
                raise UsageError(f"The network has no layer '{name}'. {nearest(name, filter(None, modules))}")

        def keep(name: str) -> Callable[..., None]:
            def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
                # A later layer may work in place on what this one gave.
                found[name] = output.clone() if isinstance(output, Tensor) else output
                if len(found) == len(set(names)):
                    raise _Enough

            return hook

        handles = [modules[name].register_forward_hook(keep(name)) for name in set(names)]
        try:
            if names:
                self.module(prepared)
        except _Enough:
            pass
        finally:
            for handle in handles:
                handle.remove()
        for name in names:
            if not isinstance(found.get(name), Tensor) or found[name].ndim != 4:
                raise UsageError(f"The layer '{name}' does not give feature maps [N, C, H, W]. Name a convolution.")
        return found


class _Enough(Exception):
    """All layers asked for have answered."""


def build(settings: StyleSettings, weights: Path | None = None) -> Backbone:
    """The network of settings, with its weights, frozen.

    Args:
        settings: Name the network.
        weights: The file of VGG-19's weights; None looks for it in the cache.

    Raises:
        DataError: They are not there or are others; the message names the file, its checksum and where to put it.
        UsageError: A file for a network that comes with its weights.
    """
    if settings.network == "efficientnet-lite0":
        if weights is not None:
            raise UsageError(
                "EfficientNet-lite0 comes with its weights. Leave --weights out, or type --settings documents."
            )
        from belamy.networks.efficientnet_lite import EfficientNetLite

        return EfficientNetLite.pretrained()
    from belamy.data import weights as published
    from belamy.methods.pretrained import published_network, vggs

    file = weights if weights is not None else published.find(published.VGG19_CAFFE, option="--weights")
    return published_network(file, vggs((19,), settings.pooling), "--weights")


def imported(text: str, weights: Path | None = None) -> Backbone:
    """A network of an installed package, by the dotted name of what makes it, e.g. ``torchvision.models.resnet50``.

    Args:
        text: The name, with options where it has some: ``torchvision.models.resnet50:weights=DEFAULT``.
        weights: A file of its weights, safetensors or PyTorch's; read as weights only.

    Raises:
        UsageError: There is no such thing, or it makes no network.
        DataError: The weights do not fit.
    """
    path, _, options = text.partition(":")
    module, _, name = path.rpartition(".")
    pairs = [option.partition("=") for option in options.split(",") if option]
    try:
        network = getattr(import_module(module), name)(**{key: _literal(value) for key, _, value in pairs})
    except (ImportError, ValueError):
        raise UsageError(
            f"There is no package '{module or text}' here. Write PACKAGE.MODULE.NAME of what makes the network, and "
            "install the package."
        ) from None
    except AttributeError:
        raise UsageError(f"{module} has no '{name}'. {nearest(name, dir(import_module(module)))}") from None
    except TypeError as error:
        raise UsageError(f"{path} cannot be called so: {error}.") from None
    if not isinstance(network, nn.Module):
        raise UsageError(f"{path} gives a {type(network).__name__}, but it must give a torch.nn.Module.")
    if weights is not None:
        from belamy.data.weights import read_tensors

        try:
            network.load_state_dict(read_tensors(weights))
        except RuntimeError as error:
            raise DataError(f"{weights} does not fit {path}: {str(error).splitlines()[-1].strip()}") from None
    return adopted(network)


def _literal(text: str) -> Any:
    """A number, True, False or None; anything else is text."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def adopted(network: Backbone | nn.Module) -> Backbone:
    """A network as a backbone, its weights frozen."""
    if isinstance(network, nn.Module):
        network.requires_grad_(False)
    if hasattr(network, "outputs") and hasattr(network, "prepare"):
        return network  # type: ignore[return-value]
    if not isinstance(network, nn.Module):
        raise UsageError(f"{type(network).__name__} is no network: give a torch.nn.Module that takes [N, 3, H, W].")
    return Hooked(network)


def strides(network: Backbone, names: Sequence[str], probe: int = 64) -> dict[str, int]:
    """How many pixels lie between two positions of each layer.

    Raises:
        UsageError: There is no such layer, or it gives no feature maps.
    """
    with torch.no_grad():
        outputs = network.outputs(network.prepare(torch.zeros(1, 3, probe, probe)), names)
    return {name: max(round(probe / outputs[name].shape[-1]), 1) for name in names}
