"""Records of right runs, made by this package's own chain, and how they are written."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from refimpl.audit import audit
from refimpl.equations import Gaussian, Step, expand_like, gaussian, grpo, kl, paths, policy, sde
from refimpl.simulate import grids


def record(
    batch=12, shape=(2, 5, 4), T=10, a=0.7, dtype=torch.float64, seed=0, order="rows",
    boundary=sde.next_level, grid=grids.sd35_once_shifted, last=True,
):  # fmt: skip
    """A right record as a dict of tensors: T − 1 noisy steps of `batch` samples."""
    draw = torch.Generator().manual_seed(seed)

    def randn(*size):
        return torch.randn(*size, generator=draw, dtype=torch.float64).to(dtype)

    x, pull = randn(batch, *shape), 0.3 * randn(*shape)
    made = {}
    steps = grid(T).steps
    for step in steps[:-1] if last else steps:
        t = expand_like(torch.full((batch,), step.t, dtype=dtype), x)
        s = expand_like(torch.full((batch,), step.s, dtype=dtype), x)
        now = Step(t, s)
        v = 0.8 * x + pull
        v_ref = v + 0.05 * randn(batch, *shape)
        g = sde.flow_grpo_g(t, a, boundary(now))
        kernel = sde.transition(paths.linear(t), x, v, g, now)
        noise = randn(batch, *shape)
        x_s = kernel.sample(noise)
        values = {
            "x_t": x, "x_s": x_s, "t": t.reshape(batch), "s": s.reshape(batch), "v": v,
            "v_ref": v_ref, "mean": kernel.mean, "std": kernel.std.reshape(batch),
            "g": g.reshape(batch), "noise": noise,
        }  # fmt: skip
        if a > 0:
            values["log_prob"] = policy.total(kernel.log_prob(x_s))
            values["kl"] = policy.total(kl.flow_grpo(v, v_ref, g, t, now.h))
        for name, value in values.items():
            made.setdefault(name, []).append(value)
        x = x_s
    if order == "rows":
        return {name: torch.cat(parts) for name, parts in made.items()}
    dim = {"steps first": 0, "batch first": 1}[order]
    return {name: torch.stack(parts, dim=dim) for name, parts in made.items()}


def rows(c, name):
    """A row quantity shaped to meet latents."""
    return c[name].reshape(-1, 1, 1, 1)


def rewards(groups=6, size=4, seed=0, dtype=torch.float64, **rule):
    """Rewards, groups and advantages of a batch."""
    draw = torch.Generator().manual_seed(seed)
    r = 3 + torch.randn(groups, size, generator=draw, dtype=dtype)
    made = grpo.advantage(r, **({"std": "group", "ddof": 0, "eps": 0.0} | rule))
    ids = torch.arange(groups).repeat_interleave(size)
    return {"rewards": r.reshape(-1), "groups": ids, "advantages": made.reshape(-1)}


def rescored(c, x=None):
    """The right log-probability of x (or the stored x_s) under the record's means."""
    kernel = Gaussian(c["mean"], rows(c, "std"))
    return policy.total(gaussian.log_prob(c["x_s"] if x is None else x, kernel.mean, kernel.std))


@pytest.fixture
def judge(tmp_path):
    """Write a dict as safetensors, audit it, and give the findings by subject."""

    def run(content, manifest=None):
        path = tmp_path / "record.safetensors"
        save_file(
            {
                k: torch.as_tensor(x).clone(memory_format=torch.contiguous_format)
                for k, x in content.items()
            },
            path,
        )
        report = audit(path, manifest)
        return {f.subject: f for f in report.findings} | {"report": report}

    return run


@pytest.fixture
def writers(tmp_path):
    """By kind of file, a function that writes a dict and returns its path."""

    def safetensors(content):
        save_file({k: x.contiguous() for k, x in content.items()}, tmp_path / "r.safetensors")
        return tmp_path / "r.safetensors"

    def npz(content, save=np.savez):
        arrays = {
            k: (x.float() if x.dtype == torch.bfloat16 else x).numpy() for k, x in content.items()
        }
        save(tmp_path / "r.npz", **arrays)
        return tmp_path / "r.npz"

    def saved(content):
        torch.save(content, tmp_path / "r.pt")
        return tmp_path / "r.pt"

    return {
        "safetensors": safetensors, "npz": npz, "torch": saved,
        "compressed": lambda content: npz(content, np.savez_compressed),
    }  # fmt: skip


@pytest.fixture
def make():
    """The makers of this file."""
    return record


@pytest.fixture
def kit():
    """Helpers by name."""
    return {"rows": rows, "rewards": rewards, "rescored": rescored}
