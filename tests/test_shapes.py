"""The shapes in annotations are true: a whole run under a type checker that reads them.

The hook rewrites modules as they are imported, so the run has a process of its own. Refusals are
not looked at here: under the hook a wrong shape is refused by the checker, before
our own validation.
"""

import os
import subprocess
import sys
from pathlib import Path

RUN = """
from jaxtyping import install_import_hook

PACKAGES = ["refimpl.toy", "refimpl.simulate", "refimpl.statistics"]
with install_import_hook(PACKAGES, "test_shapes.typechecker"):
    from refimpl.verify.samplers.sde import gaussian_chain_has_its_golden_law
    from refimpl.verify.statistics.paths import marginals_by_data_then_noise
    from refimpl.verify.statistics.policy import ratios_have_their_law
    from refimpl.verify.statistics.sde import transitions_have_white_residuals
    from refimpl.toy import gaussian_1d, grpo, mixture_2d, training
    from refimpl.toy.batches import from_law
    from refimpl.toy.losses import flow_matching
    from refimpl.toy.networks import MLP, build

import torch

torch.set_num_threads(1)
gaussian_chain_has_its_golden_law(0)
marginals_by_data_then_noise(0)
transitions_have_white_residuals(0)
ratios_have_their_law(0)
grpo.train(gaussian_1d(), lambda x: x[:, 0], grpo.Settings(iterations=2))
g = torch.Generator().manual_seed(0)
draw = from_law(mixture_2d(), 32)
training.train(build(lambda: MLP(2), g), flow_matching(), draw, training.Plan(3), generator=g)
try:
    mixture_2d().velocity(3, torch.zeros(2))
except Exception as error:
    print(type(error).__name__)
"""


def typechecker(function):
    """beartype, with an int taken where a float is written, as Python has it."""
    from beartype import BeartypeConf, beartype

    return beartype(conf=BeartypeConf(is_pep484_tower=True))(function)


def test_a_run_respects_its_annotated_shapes():
    here = Path(__file__).parent
    ran = subprocess.run(
        [sys.executable, "-c", RUN],
        env=os.environ | {"PYTHONPATH": f"{here}{os.pathsep}{here.parent}"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "TypeCheckError" in ran.stdout, "the hook was not at work: a wrong type went through"
