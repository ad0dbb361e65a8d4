"""WaveGAN, or another game of sounds, in CPU-minutes of one thread, judged by a small classifier of spectrograms.

``drums16k.npz`` holds hits of 8,192 samples as second differences in two byte planes, with ``labels`` and ``group``:
recordings that are alike. Groups are held out whole. A folder of sounds in class folders does too.

The recipe is made as long as the minutes are, by the time of a few steps, and judged after an eighth, a quarter, half
and all of them. The classifier learns the classes of the training sounds, and noise of four colours as a class of its
own. Measured are its accuracy for held-out sounds with and without noises, the share of generated sounds that it takes
for noise, and for the class that was asked for; the kernel distance of mel spectra from as many held-out sounds of each
class, beside that of the training sounds; and how much stronger tones at multiples of a quarter and a sixteenth of the
rate are than their neighbours, where strided layers leave a comb, in generated and in real sounds.

    python benchmarks/wavegan.py drums16k.npz FOLDER [--recipe specgan-small] [--minutes 15] [--seed 0] [OPTIONS OF IT]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from minutes import lasting, trained_through
from torch import Tensor, nn

from belamy import recipes
from belamy.cli.recipe_form import read
from belamy.data import Dataset, open_data
from belamy.data.assembly import categories
from belamy.data.dataset import Memory
from belamy.evaluation.features.mel import Extractor
from belamy.evaluation.metrics.kernel import Metric as Kernel
from belamy.modalities.audio import Modality
from belamy.modalities.fields import Field
from belamy.modalities.mel import log_mel
from belamy.runs.files import save_png
from belamy.sampling.draw import draw
from belamy.sampling.sheets import sheet_of
from belamy.seeds import generator
from belamy.training.distribution import World
from belamy.training.setup import Options, make_trainer
from belamy.training.trainer import Trainer
from belamy.training.watch.sound_faults import comb

KINDS = {
    "kick": "kick",
    "snare": "snare",
    "tom": "tom",
    "hat": "hat",
    "crash": "cymbal",
    "ride": "cymbal",
    "clap": "clap",
}
"""Classes by what the label holds; others are left out."""
JUDGED, EPOCHS = 400, 40


def drums(path: Path) -> Dataset:
    """The hits of the classes above, a fifth of the groups held out."""
    with np.load(path, allow_pickle=False) as held:
        planes, labels, groups = held["planes"], held["labels"].tolist(), held["group"]
    values = (planes[0].astype(np.uint16) << 8) | planes[1]
    waves = np.cumsum(np.cumsum(values, 1, dtype=np.uint16), 1, dtype=np.uint16).view(np.int16)
    kinds = [next((kind for word, kind in KINDS.items() if word in label), "") for label in labels]
    kept = np.array([index for index, kind in enumerate(kinds) if kind])
    names = np.unique(groups)
    order = torch.randperm(len(names), generator=generator(0, "groups")).numpy()
    out = np.isin(groups[kept], names[order[: len(names) // 5]])
    label = categories([kinds[index] for index in kept])
    sounds = torch.from_numpy(waves[kept].copy())[:, None]
    field = Field("audio", tuple(sounds.shape[1:]), rate=16000.0)
    official = {"train": torch.from_numpy(np.nonzero(~out)[0]), "test": torch.from_numpy(np.nonzero(out)[0])}
    return Dataset("drums16k", Memory(sounds), field=field, labels=label.codes, classes=label.values, official=official)


class Judge(nn.Module):
    """Classes, and noise as the last, of log-mel spectrograms."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for incoming, outgoing in ((1, 16), (16, 32), (32, 64)):
            layers += [
                nn.Conv2d(incoming, outgoing, 3, padding=1),
                nn.BatchNorm2d(outgoing),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2))
        self.head = nn.Linear(64, classes + 1)

    def forward(self, sounds: Tensor) -> Tensor:
        mel = log_mel(sounds.mean(1), 16000)[:, None]
        found: Tensor = self.head(self.layers((mel + 50) / 30))
        return found


def noise(count: int, shape: tuple[int, ...], seed: int) -> Tensor:
    """White, pink, brown and blue noise at random loudness, half of it fading.  # [count, *shape] in [-1, 1]"""
    numbers = generator(seed, "noise")
    white = torch.randn(count, *shape, generator=numbers)
    spectrum = torch.fft.rfft(white)
    tilt = torch.tensor([0.0, -0.5, -1.0, 0.5])[torch.arange(count) % 4].view(-1, 1, 1)
    frequencies = torch.arange(1, spectrum.shape[-1] + 1).view(1, 1, -1)
    coloured = torch.fft.irfft(spectrum * frequencies**tilt, n=shape[-1])
    coloured = coloured / coloured.abs().amax((1, 2), keepdim=True)
    fade = torch.linspace(0, 1, shape[-1])
    fade = torch.where((torch.arange(count) % 8 < 4).view(-1, 1, 1), (-3 * fade).exp(), torch.ones_like(fade))
    return coloured * fade * (0.1 + 0.9 * torch.rand(count, 1, 1, generator=numbers))


