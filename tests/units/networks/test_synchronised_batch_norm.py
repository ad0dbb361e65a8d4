"""Batch normalisation over two processes equals one process on the whole batch, gradient penalty included."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn

from belamy.networks.layers import BatchNorm, GlobalAveragePool, KerasConv2d

SHARES = (3, 5)  # uneven, so that the weighting by counts shows


def critic() -> nn.Module:
    torch.manual_seed(1)
    layers = [KerasConv2d(2, 3, 3), BatchNorm(3), nn.LeakyReLU(0.2), GlobalAveragePool(), nn.Linear(3, 4)]
    return nn.Sequential(*layers, BatchNorm(4), nn.Softplus(), nn.Linear(4, 1)).double()


def images() -> Tensor:
    return torch.randn(sum(SHARES), 2, 4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 1


def measure(network: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Output, gradients of a gradient penalty (a derivative of a derivative), and moving statistics."""
    x = x.requires_grad_()
    scores = network(x)
    (slope,) = torch.autograd.grad(scores.square().sum(), x, create_graph=True)
    penalty = (slope.square().flatten(1).sum(1).sqrt() - 1).square().sum() + scores.sum()
    gradients = torch.autograd.grad(penalty, [x, *network.parameters()])
    results = {"scores": scores.detach(), "slope": slope.detach(), "of images": gradients[0]}
    results |= {f"of {name}": g for (name, _), g in zip(network.named_parameters(), gradients[1:], strict=True)}
    return results | {name: buffer.clone() for name, buffer in network.named_buffers()}


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    results = measure(critic(), images().split(SHARES)[rank])
    for name, value in results.items():
        if name.startswith("of ") and name != "of images":
            distributed.all_reduce(value)
    torch.save(results, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Tensor]]:
    folder = tmp_path_factory.mktemp("gloo")
    multiprocessing.spawn(work, args=(str(folder),), nprocs=2)
    return [torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in range(2)]


def test_two_processes_equal_one(shared: list[dict[str, Tensor]]) -> None:
    whole = measure(critic(), images())
    assert len(whole) == 17
    for name, value in whole.items():
        per_sample = name in ("scores", "slope", "of images")
        parts = value.split(SHARES) if per_sample else (value, value)
        for rank in range(2):
            torch.testing.assert_close(shared[rank][name], parts[rank], rtol=1e-10, atol=1e-12, msg=f"{name}, {rank}")


def test_each_process_alone_would_differ() -> None:
    """What the test above would miss if nothing were synchronised."""
    whole, part = measure(critic(), images()), measure(critic(), images().split(SHARES)[0])
    assert (whole["scores"][: SHARES[0]] - part["scores"]).abs().max() > 1e-3
