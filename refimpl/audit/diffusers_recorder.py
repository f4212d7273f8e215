"""A recorder for diffusers' flow-matching pipelines: what `scheduler.step` was given and returned.

    with record(pipeline.scheduler, "runs/mine/record"):
        pipeline(prompt, ...)

Every call becomes one batch of rows: x_t, x_s, v, t, s, std. The step itself runs untouched.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from ..runs.recorder import Recorder


@contextmanager
def record(
    scheduler: Any, path: str | Path, manifest: Mapping[str, Any] | None = None
) -> Iterator[Recorder]:
    """Record every step of a FlowMatchEulerDiscreteScheduler while the context is open.

    Deterministic steps are Euler's, with std = 0. Stochastic ones predict the data and noise it
    again, x_s = (1 − s) (x_t − t v) + s ε, with std = s.

    Args:
        scheduler: the pipeline's; its `step` is wrapped, and put back at the end.
        path: the recorder's folder.
        manifest: conventions to store with the record.

    Yields:
        The recorder, for rewards and what else is worth keeping.

    Raises:
        TypeError: a scheduler whose steps are not these.
        ValueError: levels per token, which are no row's.
    """
    kind = type(scheduler).__name__
    if kind != "FlowMatchEulerDiscreteScheduler" or scheduler.config.invert_sigmas:
        raise TypeError(
            f"record() knows FlowMatchEulerDiscreteScheduler with rising noise levels, got {kind}"
        )
    original = scheduler.step
    with Recorder(path, manifest={"time": "noise", **(manifest or {})}) as recorder:

        def step(
            model_output: Tensor, timestep: Any, sample: Tensor, *args: Any, **kwargs: Any
        ) -> Any:
            if kwargs.get("per_token_timesteps") is not None:
                raise ValueError("record() keeps one noise level a sample, not one a token")
            given = sample.detach().clone()
            returned = original(model_output, timestep, sample, *args, **kwargs)
            after = returned[0] if isinstance(returned, tuple) else returned.prev_sample
            index = scheduler.step_index - 1
            t, s = scheduler.sigmas[index], scheduler.sigmas[index + 1]
            std = s if scheduler.config.stochastic_sampling else 0 * s
            recorder.step(x_t=given, x_s=after, v=model_output, t=t, s=s, std=std, step=index)
            return returned

        scheduler.step = step
        try:
            yield recorder
        finally:
            del scheduler.step
