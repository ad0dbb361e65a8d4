"""The replay pool and the strength of ADA are the same in two processes as in one."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
import torch
from belamy.networks.pool import Pool
from belamy.networks.views.adaptive import View
from belamy.seeds import Draws

torch.set_num_threads(1)
rank, store = int(sys.argv[1]), sys.argv[2]


def shown(pool, rank, world):
    rows = []
    for step in range(12):
        images = (torch.arange(8.0) + 8 * step)[:, None, None, None].expand(-1, 1, 2, 2)
        share = slice(rank * 8 // world, (rank + 1) * 8 // world)
        seen, labels = pool.exchange(images[share], images[share, 0, 0, 0].long(), Draws(0, step, rank, world))
        assert torch.equal(seen[:, 0, 0, 0].long(), labels)
        rows.append(labels)
    return torch.stack(rows)


alone = Pool(6, (1, 2, 2))
expected = shown(alone, 0, 1)
torch.distributed.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=2)
pool = Pool(6, (1, 2, 2))
assert torch.equal(shown(pool, rank, 2), expected[:, 4 * rank : 4 * rank + 4])
assert torch.equal(pool.images, alone.images) and torch.equal(pool.labels, alone.labels)

view = View((3, 8, 8), speed=100)
for _ in range(4):  # r_t is 1 in one process and 0.6, the target, in the other: 0.8 together
    view.observe(torch.ones(5) if rank else torch.tensor([1.0, 1.0, 1.0, 1.0, -1.0]))
assert abs(float(view.strength) - 0.4) < 1e-6, view.strength
for _ in range(4):
    view.observe(torch.ones(5) if rank else -torch.ones(5))
assert float(view.strength) == 0, view.strength
torch.distributed.destroy_process_group()
"""


def test_two_processes_share_pool_and_strength(tmp_path):
    script, source = tmp_path / "share.py", Path(__file__).parents[3] / "src"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    commands = [[sys.executable, str(script), str(rank), str(tmp_path / "store")] for rank in (0, 1)]
    running = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for command in commands]
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in running]
    assert [code for _, code in ended] == [0, 0], "\n".join(errors[-2000:] for errors, _ in ended)
