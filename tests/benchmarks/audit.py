"""Time the audit of a large dump beside one float64 pass over the same file.

    python tests/benchmarks/audit.py [--gib 1] [--dims 16384] [--folder DIR]

The floor is what no audit can avoid: every number is read once, converted to float64, multiplied
and added up. Both are timed by the processor, in turns; a machine that is busy with other work
slows both, the audit more, since it needs more of the cache. Beside them stands the disk: the same
bytes read once, after the system was told to forget them.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from refimpl.audit import audit
from refimpl.audit.reading.files import open_dump
from refimpl.equations import kl, paths, policy, sde
from refimpl.simulate import grids

LATENTS = ("x_t", "x_s", "v", "v_ref", "noise")
CHUNK = 2**17


def dump(path: Path, gib: float, dims: int) -> None:
    """A right record of float32 rollouts, ten steps each but for the last."""
    draw = torch.Generator().manual_seed(0)
    steps = grids.sd35_once_shifted(10).steps[:-1]
    rows = max(1, int(gib * 2**30 / (len(LATENTS) * 4 * dims) / len(steps)))
    made: dict[str, list[torch.Tensor]] = {}
    x = torch.randn(rows, dims, generator=draw)
    for step in steps:
        v, noise = torch.randn(2, rows, dims, generator=draw)
        v_ref = v + 0.01 * torch.randn(rows, dims, generator=draw)
        g = sde.flow_grpo_g(step.t, 0.7, sde.next_level(step))
        kernel = sde.transition(paths.linear(step.t), x, v, g, step)
        x_s = kernel.sample(noise)
        one = torch.ones(rows, dtype=torch.float64)
        row = {
            "x_t": x, "x_s": x_s, "v": v, "v_ref": v_ref, "noise": noise,
            "t": step.t * one, "s": step.s * one, "std": float(kernel.std) * one,
            "log_prob": policy.total(kernel.log_prob(x_s)),
            "kl": policy.total(kl.flow_grpo(v, v_ref, g, step.t, step.h)),
        }  # fmt: skip
        for name, value in row.items():
            made.setdefault(name, []).append(value)
        x = x_s
    save_file({name: torch.cat(parts) for name, parts in made.items()}, path)


def one_pass(path: Path) -> float:
    """Every number of the file, as float64, squared and added up."""
    total, room = 0.0, torch.empty(CHUNK, dtype=torch.float64)
    for column in open_dump(path)[0].columns.values():
        width = max(1, torch.Size(column.shape[1:]).numel())
        size = max(1, CHUNK // width)
        for a in range(0, column.shape[0], size):
            read = column.read(a, min(a + size, column.shape[0])).flatten()
            x = room[: len(read)].copy_(read)
            total += float(torch.dot(x, x))
    return total


def from_disk(path: Path) -> None:
    """The bytes of the file, not those that are still in memory."""
    with open(path, "rb", buffering=0) as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while file.read(2**24):
            pass


def seconds(call: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """The time of one call."""
    start = clock()
    call()
    return clock() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time the audit of a dump.")
    parser.add_argument("--gib", type=float, default=1.0)
    parser.add_argument("--dims", type=int, default=16384)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder) / "record.safetensors"
        dump(path, given.gib, given.dims)
        disk = statistics.median(
            seconds(lambda: from_disk(path), time.perf_counter) for _ in range(given.repeat)
        )
        one_pass(path)  # the file is in memory from here on, for both
        pairs = [(seconds(lambda: one_pass(path)), seconds(lambda: audit(path))) for _ in
                 range(given.repeat)]  # fmt: skip
        if not audit(path).consistent:
            raise SystemExit("a right record was found wrong")
        size = path.stat().st_size / 2**30
    floor, whole = (statistics.median(x) for x in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{size:.2f} GiB, D = {given.dims}, one thread; medians of {given.repeat}")
    print(f"disk             {disk:7.2f} s   {size / disk:5.2f} GiB/s")
    print(f"one float64 pass {floor:7.2f} s   {size / floor:5.2f} GiB/s")
    print(f"audit            {whole:7.2f} s   {size / whole:5.2f} GiB/s   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
