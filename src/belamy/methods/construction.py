"""Building the networks of a GAN from the parts that its recipe names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from torch import nn

from belamy.errors import UsageError
from belamy.methods.base import DataSpec
from belamy.methods.requirements import kind_of
from belamy.modalities import modality
from belamy.networks.critic import Critic
from belamy.networks.growing import Growing
from belamy.networks.layers import BatchNorm
from belamy.networks.mixture import GeneratorMixture
from belamy.networks.reconstruction import Reconstruction
from belamy.networks.sampling_dropout import add_dropout
from belamy.networks.surgery import exchange
from belamy.registry import Part, Registry

GENERATORS = Registry("belamy.networks", "generator", "Generator")
DISCRIMINATORS = Registry("belamy.networks", "discriminator", "Discriminator")
GENERATOR_CONDITIONS = Registry("belamy.networks.conditions", "generator condition", "GeneratorCondition")
DISCRIMINATOR_CONDITIONS = Registry("belamy.networks.conditions", "discriminator condition", "DiscriminatorCondition")
NORMALISATIONS = Registry("belamy.networks.normalisations", "normalisation", "Normalisation")
WEIGHTS = Registry("belamy.networks.weights", "form of weights", "Weights")
STATISTICS = Registry("belamy.networks.statistics", "statistic of the batch", "Statistic")
GROWTHS = Registry("belamy.networks.growth", "growth", "Growth")
PENALTIES = Registry("belamy.losses.penalties", "penalty", "Penalty")
REPRESENTATIONS = Registry("belamy.networks.representations", "representation", "Representation")
UNCONDITIONAL = Part(name="unconditional")
AS_IT_IS = Part(name="none")
"""The representation of data that networks see as they are."""
FULL_SIZE = Part(name="none")
"""The growth of networks that have their full size from the beginning."""
Build = Callable[[Any], nn.Module]
"""Makes a network for a size of latents or a shape."""


def make_generator(recipe: Any, spec: DataSpec, build: Build | None = None) -> nn.Module:
    """The generator of a ``gan.Recipe``, with its condition; several of them if the recipe says so.

    Args:
        recipe: Which, and how.
        spec: What the data decide.
        build: Makes another network for a size of latents.
    """
    classes = len(spec.classes)
    condition = recipe.generator_condition if classes else UNCONDITIONAL

    def network(latent: int) -> nn.Module:
        made = build(latent) if build else GENERATORS.build(recipe.generator, latent=latent, shape=spec.shape)
        made = adapted(made, recipe.generator_norm, recipe.generator_weights)
        return add_dropout(made, recipe.generator_dropout) if recipe.generator_dropout else made

    def conditioned() -> nn.Module:
        given = {"build": network, "latent": recipe.latent, "classes": classes}
        made: nn.Module = GENERATOR_CONDITIONS.build(condition, **given)
        return made

    return conditioned() if recipe.generators == 1 else GeneratorMixture(conditioned, recipe.generators)


def make_critic(recipe: Any, spec: DataSpec, prior: Any, build: Build | None = None) -> Critic:
    """The discriminator of a ``gan.Recipe`` with its condition, class scores, statistics and penalties.

    Args:
        recipe: Which, and how.
        spec: What the data decide.
        prior: Of the latents.
        build: Makes another network for a shape.
    """
    classes = len(spec.classes)
    condition = recipe.discriminator_condition if classes else UNCONDITIONAL

    def network(shape: tuple[int, ...]) -> nn.Module:
        made: nn.Module = build(shape) if build else DISCRIMINATORS.build(recipe.discriminator, shape=shape)
        return adapted(made, recipe.discriminator_norm, recipe.discriminator_weights)

    given = {"build": network, "shape": spec.shape, "classes": classes}
    conditioned: nn.Module = DISCRIMINATOR_CONDITIONS.build(condition, **given)
    critic = Critic(conditioned, spec.shape, classes if recipe.auxiliary else 0)
    critic.add_statistics([STATISTICS.build(part, features=critic.features) for part in recipe.statistics])
    given = {
        "features": critic.features, "classes": classes, "prior": prior,
        "reconstruction": partial(Reconstruction, critic.map_shapes, spec.shape),
    }  # fmt: skip
    penalties = make_penalties(recipe.penalties, critic, **given)
    critic.penalties.update(penalties)
    return critic


def represented(recipe: Any, spec: DataSpec) -> tuple[nn.Module, DataSpec]:
    """The representation of a ``gan.Recipe``, and the data as its networks see them.

    Args:
        recipe: Which.
        spec: What the data decide.
    """
    made: Any = REPRESENTATIONS.build(recipe.representation, field=spec.field)
    kind = spec.modality if made.gives == "any" else made.gives
    seen = spec.field._replace(modality=kind, shape=made.shape)
    return made, DataSpec({**spec.fields, spec.main: seen})


def needed_kind(recipe: Any) -> str:
    """The modality of the data that a ``gan.Recipe`` learns from.

    Raises:
        UsageError: A network cannot see what the representation makes of them.
    """
    own = kind_of(GENERATORS, recipe.generator)
    shown: Any = REPRESENTATIONS.load(recipe.representation.name)
    if shown.gives == "any":
        return own
    for name, kind in (
        (recipe.generator.name, own),
        (recipe.discriminator.name, kind_of(DISCRIMINATORS, recipe.discriminator)),
    ):
        if shown.gives not in kind.split("/"):
            wanted, held = modality(shown.gives).words[1], modality(kind.split("/")[0]).words[1]
            raise UsageError(
                f"The representation '{recipe.representation.name}' makes {wanted} of the data, but the network "
                f"'{name}' is for {held}. Type --representation none, or name networks for {wanted}, e.g. specgan."
            )
    return str(shown.takes)


def make_penalties(parts: Iterable[Part], discriminator: nn.Module, **given: Any) -> dict[str, Any]:
    """Penalties by name, which have seen the discriminator.

    Args:
        parts: Which, and how.
        discriminator: Whose penalties they are.
        given: What they are built with.

    Raises:
        UsageError: A weight or an interval out of range.
    """
    penalties = {part.name: PENALTIES.build(part, **given) for part in parts}
    for name, penalty in penalties.items():
        if penalty.every < 1:
            raise UsageError(f"{name}.every is {penalty.every}, but it must be at least 1.")
        if penalty.weight < 0:
            raise UsageError(f"{name}.weight is {penalty.weight}, but it must not be negative.")
        penalty.prepare(discriminator)
    return penalties


def make_growth(recipe: Any, spec: DataSpec, players: nn.Module) -> Any:
    """How the networks of a ``gan.Recipe`` grow.

    Args:
        recipe: How.
        spec: What the data decide.
        players: Holds the networks.

    Raises:
        UsageError: Neither network can grow, or not from so small a size.
    """
    if recipe.growth != FULL_SIZE and not any(isinstance(part, Growing) for part in players.modules()):
        raise UsageError(
            f"Neither the generator '{recipe.generator.name}' nor the discriminator '{recipe.discriminator.name}' can "
            f"grow. Leave --growth out, or type --generator progan --discriminator progan."
        )
    growth = GROWTHS.build(recipe.growth, shape=spec.shape, batch=recipe.batch)
    coarsest = min((part.halvings for part in players.modules() if isinstance(part, Growing)), default=0)
    if recipe.growth != FULL_SIZE and growth.level(0) > coarsest:
        side = min(spec.shape[1:]) >> coarsest
        raise UsageError(
            f"Growth begins with maps smaller than the networks' smallest, whose shorter side is {side}. Type "
            f"--growth.start {side}."
        )
    return growth


def adapted(network: nn.Module, norm: Part, weights: Iterable[Part]) -> nn.Module:
    """The network with its batch normalisations replaced and its weights in another form."""
    normalisation = NORMALISATIONS.build(norm)
    norms = [layer for layer in network.modules() if isinstance(layer, BatchNorm)]
    network = exchange(network, {layer: normalisation.replace(layer) for layer in norms})
    for part in weights:
        WEIGHTS.build(part).apply(network)
    return network


def check(recipe: Any, relativistic: bool) -> None:
    """Refuse combinations of a ``gan.Recipe`` that mean nothing.

    Raises:
        UsageError: What to choose instead.
    """
    if len({part.name for part in recipe.penalties}) < len(recipe.penalties):
        raise UsageError("A penalty is named twice. Name each once, with the weight that it is to have.")
    if recipe.replay and any(part.name == "mutual-information" for part in recipe.penalties):
        raise UsageError("Replayed images do not belong to the latents that mutual-information tells. Type --replay 0.")
    shared = recipe.fresh_latents or recipe.fakes == "eval" or recipe.replay or recipe.generator_steps > 1
    if recipe.turns == "simultaneous" and shared:
        raise UsageError(
            "Simultaneous turns share one pass of the generator, so there are no fresh latents, no fakes in "
            "evaluation mode, no replay and only one generator step. Choose --turns alternating."
        )
    if recipe.rest_above < 1 and (relativistic or recipe.turns == "simultaneous"):
        raise UsageError(
            "Where scores are only compared, or both players learn from one pass, the discriminator cannot rest. "
            "Leave --rest-above out, or choose --adversarial non-saturating and --turns alternating."
        )
    if recipe.turns == "separate" and relativistic:
        raise UsageError(
            f"The loss '{recipe.adversarial.name}' compares real with generated images, so the discriminator "
            f"cannot learn from them separately. Choose --turns alternating."
        )
