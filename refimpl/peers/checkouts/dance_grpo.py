"""DanceGRPO (github.com/XueZeyue/DanceGRPO): constant g, groups in a row, from a checkout.

    refimpl check dance_grpo --path DIR

Everything is in the FLUX training script.
"""

from pathlib import Path
from typing import Any

import torch

from ..checkout import Checkout
from .stepping import FUNCTIONS, Base, Loss, named, settings, stepped

TRAIN = "fastvideo/train_grpo_flux.py"


def two(t: Any, s: Any) -> Any:
    """A schedule of one step."""
    return torch.stack([torch.as_tensor(t), torch.as_tensor(s)])


class Dance(Base):
    """The step and the lines of the training loop.

    Args:
        checkout: the checkout.
        library: its name here.
        file: where the step is.
        function: the step's name.
        conventions: beyond those of DanceGRPO.
    """

    def __init__(self, checkout: Checkout, library: str, file: str, function: str,
                 **conventions: Any) -> None:  # fmt: skip
        own = {"t": "scalar", "g": "constant", "a": 0.3, "boundary": "finite"}
        super().__init__(checkout, library, f"{library}, {function}", **own, **conventions)
        self._step = checkout.file(file).function(function, **FUNCTIONS)

    def sde_step(self, x: Any, v: Any, t: Any, s: Any, noise: Any) -> dict[str, Any]:
        x_s, _, log_prob = stepped(self._step, noise, v, x, 0.3, two(t, s), 0, None, True, True)
        mean = self._step(v, x, 0.3, two(t, s), 0, None, False, True)[0]
        return named(x_s, log_prob=log_prob, mean=mean)

    def ode_step(self, x: Any, v: Any, t: Any, s: Any) -> Any:
        return self._step(v, x, 0.3, two(t, s), 0, None, False, False)[0]

    def replay(self, x: Any, v: Any, t: Any, s: Any, x_s: Any) -> Any:
        return self._step(v, x, 0.3, two(t, s), 0, x_s, True, True)[2]


class Training(Base):
    """Grid, model time, advantages and loss of the training script."""

    def __init__(self, checkout: Checkout, library: str) -> None:
        own = {"sign": "loss", "advantage_ddof": 1, "advantage_eps": 1e-8, "grid": "shift 3",
               "model_time": "int(1000 t)", "t": "scalar"}  # fmt: skip
        super().__init__(checkout, library, f"{library}, training", **own)
        self._script = checkout.file(TRAIN)
        self._loss = Loss(self._script, new="new_log_probs")

    def schedule(self, steps: Any) -> Any:
        shift = self._script.function("sd3_time_shift")
        return self._script.value(
            "sigma_schedule",
            inside="sample_reference_model",
            at=1,
            torch=torch,
            args=settings(sampling_steps=int(steps), shift=3.0),
            sd3_time_shift=shift,
        )

    def model_time(self, t: Any) -> Any:
        inside = "run_sample_step"
        rows = [self._script.value("timestep_value", inside=inside, sigma=u) for u in t.reshape(-1)]
        return torch.tensor([float(row) for row in rows])

    def advantages(self, rewards: Any, group_size: Any) -> Any:
        samples = {"rewards": rewards}
        args = settings(num_generations=int(group_size))
        return self._script.value("n", "advantages", at=1, torch=torch, samples=samples, args=args)

    def ratio(self, log_prob: Any, log_prob_old: Any) -> Any:
        return self._loss.ratio(log_prob, log_prob_old)

    def surrogate(self, ratio: Any, advantage: Any, clip: Any) -> Any:
        return self._loss.surrogate(ratio, advantage, clip, end="loss")


def everything(path: Path) -> list[Any]:
    """Adapters of a checkout."""
    checkout = Checkout(path, TRAIN)
    return [Dance(checkout, "dance_grpo", TRAIN, "flux_step"), Training(checkout, "dance_grpo")]
