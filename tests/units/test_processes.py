"""What a loss makes of a batch does not depend on how many processes share it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing

from belamy.processes import gather, rank
from belamy.registry import Part, Registry

ADVERSARIAL = Registry("belamy.losses.adversarial", "adversarial loss", "Adversarial")
WEIGHTINGS = Registry("belamy.losses.weightings", "weighting", "Weighting")
BASES = ("non-saturating", "least-squares", "hinge")


def scores() -> tuple[Tensor, Tensor]:
    real, fake = torch.randn(2, 12, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return real + 1, fake


def measure(real: Tensor, fake: Tensor, processes: int) -> dict[str, Tensor]:
    """Per sample: losses, their gradients by the scores and weights; ``k`` and ``convergence`` of the batch."""
    results = {}
    for base in BASES:
        loss = ADVERSARIAL.build(Part(name="relativistic-average", base=base))
        inputs = [real.clone().requires_grad_(), fake.clone().requires_grad_()]
        for side, value in (("D", loss.discriminator(*inputs)), ("G", loss.generator(inputs[1], inputs[0]))):
            # each process takes its own mean, and the trainer averages the gradients over the processes
            slopes = torch.autograd.grad(value.mean() / processes, inputs)
            results |= {
                f"{base} {side}": value.detach(),
                f"{base} {side} real": slopes[0],
                f"{base} {side} fake": slopes[1],
            }
    results["top-k"] = WEIGHTINGS.build(Part.parse("top-k:floor=0.25,until=0")).fake(fake, 0.0)
    results["dropped-modes"] = WEIGHTINGS.build(Part(name="dropped-modes")).real(real, 0.0)
    boundary = ADVERSARIAL.build(Part(name="boundary-equilibrium", rate=0.1)).double()
    return results | boundary.observe(real - 9, fake - 3)


def work(number: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=number, world_size=2)
    results = measure(*(values.chunk(2)[number] for values in scores()), 2)
    matrix = torch.arange(4.0).view(2, 2) + 10 * number
    results |= {"matrix": gather(matrix), "row": gather(matrix)[rank()]}
    torch.save(results, f"{folder}/{number}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Tensor]]:
    folder = tmp_path_factory.mktemp("gloo")
    multiprocessing.spawn(work, args=(str(folder),), nprocs=2)
    return [torch.load(Path(folder) / f"{number}.pt", weights_only=True) for number in range(2)]


def test_two_processes_equal_one(shared: list[dict[str, Tensor]]) -> None:
    whole = measure(*scores(), 1)
    assert len(whole) == 22
    for name, value in whole.items():
        parts = value.chunk(2) if value.dim() else (value, value)
        for number in range(2):
            torch.testing.assert_close(shared[number][name], parts[number], rtol=1e-10, atol=1e-12, msg=name)


def test_rows_are_in_order(shared: list[dict[str, Tensor]]) -> None:
    first = torch.arange(4.0).view(2, 2)
    for number in range(2):
        assert torch.equal(shared[number]["matrix"], torch.stack([first, first + 10]))
        assert torch.equal(shared[number]["row"], first + 10 * number)


def test_each_process_alone_would_differ() -> None:
    """What the test above would miss if nothing were gathered."""
    whole, part = measure(*scores(), 1), measure(*(values.chunk(2)[0] for values in scores()), 1)
    for name, value in whole.items():
        assert not torch.allclose(value[:6] if value.dim() else value, part[name], rtol=1e-3), name
