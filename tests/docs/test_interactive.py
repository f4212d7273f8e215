"""The picture of the first page computes what the package computes: its closed forms, in node."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from refimpl.equations import Step, conversions, paths, sde
from refimpl.simulate import diffusion, grids, laws
from refimpl.simulate.sde import denoising
from refimpl.toy import field
from refimpl.toy.examples import gaussian, mixture

from .scripts import INTERACTIVE, cases, held, node

SCRIPT = INTERACTIVE / "marginals.js"
DATA = mixture([0.35, 0.65], [[-1.6], [1.2]], [[0.25], [0.4]])
F64 = torch.float64

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")


@pytest.mark.parametrize(
    ("id", "call", "order"),
    [
        ("sde.flow_grpo_drift", "m.drift(...r)", "xvgt"),
        ("sde.flow_grpo_g", "m.coefficient(...r)", ("t", "a", "inside")),
    ],
)
def test_its_closed_forms_give_the_test_vectors(id: str, call: str, order: Any) -> None:
    assert held(id, SCRIPT, call, order) > 10


@pytest.mark.parametrize("t", [0.02, 0.3, 0.75, 0.99])
def test_density_score_and_velocity_are_those_of_the_mixture(t: float) -> None:
    x = np.linspace(-3, 3, 25)
    at = torch.tensor(x, dtype=F64)[:, None]
    noised = DATA.at(paths.linear(t))
    exact = [
        noised.log_density(at).exp(),
        noised.score(at)[:, 0],
        DATA.velocity(paths.linear(t), at)[:, 0],
    ]
    got = node(
        "[m.density, m.score, m.velocity].map(f => given.x.map(x => f(x, given.t)))",
        {"x": list(x), "t": t},
        SCRIPT,
    )
    for mine, theirs in zip(got, exact, strict=True):
        np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-11, atol=1e-13)


def test_a_step_is_the_transition_and_each_planted_mistake_is_another_one() -> None:
    for t, s in ((1.0, 0.9), (0.5, 0.4)):
        step = Step(t, s)
        v = float(DATA.velocity(paths.linear(t), torch.tensor([0.3], dtype=F64)))
        g = float(sde.flow_grpo_g(t, 0.7, inside=sde.next_level(step)))
        right = sde.transition(paths.linear(t), 0.3, v, g, step)
        got = node(
            "['none', 'sign', 'missing', 'root'].map(k => m.step(0.3, given[0], given[1], 0.7, k))",
            [t, s],
            SCRIPT,
        )
        score = conversions.score_from_velocity(paths.linear(t), 0.3, v)
        wanted = [
            (right.mean, right.std),
            (0.3 - step.h * sde.forward_drift(v, score, g), right.std),
            (0.3 - step.h * v, right.std),
            (right.mean, g * step.h),
        ]
        for mine, (mean, std) in zip(got, wanted, strict=True):
            assert mine["mean"] == pytest.approx(float(mean), rel=1e-12)
            assert mine["std"] == pytest.approx(float(std), rel=1e-12)


def test_its_chain_has_the_exact_law_on_gaussian_data() -> None:
    """The sample's std lies within 5 standard errors of the chain's exact one, n = 4000."""
    kernels = denoising(
        field(gaussian([1.5], [0.5])),
        grids.uniform(20),
        diffusion=diffusion.flow_grpo(0.7, sde.next_level),
    )
    law = laws.gaussian_law(kernels, torch.zeros(1, dtype=F64), torch.ones(1, dtype=F64))
    program = """(() => {
      Object.assign(m.DATA, { weights: [1], means: [1.5], stds: [0.5] });
      const draw = m.normals(4), starts = Array.from({ length: 4000 }, draw);
      return m.spread(m.rollout(starts, 20, 0.7, "none", 9).map(p => p[20]));
    })()"""
    exact = float(law.std[-1])
    assert abs(node(program, 0, SCRIPT) - exact) < 5 * exact / (2 * 4000) ** 0.5


def test_a_wrong_sign_in_the_script_is_noticed(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.js"
    source = SCRIPT.read_text("utf-8")
    assert "(x + (1 - t) * v)" in source
    wrong.write_text(source.replace("(x + (1 - t) * v)", "(x - (1 - t) * v)"), "utf-8")
    (inputs, expected), *_ = cases("sde.flow_grpo_drift")
    rows = np.stack(np.broadcast_arrays(*(inputs[k] for k in "xvgt")), -1).reshape(-1, 4)
    got = node("given.map(r => m.drift(...r))", rows.tolist(), wrong)
    assert not np.allclose(got, expected.reshape(-1), rtol=1e-3)
