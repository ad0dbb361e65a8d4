"""Films from films, frame by frame: warped from the one before where it can be, judged as pictures and as films."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, NamedTuple, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch
from belamy.errors import UsageError
from belamy.methods import base, patches
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Turn
from belamy.methods.construction import NORMALISATIONS, adapted
from belamy.methods.gan import ADVERSARIAL
from belamy.methods.movement import mirrored
from belamy.methods.pix2pix import INSTANCES, PATCH_DISCRIMINATORS, TRANSLATORS, encoded
from belamy.modalities.fields import Field as DataField
from belamy.modalities.label_map import MOST
from belamy.networks import PatchScores
from belamy.networks.film_composer import FilmComposer
from belamy.networks.warping import changes_on_the_way, warped
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws

FLOW = "flow"
"""The field of the true flow, where the data have one."""
_FILMS = ("label_film", "video")
_LABELS = ("label_film", "label_map")


class Recipe(base.BaseRecipe):
    """A translator of films."""

    data: str = "moving-scenes"
    """Films of label maps or of pictures, and the films that they are to become."""
    generator: Annotated[Part, TRANSLATORS] = Part(name="resnet-translator")
    """The network that makes the first frame, or a single picture."""
    past: int = Field(default=2, ge=1, le=8)
    """Frames before that are seen when the next is made."""
    composer_width: int = Field(default=128, ge=1, le=1024)
    """Maps of the first convolutions of the network that makes the frames after the first."""
    composer_halvings: int = Field(default=3, ge=1, le=6)
    """How often that network halves a frame."""
    composer_blocks: int = Field(default=9, ge=1, le=64)
    """Its residual blocks."""
    discriminator: Annotated[Part, PATCH_DISCRIMINATORS] = Part(name="multi-scale", count=2)
    """The network that judges patches of a frame beside what it was made from."""
    film_discriminator: Annotated[Part, PATCH_DISCRIMINATORS] = Part(name="multi-scale", count=2)
    """The networks that judge patches of several frames together."""
    film_frames: int = Field(default=3, ge=2, le=8)
    """How many frames each of them sees."""
    film_rates: int = Field(default=3, ge=0, le=5)
    """How many of them there are at most: one sees every frame, the next every film-frames-th, and so on, as far as the
    frames of a step allow."""
    frames: int = Field(default=6, ge=1, le=256)
    """Frames of each film that are learned from in a step, at a random place."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="least-squares", half=False)
    """What the players minimise for each patch."""
    matching_weight: float = Field(default=10.0, ge=0)
    """Factor of the distance of the discriminators' features in the generator's loss."""
    flow_weight: float = Field(default=10.0, ge=0)
    """Factor of the error of the flow in the generator's loss."""
    mirror: bool = True
    """Show half of the films mirrored left to right."""
    generator_norm: Annotated[Part, NORMALISATIONS] = Part(name="instance")
    """What stands in place of the generators' batch normalisations; native keeps them."""
    discriminator_norm: Annotated[Part, NORMALISATIONS] = Part(name="instance")
    """What stands in place of the discriminators' batch normalisations; native keeps them."""
    generator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the generators learn."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=2e-4, beta1=0.5)
    """How the discriminators learn."""

    @classmethod
    def tiny(cls) -> Self:
        """Thin networks on few short films."""
        thin = Part(name="patch-gan", width=4, receptive_field=16)
        return cls(
            data="moving-scenes:side=16,count=24",
            length=4,
            generator=Part(name="resnet-translator", width=4, halvings=1, blocks=1),
            composer_width=4,
            composer_halvings=1,
            composer_blocks=1,
            discriminator=thin,
            film_discriminator=thin,
            frames=3,
            train_samples=96,
            batch=8,
            ema_half_life=32,
        )


class FilmBatch(NamedTuple):
    """Maps and what they are to become.

    Args:
        maps: What networks see.  # [N, T, M, H, W]
        wanted: In [-1, 1].  # [N, T, C, H, W]
        flow: x, y and whether a place was seen before; None where it is not known.  # [N, T, 3, H, W]
    """

    maps: Tensor
    wanted: Tensor
    flow: Tensor | None

    def map(self, change: Any) -> FilmBatch:
        """The same with each tensor changed."""
        return FilmBatch(change(self.maps), change(self.wanted), None if self.flow is None else change(self.flow))


