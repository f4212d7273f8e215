"""FlowCPS (github.com/IamCreateAI/FlowCPS): coefficient-preserving sampling, from a checkout.

    refimpl check flow_cps --path DIR

Forked from flow_grpo: the same files, another step and another KL.
"""

from pathlib import Path
from typing import Any

from ..checkout import Checkout
from .flow_grpo import CPS, STEP, TRAIN, Step, Training


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, STEP, TRAIN, "flow_grpo/stat_tracking.py")
    return [
        Step(checkout, "flow_cps", "cps", **CPS),
        Training(checkout, "flow_cps", kl="means"),
    ]