def judge_of(data: Dataset, seed: int = 0) -> tuple[Judge, float, float]:
    """A classifier of the training sounds; the share that it tells right of held-out sounds and noise, of sounds."""
    assert data.labels is not None
    classes = len(data.classes)
    parts = {}
    for split in ("train", "test"):
        indices = data.indices(split)
        real = data.batch(indices).main
        made = noise(max(40, len(indices) // classes), data.shape, seed + (split == "test"))
        labels = torch.cat([data.labels[indices], torch.full((len(made),), classes)])
        parts[split] = (torch.cat([real, made]), labels)
    torch.manual_seed(seed)
    judge = Judge(classes)
    optimizer = torch.optim.Adam(judge.parameters(), 2e-3)
    sounds, labels = parts["train"]
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(labels)).split(32):
            gain = 0.3 + 0.7 * torch.rand(len(chosen), 1, 1)
            loss = nn.functional.cross_entropy(judge(sounds[chosen] * gain), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    judge.eval()
    with torch.no_grad():
        sounds, labels = parts["test"]
        right = (judge(sounds).argmax(1) == labels).float()
        return judge, float(right.mean()), float(right[labels < classes].mean())


def alike(labels: Tensor, wanted: Tensor) -> Tensor:
    """Numbers of sounds that have the classes that are wanted, one for each as far as there are so many."""
    return torch.cat([(labels == each).nonzero()[: int((wanted == each).sum()), 0] for each in wanted.unique()])


def kernel_distance(data: Dataset, made: Tensor, labels: Tensor) -> float:
    """Of mel spectra of held-out sounds and of others of known classes, as many of each class.

    Args:
        data: Holds the real ones.
        made: The others.  # int16 [n, channels, samples]
        labels: Their classes.  # [n] long
    """
    assert data.labels is not None
    test = data.indices("test")
    chosen = alike(labels, data.labels[test])
    held_out = test[alike(data.labels[test], labels[chosen])]
    extractor, metric = Extractor(data.field), Kernel(subsets=0)
    metric.update(real=extractor.extract(data.store.read(held_out)), fake=extractor.extract(made[chosen]))
    return metric.compute()["kernel"]


def judged(trainer: Trainer, judge: Judge, data: Dataset, folder: Path, minutes: float) -> dict[str, Any]:
    """What samples are like now; their sheet and sounds go into the folder."""
    method = trainer.method
    with trainer.averages.in_place(method):
        raw = draw(method, JUDGED, seed=1)
    field, kind = method.output, Modality()
    sounds = kind.to_float(raw, field)
    classes = len(method.spec.classes)
    with torch.no_grad():
        said = torch.cat([judge(part) for part in sounds.split(100)]).argmax(1)
    save_png(sheet_of(raw[: 4 * classes], field, classes), folder / f"sheet-{minutes:g}.png")
    for number in range(2 * classes):
        (folder / f"{number:02d}-{method.spec.classes[number % classes]}.wav").write_bytes(
            kind.encode(raw[number], field)
        )
    asked = torch.arange(len(said)) % classes
    return {
        "cpu_minutes": minutes,
        "samples": trainer.clock.samples,
        "noise": float((said == classes).float().mean()),
        "class_as_asked": float((said == asked).float().mean()),
        "kernel": kernel_distance(data, raw, asked),
        "kinds": torch.bincount(said, minlength=classes + 1).tolist(),
        "comb_4": comb(sounds, 4),
        "comb_16": comb(sounds, 16),
        "rms": float(sounds.square().mean().sqrt()),
    }


def main() -> None:
    """Train, judge now and then, write figures.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="the archive, a folder of sounds in class folders, or the drums by formula: drums")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="wavegan-small")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seed", type=int, default=0)
    chosen, options = parser.parse_known_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    usual = recipes.get(chosen.recipe)
    changes, _ = read(usual, options, "benchmarks/wavegan.py")
    usual = usual.changed(seed=chosen.seed, **changes)
    length = usual.length or 8192
    archive = chosen.data.endswith(".npz")
    data = (
        drums(Path(chosen.data))
        if archive
        else open_data(chosen.data, rate=16000, length=length, modality=usual.modality)
    )
    judge, accuracy, of_sounds = judge_of(data)
    train = data.indices("train")
    real = data.batch(train).main
    assert data.labels is not None
    figures: list[dict[str, Any]] = [{
        "what": data.name, "train": len(train), "test": len(data.indices("test")),
        "classes": list(data.classes), "judge_held_out": accuracy, "judge_held_out_sounds": of_sounds,
        "kernel": kernel_distance(data, data.store.read(train), data.labels[train]),
        "comb_4": comb(real, 4), "comb_16": comb(real, 16),
        "rms": float(real.square().mean().sqrt()),
    }]  # fmt: skip
    recipe = lasting(usual, data, Options(device="cpu"), chosen.minutes)
    trainer = make_trainer(recipe, data.spec, data, Options(device="cpu"), World())
    for share, spent in trained_through(trainer, looks=(0.125, 0.25, 0.5, 1.0)):
        figures.append(judged(trainer, judge, data, chosen.folder, spent))
        sys.stdout.write(json.dumps({"share": share, **figures[-1]}) + "\n")
        sys.stdout.flush()
        (chosen.folder / "figures.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