class Rolled(NamedTuple):
    """What was made, frame after frame.

    Args:
        frames: In [-1, 1].  # [N, T, C, H, W]
        flow: From each frame after the first to the one before.  # [N, T - 1, 2, H, W]
    """

    frames: Tensor
    flow: Tensor | None


class Clips(NamedTuple):
    """Where the frames lie that a discriminator of films sees.

    Args:
        places: Of each sample.  # [N, film_frames]
        step: From one to the next.
    """

    places: Tensor
    step: int


class Method(base.BaseMethod):
    r"""Frames x̃ follow from maps s and the frames before: warped by a flow w̃ where a mask m̃ says so, else drawn, h̃.

    .. math:: \tilde x_t = (1 - \tilde m_t) \odot \tilde w_{t-1}(\tilde x_{t-1}) + \tilde m_t \odot \tilde h_t, \qquad
        L_G = L_I + L_V + \lambda_F L_F + \lambda_W L_W

    .. math:: L_W = \frac1{T-1} \sum_t \lVert \tilde w_t - w_t \rVert_1 + \lVert \tilde w_t(x_t) - x_{t+1} \rVert_1

    where L_I is what a discriminator says of each frame beside its map, L_V what others say of several frames beside
    their true flow, at several rates, L_F the distance of the features of all of them, and both factors are 10. All
    norms are means. The first frame is made by a generator of its own, which alone learns, and is used, where the data
    are single pictures. The true flow counts where a pixel was seen in the frame before; data without it do without the
    first term. Each frame learns by itself: none from what becomes of it in the next one.

    *Departs from the paper*: one scale, one drawing network for all classes; the true flow is that of the data, not of
    a network for photographs, and no features of such a network are compared; every frame is judged, not one drawn at
    random; films at lower rates are judged without flow; the number of frames does not grow during the run; terms of
    discriminators are summed, not halved, which Adam undoes.

    References:
        Wang et al. 2018, arXiv 1808.06601, equations 4 to 10.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    target = "target"

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.source = spec.main
        self.is_film = spec.field.modality in _FILMS
        self.check()
        shape, field = self.output.shape, spec.field
        self.length, self.channels, self.sides = shape[0] if self.is_film else 1, shape[-3], shape[-2:]
        self.frames = min(recipe.frames, self.length)
        classes = len(field.classes) + (INSTANCES in spec.fields)
        self.maps = classes if field.modality in _LABELS else field.shape[-3]
        made = TRANSLATORS.build(recipe.generator, shape=(self.maps, *self.sides), outputs=self.channels)
        self.generator = adapted(made, recipe.generator_norm, ())
        self.composer: Any = None
        if self.frames > 1:
            made = FilmComposer(self.maps, self.channels, past=recipe.past, width=recipe.composer_width,
                                halvings=recipe.composer_halvings, blocks=recipe.composer_blocks)  # fmt: skip
            self.composer = adapted(made, recipe.generator_norm, ())
        self.averaged = ("generator", "composer") if self.composer else ("generator",)
        made = PATCH_DISCRIMINATORS.build(recipe.discriminator, shape=(self.maps + self.channels, *self.sides))
        self.discriminator = adapted(made, recipe.discriminator_norm, ())
        self.film_discriminators = nn.ModuleDict()
        for step in self.steps:
            made = PATCH_DISCRIMINATORS.build(recipe.film_discriminator, shape=(self.seen_of_film(step), *self.sides))
            self.film_discriminators[f"film_discriminator_{step}"] = adapted(made, recipe.discriminator_norm, ())
        self.objective = patches.patch_objective(recipe.adversarial)
        patches.check_matching(self.discriminator, recipe.discriminator.name, recipe.matching_weight)
        for judge in self.film_discriminators.values():
            patches.check_matching(judge, recipe.film_discriminator.name, recipe.matching_weight)

    def check(self) -> None:
        """Refuse data that do not belong together.

        Raises:
            UsageError: What to type instead.
        """
        field, target = self.spec.field, self.output
        if self.is_film != (target.modality == "video"):
            raise UsageError(
                f"vid2vid makes films of films and pictures of pictures, but '{self.spec.main}' holds {field.modality} "
                f"and '{self.target}' {target.modality}. Give data of one kind."
            )
        if field.modality in _LABELS and not field.classes:
            raise UsageError(f"vid2vid takes label maps of up to {MOST} classes, but '{self.spec.main}' holds more.")
        sizes = [(each.shape[0] if self.is_film else 1, *each.shape[-2:]) for each in (field, target)]
        if sizes[0] != sizes[1]:
            told = [f"{length} of {height}×{width}" for length, height, width in sizes]
            raise UsageError(
                f"vid2vid makes frames like its inputs, but those are {told[0]} and the targets {told[1]}."
            )

    @classmethod
    def requires(cls, recipe: Any) -> Mapping[str, str]:
        """Films of label maps or of pictures, or single ones, and what they are to become."""
        return {"main": "label_film/video/label_map/image", cls.target: "video/image"}

    @property
    def output(self) -> DataField:
        """Films, or pictures, like the targets."""
        return self.spec.fields[self.target]

    @property
    def steps(self) -> list[int]:
        """From one frame to the next, of each discriminator of films."""
        count = self.recipe.film_frames
        steps = [count**rate for rate in range(self.recipe.film_rates)]
        return [step for step in steps if (count - 1) * step < self.frames]

    def seen_of_film(self, step: int) -> int:
        """Channels that a discriminator of films sees: frames, and at the full rate the flow between them."""
        count = self.recipe.film_frames
        return count * self.channels + (2 * (count - 1) if step == 1 and FLOW in self.spec.fields else 0)

    @property
    def players(self) -> dict[str, Player]:
        """The discriminators of frames and of films, and the generators."""
        recipe, made = self.recipe, [self.generator, *([self.composer] if self.composer else [])]
        films = {"film_discriminator": Player(self.film_discriminators, recipe.discriminator_optimizer)}
        return {
            "discriminator": Player(self.discriminator, recipe.discriminator_optimizer),
            **(films if self.film_discriminators else {}),
            "generator": Player(nn.ModuleList(made), recipe.generator_optimizer),
        }

    def networks(self) -> dict[str, nn.Module]:
        """The generator of first frames, the composer of the others, and the discriminators."""
        composer = {"composer": self.composer} if self.composer else {}
        return {"generator": self.generator, **composer, "discriminator": self.discriminator,
                **dict(self.film_discriminators.items())}  # fmt: skip

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """A map; maps and the frames before; a map and a frame; several frames."""
        seen = self.recipe.past
        composer = ((self.maps * (seen + 1), *self.sides), (self.channels * seen, *self.sides))
        return {
            "generator": ((self.maps, *self.sides),),
            **({"composer": composer} if self.composer else {}),
            "discriminator": ((self.maps + self.channels, *self.sides),),
            **{f"film_discriminator_{step}": ((self.seen_of_film(step), *self.sides),) for step in self.steps},
        }

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn | tuple[Turn, ...]]:
        """A turn of the discriminators of frames and of films, then one of the generators."""
        film = self.drawn(next(data), draw)
        clips = self.clips(film, draw)
        with torch.set_grad_enabled(draw.parts == 1):  # passes of all parts would wait in memory
            made = self.rolled(film.maps)
        fake = made.frames.detach()
        turn = patches.discriminator_turn(self.objective, self.judge(film, film.wanted), self.judge(film, fake), draw)
        turns = [Turn(turn.player, {name: term.view(len(fake), -1).mean(1) for name, term in turn.terms.items()},
                      signals=turn.signals)]  # fmt: skip
        if clips:
            losses = [
                patches.of_discriminator(
                    self.objective, self.judge_clips(film, film.wanted, each), self.judge_clips(film, fake, each), draw
                )
                for each in clips
            ]
            turns.append(Turn("film_discriminator", {"adversarial": torch.stack(losses).sum(0)}))
        yield tuple(turns)
        if draw.parts > 1:
            made = self.rolled(film.maps)
        yield Turn("generator", self.generator_terms(film, made, clips, draw.progress), self.weights)

    def film_of(self, batch: Batch) -> FilmBatch:
        """The films of a batch; a picture is a film of one frame."""
        wanted = batch[self.target] if self.is_film else batch[self.target].unsqueeze(1)
        maps = self.seen(batch.main, batch.fields.get(INSTANCES)).to(wanted)
        return FilmBatch(maps, wanted, batch.fields.get(FLOW))

    def seen(self, source: Tensor, instances: Tensor | None = None) -> Tensor:
        """What networks see of films: pictures as they are; a map for each class, and one of edges of objects.

        Args:
            source: Films or pictures of the main field.  # [N, …]
            instances: Numbers of the objects; without them edges of the classes stand for theirs.  # [N, T, H, W]
        """
        films = source if self.is_film else source.unsqueeze(1)
        if self.spec.field.modality not in _LABELS:
            return films
        objects = None if instances is None else instances.reshape(films.shape).flatten(0, 1)
        return encoded(films.flatten(0, 1), objects, self.spec).unflatten(0, films.shape[:2])

    def drawn(self, batch: Batch, draw: Draws) -> FilmBatch:
        """So many frames of each film as are learned from, at a random place, mirrored by chance."""
        film = self.film_of(batch)
        count = len(film.wanted)
        if self.frames < self.length:
            starts = (draw.uniform("window", count) * (self.length - self.frames + 1)).long()
            places = starts.unsqueeze(1) + torch.arange(self.frames, device=starts.device)
            film = film.map(lambda films: picked(films, places))
        if self.recipe.mirror:
            chosen = draw.uniform("mirror", count) < 0.5
            film = film.map(lambda films: mirrored(films.flatten(1, 2), chosen).view_as(films))
            if film.flow is not None:  # what went to the right goes to the left
                turned = torch.where(chosen, -1.0, 1.0).to(film.flow).view(-1, 1, 1, 1, 1)
                film = film._replace(flow=torch.cat([film.flow[:, :, :1] * turned, film.flow[:, :, 1:]], 2))
        return film

    def clips(self, film: FilmBatch, draw: Draws) -> list[Clips]:
        """Where each discriminator of films looks, a random place of each film."""
        count, found = self.recipe.film_frames, []
        for step in self.steps:
            room = self.frames - (count - 1) * step
            starts = (draw.uniform(f"clips {step}", len(film.wanted)) * room).long()
            found.append(Clips(starts.unsqueeze(1) + step * torch.arange(count, device=starts.device), step))
        return found

    def rolled(self, maps: Tensor) -> Rolled:
        """The frames of films, one after the other; none learns from the next.

        Args:
            maps: What networks see.  # [N, T, M, H, W]
        """
        frames, flows = zip(*self.rolling(maps.unbind(1)), strict=True)
        return Rolled(
            torch.stack(frames, 1), torch.stack(flows[1:], 1) if self.composer is not None and len(flows) > 1 else None
        )

    def rolling(self, maps: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Frames and their flow from the ones before, as long as there are maps; no more is held than the past.

        Args:
            maps: Of each frame.  # [N, M, H, W]
        """
        places: deque[Tensor] = deque(maxlen=self.recipe.past)
        frames: deque[Tensor] = deque(maxlen=self.recipe.past)
        for given in maps:
            if not frames or self.composer is None:  # learned from single pictures
                frame, flow = self.generator(given), None
            else:
                composed = self.composer(torch.cat([*places, given], 1), torch.cat([*frames], 1))
                frame, flow = composed.frame, composed.flow
            for held, new in ((places, given), (frames, frame.detach())):
                held.extend([new] * (1 if held else self.recipe.past))  # the first stands for what was before it
            yield frame, flow

    def judge(self, film: FilmBatch, frames: Tensor, features: bool = False) -> list[PatchScores]:
        """What is said of the patches of each frame beside its map."""
        together = torch.cat([film.maps, frames], 2).flatten(0, 1)
        return patches.judged(self.discriminator, together, features)

    def judge_clips(self, film: FilmBatch, frames: Tensor, clips: Clips, features: bool = False) -> list[PatchScores]:
        """What is said of the patches of several frames together, beside the true flow between them."""
        seen = [picked(frames, clips.places).flatten(1, 2)]
        if clips.step == 1 and film.flow is not None:
            seen.append(picked(film.flow, clips.places)[:, 1:, :2].flatten(1, 2))
        return patches.judged(
            self.film_discriminators[f"film_discriminator_{clips.step}"], torch.cat(seen, 1), features
        )

    @property
    def weights(self) -> dict[str, float]:
        """Factors of the generator's terms; 1 where there is none."""
        recipe = self.recipe
        matching = {"matching": recipe.matching_weight} if recipe.matching_weight else {}
        films = {"film_matching": recipe.matching_weight} if matching and self.film_discriminators else {}
        flow = {"flow": recipe.flow_weight} if recipe.flow_weight and self.composer else {}
        return {**matching, **films, **flow}

    def generator_terms(self, film: FilmBatch, made: Rolled, clips: list[Clips], progress: float) -> dict[str, Tensor]:
        """The generators' losses ``[N]``: of frames, of films, of features and of the flow."""
        matching, count = bool(self.recipe.matching_weight), len(film.wanted)
        found = patches.of_generator(
            self.objective, lambda features: self.judge(film, made.frames, features),
            lambda features: self.judge(film, film.wanted, features), progress, matching,
        )  # fmt: skip
        terms = {name: term.view(count, -1).mean(1) for name, term in found.items()}
        for clip in clips:
            found = patches.of_generator(
                self.objective, partial(self.judge_clips, film, made.frames, clip),
                partial(self.judge_clips, film, film.wanted, clip), progress, matching,
            )  # fmt: skip
            for name, term in found.items():
                name = "film_matching" if name == "matching" else "film"
                terms[name] = terms[name] + term if name in terms else term
        if "flow" in self.weights and made.flow is not None:
            terms["flow"] = flow_error(made.flow, film)
        return terms

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The distance from the target; and how much changes that only moves, where the true flow is known."""
        film = self.film_of(batch)
        made = self.rolled(film.maps).frames
        found = {"distance": (made - film.wanted).abs().flatten(1).mean(1)}
        if film.flow is not None:
            found["warping_error"] = changes_on_the_way(made, film.flow)
        return found

    def translate(self, source: Tensor, draws: SampleDraws) -> Tensor:
        """Films ``[n, T, C, H, W]`` in [-1, 1] of films of any length, or pictures of pictures.

        Args:
            source: Of the main field, of any height and width that the generator of first frames takes.
            draws: Of no use; nothing here is random.
        """
        made = self._rolled_out(source).frames
        return made if self.is_film else made.squeeze(1)

    def movement(self, source: Tensor) -> Tensor | None:
        """The flow ``[n, T - 1, 2, H, W]`` from each frame after the first of what is made to the one before."""
        return self._rolled_out(source).flow

    def _rolled_out(self, source: Tensor) -> Rolled:
        return self.rolled(self.seen(source).to(next(self.generator.parameters()).dtype))

    def continued(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        """Frames ``[n, C, H, W]`` in [-1, 1] of a film that is given frame by frame, of any length.

        Args:
            frames: Of the main field, one after the other.  # [n, …]
        """
        dtype = next(self.generator.parameters()).dtype
        seen = (self.seen(frame.unsqueeze(1) if self.is_film else frame)[:, 0].to(dtype) for frame in frames)
        return (frame for frame, _ in self.rolling(seen))

    def show(self, batch: Batch, draws: SampleDraws) -> Mapping[str, tuple[DataField, Tensor]]:
        """Inputs, what is made of them, and the targets."""
        made = self.rolled(self.film_of(batch).maps).frames
        return {
            "input": (self.spec.field, batch.main),
            "output": (self.output, made if self.is_film else made.squeeze(1)),
            "target": (self.output, batch[self.target]),
        }


def picked(films: Tensor, places: Tensor) -> Tensor:
    """Some frames of each film.  # [N, T, …] and [N, k] to [N, k, …]"""
    return films[torch.arange(len(films), device=films.device).unsqueeze(1), places.to(films.device)]


def flow_error(flow: Tensor, film: FilmBatch) -> Tensor:
    """``[N]``: the distance of the flow from the true one, where that is known, and of the frames that it warps.

    Args:
        flow: From each frame after the first to the one before.  # [N, T - 1, 2, H, W]
        film: What is wanted.
    """
    before, now = film.wanted[:, :-1], film.wanted[:, 1:]
    moved = warped(before.flatten(0, 1), flow.flatten(0, 1)).view_as(now)
    error = (moved - now).abs().flatten(1).mean(1)
    if film.flow is None:
        return error
    true, seen = film.flow[:, 1:, :2], film.flow[:, 1:, 2:]
    apart = ((flow - true).abs() * seen).flatten(1).sum(1) / (2 * seen.flatten(1).sum(1)).clamp_min(1)
    return error + apart
