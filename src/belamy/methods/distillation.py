r"""A student of a diffusion run that draws pictures in one or two evaluations of its network.

.. math:: \min_f\; E\, \frac{\| f(x_{n+1}; \sigma_{n+1}) - f(\hat x_n; \sigma_n) \|^2}{d\, s^2}
          + \lambda\, L_{adv}\bigl(f(y + \sigma\epsilon; \sigma)\bigr), \qquad f(x; 0) = x

It begins as its teacher and learns to leap at once to where the teacher's steps lead (consistency), and, from the
levels that it is sampled at, to be taken for real by a discriminator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from belamy.data import Batch, Dataset
from belamy.errors import UsageError
from belamy.losses.objective import Objective
from belamy.losses.penalties.gradients import squared_slope
from belamy.methods.base import OPTIMIZERS, DataSpec, Player, Sampling, Turn
from belamy.methods.construction import DISCRIMINATOR_CONDITIONS, DISCRIMINATORS
from belamy.methods.denoising import DenoisingMethod, DenoisingRecipe
from belamy.methods.gan import ADVERSARIAL
from belamy.networks.critic import Critic, DiscriminatorOutput
from belamy.networks.noise_schedules import STEPS, sampled_sigmas
from belamy.registry import Part
from belamy.seeds import Draws, SampleDraws


class Recipe(DenoisingRecipe):
    """A student of a diffusion run, which draws in few steps; its network is that of the run."""

    starts_from: ClassVar[str] = "diffusion"
    taught: Literal["run", "data"] = "run"
    """Who tells where a step leads: the run that ``--start-from`` names, or the data themselves (consistency training),
    without a run."""
    guidance: float = Field(default=1.0, ge=0, le=100)
    """Weight of the teacher's classifier-free guidance, 1 for none; the student then draws guided pictures at no
    further cost."""
    teacher_steps: int = Field(default=18, gt=1, lt=STEPS)
    """Steps in which the teacher goes from noise to pictures; what a student leaps over."""
    sampling_steps: int = Field(default=2, gt=0, lt=STEPS)
    """Evaluations in which pictures are drawn where nobody chooses; the discriminator sees what comes of their
    levels."""
    discriminator: Annotated[Part, DISCRIMINATORS] = Part(name="digits")
    """The network that scores pictures."""
    discriminator_condition: Annotated[Part, DISCRIMINATOR_CONDITIONS] = Part(name="projection")
    """How the discriminator is told the class, where the data have labels."""
    adversarial: Annotated[Part, ADVERSARIAL] = Part(name="relativistic-pairing")
    """What the two players minimise."""
    adversarial_weight: float = Field(default=0.5, ge=0)
    """Factor of that loss for the student."""
    slope_weight: float = Field(default=1.0, ge=0)
    """Factor of R1 and R2, half the squared slope of the scores at real and at made pictures."""
    slope_every: int = Field(default=8, gt=0)
    """Take the slopes on each so-manieth step, so many times as heavy."""
    optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=3e-4, beta1=0.0, beta2=0.99)
    """How the student learns."""
    discriminator_optimizer: Annotated[Part, OPTIMIZERS] = Part(name="adam", lr=1e-3, beta1=0.0, beta2=0.99)
    """How the discriminator learns."""

    @classmethod
    def tiny(cls) -> Self:
        """A narrow network that the data teach."""
        return cls(
            taught="data",
            network=Part(name="diffusion-u-net", width=8, multipliers=(1,), patch=4),
            discriminator=Part(name="digits", width=2, hidden=16),
            train_samples=96,
            batch=8,
            ema_half_life=16,
            teacher_steps=4,
            slope_every=2,
        )

    def check_start(self, recipe: Any) -> None:
        """Refuse a teacher whose network is another.

        Raises:
            UsageError: What to type to have the teacher's.
        """
        for field in ("network", "parametrization", "noise", "conditional", "text", "text_encoder"):
            mine, its = getattr(self, field), getattr(recipe, field)
            if mine != its:
                word = (
                    f"--{'' if its else 'no-'}{field}"
                    if isinstance(its, bool)
                    else f"--{field.replace('_', '-')} {its}"
                )
                raise UsageError(
                    f"The student's {field} is {mine}, but its teacher's is {its}, and it begins as its teacher. "
                    f"Type {word}."
                )


class Method(DenoisingMethod):
    """Two players: the discriminator, then the student, who follows its teacher's steps.

    *Departs from the papers*: the target is the student itself without a gradient, not an average of it (as in improved
    consistency training); the distance is squares over the variance of the data; the last level before 0 leads to what
    the teacher takes the picture to be, so that no boundary condition is needed; the discriminator learns from pixels.

    References:
        Song et al. 2023, arXiv 2303.01469, algorithm 2 (``taught="run"``), 3 (``"data"``) and 1 (sampling); targets:
        Song & Dhariwal 2023, arXiv 2310.14189, section 3.2; consistency beside an adversarial loss: Kim et al. 2023,
        arXiv 2310.02279, section 3.2; pictures noised to the student's own levels: Sauer et al. 2023, arXiv
        2311.17042, section 3.1.

    Args:
        recipe: What decides the outcome.
        spec: What the data decide.
    """

    value_range = (-1.0, 1.0)

    def __init__(self, recipe: Recipe, spec: DataSpec) -> None:
        super().__init__(recipe, spec)
        self.teacher = self.built().requires_grad_(False) if recipe.taught == "run" else None
        self.born_of = {"network": "network", "teacher": "network"} if self.teacher is not None else {}
        if self.teacher is None and recipe.guidance != 1:
            raise UsageError("Guidance is the teacher's, but the data teach. Leave --guidance out, or --taught data.")
        condition = recipe.discriminator_condition if self.classes else Part(name="unconditional")
        judge: nn.Module = DISCRIMINATOR_CONDITIONS.build(
            condition, build=lambda shape: DISCRIMINATORS.build(recipe.discriminator, shape=shape), shape=spec.shape,
            classes=self.classes,
        )  # fmt: skip
        self.discriminator = Critic(judge, spec.shape)
        self.objective = Objective(ADVERSARIAL.build(recipe.adversarial))

    @property
    def players(self) -> dict[str, Player]:
        """The discriminator and the student."""
        return {
            "discriminator": Player(self.discriminator, self.recipe.discriminator_optimizer),
            "student": Player(self.network, self.recipe.optimizer),
        }

    def networks(self) -> dict[str, nn.Module]:
        """The student, the discriminator, and the teacher if there is one."""
        teacher = {"teacher": self.teacher} if self.teacher is not None else {}
        return {"network": self.network, "discriminator": self.discriminator, **teacher}

    def inputs(self) -> dict[str, tuple[tuple[int, ...] | Tensor, ...]]:
        """Noisy pictures and levels of noise; pictures, and labels where the data have them."""
        labels = (torch.zeros(2, dtype=torch.long),) if self.classes else ()
        noisy = super().inputs()["network"]
        teacher = {"teacher": noisy} if self.teacher is not None else {}
        return {"network": noisy, **teacher, "discriminator": (self.spec.shape, *labels)}

    def measure_data(self, data: Dataset) -> None:
        """As for diffusion; what is known of a teacher's data is taken over with its weights."""
        super().measure_data(data)
        if self.teacher is not None:
            self.teacher.centre.copy_(self.network.centre)
            self.teacher.sigma_data.copy_(self.network.sigma_data)

    def play(self, data: Iterator[Batch], draw: Draws) -> Iterator[Turn]:
        """A turn of the discriminator, then one of the student."""
        batch = next(data)
        noisy, sigma = self.begun(batch, draw)
        serves_both = draw.parts == 1  # passes of all parts would wait in memory
        with torch.set_grad_enabled(serves_both):
            fake = self.made(noisy, sigma, batch)
        yield self.discriminator_turn(batch, fake.detach(), draw)
        fake = fake if serves_both else self.made(noisy, sigma, batch)
        with torch.no_grad():
            real = self.judge(batch.main, batch.labels).judged if self.objective.relativistic else None
        told = self.objective.generator(self.judge(fake, batch.labels).judged, real, draw.progress)
        terms = {"consistency": self.consistency(batch, draw), "adversarial": told}
        yield Turn("student", terms, {"adversarial": self.recipe.adversarial_weight})

    def begun(self, batch: Batch, draw: Draws) -> tuple[Tensor, Tensor]:
        """Centred pictures with noise of the levels that samples come through, and these.  # [N, C, H, W], [N]"""
        clean, count = batch.main - self.network.centre, len(batch)
        levels = self.stations(self.recipe.sampling_steps).to(clean)
        sigma = levels[(draw.uniform("station", count) * len(levels)).long().clamp(max=len(levels) - 1)]
        noise = draw.normal("latents", count, *self.spec.shape).to(clean)
        return clean + sigma[:, None, None, None] * noise, sigma

    def made(self, noisy: Tensor, sigma: Tensor, batch: Batch) -> Tensor:
        """What the student makes of noisy pictures: pictures as the discriminator sees them.  # [N, C, H, W]"""
        made: Tensor = self.network(noisy, sigma, self.condition(batch))
        return made + self.network.centre

    def discriminator_turn(self, batch: Batch, fake: Tensor, draw: Draws) -> Turn:
        """From the scores of real and of made pictures, with the slopes where they are due."""
        labels, recipe = batch.labels, self.recipe
        real, made = (self.judge(each, labels).judged for each in (batch.main, fake))
        terms = {"adversarial": self.objective.discriminator(real, made, draw, draw.progress)}
        weights: dict[str, float] = {}
        if recipe.slope_weight and draw.step % recipe.slope_every == 0:
            at = {"r1": batch.main, "r2": fake}
            terms |= {
                name: squared_slope(lambda x: self.judge(x, labels).scores, each) / 2 for name, each in at.items()
            }
            weights = dict.fromkeys(at, recipe.slope_every * recipe.slope_weight)
        return Turn("discriminator", terms, weights, {"real": real.detach(), "fake": made.detach()})

    def consistency(self, batch: Batch, draw: Draws) -> Tensor:
        """How far the student's leaps from a level and from the next lower one end apart.  # [N]

        Args:
            batch: Pictures.
            draw: Levels and noise.
        """
        clean, count, labels = batch.main - self.network.centre, len(batch), self.condition(batch)
        steps = self.recipe.teacher_steps
        sigmas = sampled_sigmas(self.recipe.noise, steps).to(clean)
        place = (draw.uniform("level", count) * steps).long().clamp(max=steps - 1)
        sigma, lower = sigmas[place], sigmas[place + 1]
        noise = draw.normal("noise", count, *self.spec.shape).to(clean)
        x = clean + sigma[:, None, None, None] * noise
        with torch.no_grad():
            ahead = self.stepped(x, sigma, lower, clean, labels)
            last = (lower == 0)[:, None, None, None]
            wanted = torch.where(last, ahead, self.network(ahead, torch.where(lower > 0, lower, sigma), labels))
        apart = (self.network(x, sigma, labels) - wanted).square().flatten(1).mean(1)
        return apart / self.network.sigma_data.square()

    def stepped(self, x: Tensor, sigma: Tensor, lower: Tensor, clean: Tensor, labels: Tensor | None) -> Tensor:
        """Where a step of the probability flow leads: by the teacher, after Heun; by the data, with the same noise.

        Args:
            x: States.  # [N, C, H, W]
            sigma: Their levels.  # [N]
            lower: The levels that the step leads to; to 0 it is one of Euler's.  # [N]
            clean: The pictures in the states.
            labels: Of each.
        """
        wide, down = sigma[:, None, None, None], lower[:, None, None, None]
        if self.teacher is None:
            return clean + down / wide * (x - clean)
        slope = (x - self.taught(x, sigma, labels)) / wide
        ahead = x + (down - wide) * slope
        some = torch.where(lower > 0, lower, sigma)
        again = (ahead - self.taught(ahead, some, labels)) / some[:, None, None, None]
        return torch.where(down > 0, x + (down - wide) * (slope + again) / 2, ahead)

    def taught(self, x: Tensor, sigma: Tensor, labels: Tensor | None) -> Tensor:
        """What the teacher takes the data to be, with its guidance.  # [N, C, H, W]"""
        assert self.teacher is not None
        teacher: Any = self.teacher.eval()
        told: Tensor = teacher(x, sigma, labels)
        if labels is None or self.recipe.guidance == 1:
            return told
        return torch.lerp(teacher(x, sigma), told, self.recipe.guidance)

    def judge(self, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
        """What the discriminator says of pictures in [-1, 1]."""
        verdict: DiscriminatorOutput = self.discriminator.judge(images, labels if self.classes else None)
        return verdict

    def real(self, batch: Batch) -> Tensor:
        """The batch's pictures as the discriminator is shown them."""
        return batch.main

    def evaluate(self, batch: Batch, draw: Draws) -> Mapping[str, Tensor]:
        """The consistency loss of held-out pictures."""
        return {"consistency": self.consistency(batch, draw)}

    def stations(self, steps: int) -> Tensor:
        """The levels from which the student leaps, in order; float64.  # [steps]"""
        return sampled_sigmas(self.recipe.noise, steps + 1)[:steps]

    def generate(self, latents: Tensor, labels: Tensor | None = None, *, sampling: Sampling | None = None) -> Tensor:
        """Samples in [-1, 1]: a leap from noise, and others from the result with new noise of lower levels.

        Args:
            latents: The noise.  # [n, C H W]
            labels: Classes; of a conditional model without them, pictures of any.
            sampling: Steps, which are evaluations of the network; the new noise.

        Raises:
            UsageError: More steps than there are levels.
        """
        sampling = sampling or Sampling(SampleDraws(0, range(len(latents))))
        steps = self.recipe.sampling_steps if sampling.steps is None else sampling.steps
        if not 1 <= steps < STEPS:
            raise UsageError(f"steps is {steps:,}, but a student takes 1 to {STEPS - 1}. Type --steps 2.")
        labels = labels if self.classes else None
        noise, made = latents.unflatten(1, self.spec.shape), torch.zeros((), device=latents.device)
        for step, sigma in enumerate(self.stations(steps).tolist()):
            if step:
                noise = sampling.draws.normal(f"step-{step}", len(latents), *self.spec.shape).to(latents)
            level = torch.full((len(latents),), sigma, device=latents.device, dtype=latents.dtype)
            made = self.network(made + sigma * noise, level, labels)
            sampling.report(step + 1, steps)
        return (made + self.network.centre).clamp(-1, 1)
