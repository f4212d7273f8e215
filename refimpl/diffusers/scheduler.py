"""Flow-GRPO's steps inside a pipeline of diffusers that was not written for them.

    pipe.scheduler = FlowGRPOScheduler.from_config(pipe.scheduler.config, method="flow_grpo")
    pipe.scheduler.generator = torch.Generator().manual_seed(0)
    pipe(...)                                 the pipeline as it is, shifts and guidance its own
    pipe.scheduler.kept                       of each noisy step: x_t, v, x_s, log-probabilities

Levels, shifts and everything else that is not a step are `FlowMatchEulerDiscreteScheduler`'s,
which this is; so are the steps that draw no noise, to the last bit. A noisy step is a draw from the
method's kernel, read off in float64; what is scored is the latent that the pipeline is handed.
"""

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.configuration_utils import register_to_config
from diffusers.utils import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from .. import methods
from ..equations import conventions
from ..equations.gaussian import Gaussian
from ..methods import Affine, Method, Plan
from ..runs import Recorder
from ..simulate import grids
from ..simulate.grids import Grid
from .conventions import manifest

Generator = torch.Generator | list[torch.Generator]
_FLOW = "flow_prediction"
_NO_FLOW = (
    "Flow-GRPO steps a flow, and this is the configuration of another scheduler: it has neither a "
    f"`shift`, nor a `flow_shift` with prediction_type={_FLOW!r} or use_flow_sigmas"
)


@dataclass
class FlowGRPOSchedulerOutput(BaseOutput):  # type: ignore[misc]
    """What a step gives.

    Attributes:
        prev_sample: x_s, in the model's dtype.
        log_prob: log p(x_s | x_t) of each sample, float64, reduced as the method says; None where
            the step drew no noise.
    """

    prev_sample: Tensor
    log_prob: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Kept:
    """A noisy step, as training will need it.

    Attributes:
        index: of the grid, 0 the noisiest.
        t, s: its levels.
        x_t, x_s, v: as the pipeline had them, copied: pipelines write into their latents. Rows are
            samples.
        log_prob: shape (B,), float64.
    """

    index: int
    t: float
    s: float
    x_t: Tensor
    x_s: Tensor
    v: Tensor
    log_prob: Tensor


class FlowGRPOScheduler(FlowMatchEulerDiscreteScheduler):  # type: ignore[misc]
    """A flow scheduler whose steps are a method's.

    Args:
        method: a preset of `refimpl.methods` by name, or the settings of a `Method`.
        noise: a level instead of the method's; 0 leaves every step to the flow's ODE.
        seed: of windows that are drawn; which iteration it is, is `scheduler.iteration`.
        num_train_timesteps, ...: of `FlowMatchEulerDiscreteScheduler`.

    Attributes:
        generator: of the noise, one or a list with one a sample. No global generator is read.
        keep: whether noisy steps are kept in `kept`, which `set_timesteps` empties.
        recorder: gets every noisy step, for `refimpl audit`; see `recording`.
        copies: the schedulers of other latents, sound beside a film (LTX-2), say: pipelines copy
            this one for them. They draw from the same generator, or all latents would have the same
            noise. The likelihood of a step is the product, so log-probabilities add up.

    With `invert_sigmas` (Mochi) the pipeline's time rises from noise to data and its network gives
    dx/dτ; the grid is still that of falling levels, and v is turned where it is used.

    Raises:
        ValueError: an unknown method, or a scheduler that draws noise of its own.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        num_train_timesteps: int = 1000,
        shift: float = 1.0,
        use_dynamic_shifting: bool = False,
        base_shift: float | None = 0.5,
        max_shift: float | None = 1.15,
        base_image_seq_len: int = 256,
        max_image_seq_len: int = 4096,
        invert_sigmas: bool = False,
        shift_terminal: float | None = None,
        use_karras_sigmas: bool = False,
        use_exponential_sigmas: bool = False,
        use_beta_sigmas: bool = False,
        time_shift_type: str = "exponential",
        stochastic_sampling: bool = False,
        method: str | dict[str, Any] = "flow_grpo",
        noise: float | None = None,
        seed: int = 0,
    ) -> None:
        if stochastic_sampling:
            raise ValueError(
                "FlowGRPOScheduler draws the noise itself, by the method: give "
                "stochastic_sampling=False, got True"
            )
        super().__init__(
            num_train_timesteps=num_train_timesteps,
            shift=shift,
            use_dynamic_shifting=use_dynamic_shifting,
            base_shift=base_shift,
            max_shift=max_shift,
            base_image_seq_len=base_image_seq_len,
            max_image_seq_len=max_image_seq_len,
            invert_sigmas=invert_sigmas,
            shift_terminal=shift_terminal,
            use_karras_sigmas=use_karras_sigmas,
            use_exponential_sigmas=use_exponential_sigmas,
            use_beta_sigmas=use_beta_sigmas,
            time_shift_type=time_shift_type,
        )
        self.method, self.quiet = _method(method, noise), noise == 0
        self.register_to_config(method=asdict(self.method))
        self.iteration = 0
        self.generator: Generator | None = None
        self.keep = True
        self.kept: list[Kept] = []
        self.recorder: Recorder | None = None
        self.copies: list[FlowGRPOScheduler] = []
        self._grid: Grid | None = None
        self._laws: tuple[Affine, ...] | None = None

    @classmethod
    def from_config(
        cls, config: Any = None, return_unused_kwargs: bool = False, **kwargs: Any
    ) -> Any:
        """A scheduler with another flow scheduler's settings, as `diffusers` makes them.

        Solvers that call their shift `flow_shift` (Wan's UniPC, Sana's DPM++) give it; their levels
        are spaced otherwise by a little, and are here `FlowMatchEulerDiscreteScheduler`'s.

        Raises:
            ValueError: the configuration of a scheduler that is not a flow's.
        """
        if "flow_shift" in config and "shift" not in config:
            if not (config.get("use_flow_sigmas") or config.get("prediction_type") == _FLOW):
                raise ValueError(_NO_FLOW)
            kwargs = {"shift": config["flow_shift"], **kwargs}
        elif config and "shift" not in config:
            raise ValueError(_NO_FLOW)
        return super().from_config(config, return_unused_kwargs, **kwargs)

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: str | torch.device | None = None,
        sigmas: list[float] | None = None,
        mu: float | None = None,
        timesteps: list[float] | None = None,
    ) -> None:
        """Levels, as the pipeline asks for them; what was kept of the last rollout is forgotten."""
        super().set_timesteps(num_inference_steps, device, sigmas, mu, timesteps)
        self.kept = []
        self._grid = self._laws = None

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Start at a later level, as pipelines do that begin with a picture."""
        super().set_begin_index(begin_index)
        self._grid = self._laws = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "FlowGRPOScheduler":
        """A scheduler for another latent of the same rollout; see `copies`."""
        if any(other.step_index is not None for other in self.copies):
            self.copies = []  # they stepped in a rollout before
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        shared = {"generator": self.generator, "recorder": self.recorder, "kept": [], "copies": []}
        for name, value in vars(self).items():
            setattr(made, name, shared[name] if name in shared else copy.deepcopy(value, memo))
        self.copies.append(made)
        return made

    @property
    def grid(self) -> Grid:
        """The levels of the rollout under way, from its first to its last.

        Raises:
            ValueError: levels that do not fall.
        """
        if self._grid is None:
            levels = self.sigmas[self._begun :].tolist()
            if self.config.invert_sigmas:
                levels = [conventions.flip_time(level) for level in levels]
            self._grid = grids.from_levels(levels)
        return self._grid

    @property
    def _begun(self) -> int:
        return self.begin_index or 0

    @property
    def plan(self) -> Plan:
        """Which steps draw noise in this iteration, and which of them are trained.

        A rollout of a single step has no other one that could be left untrained.
        """
        if self.quiet:
            return Plan((False,) * self.grid.T, (), ())
        method = self.method if self.grid.T > 1 else self.method.but(skip_last=False)
        return methods.plan(method, self.grid, self.iteration, self.config.seed)

    def recording(self, path: Any) -> Recorder:
        """A recorder of every noisy step from now on; close it, or use it in a `with`."""
        self.recorder = Recorder(path, manifest(self.method))
        return self.recorder

    def step(
        self,
        model_output: Tensor,
        timestep: float | Tensor,
        sample: Tensor,
        s_churn: float = 0.0,
        s_tmin: float = 0.0,
        s_tmax: float = float("inf"),
        s_noise: float = 1.0,
        generator: Generator | None = None,
        per_token_timesteps: Tensor | None = None,
        return_dict: bool = True,
    ) -> FlowGRPOSchedulerOutput | tuple[Tensor, Tensor | None]:
        """x_s ~ N(mean_i(x_t, v), std_i²), or the flow's Euler step where none is drawn.

        Args:
            model_output: v, guided as the pipeline guides it.
            timestep: one of `timesteps`.
            sample: x_t.
            generator: of this step's noise, where `self.generator` is None: some pipelines hand on
                the one that their own first noise came from.
            per_token_timesteps: levels by token, which no kernel here knows; for steps without
                noise only.

        Raises:
            ValueError: noise without a generator, or levels by token in a noisy step.
        """
        if self.step_index is None:
            self._init_step_index(timestep)
        i = int(self.step_index) - self._begun
        if not self.plan.noisy[i]:
            (x_s,) = super().step(model_output, timestep, sample, generator=generator,
                                  per_token_timesteps=per_token_timesteps,
                                  return_dict=False)  # fmt: skip
            return self._given(x_s, None, return_dict)
        if per_token_timesteps is not None:
            raise ValueError("a noisy step has one level; per_token_timesteps are for noise=0")
        x_s = self._drawn(i, sample, model_output, self.generator or generator)
        log_prob = self._scored(i, sample, model_output, x_s)
        self._step_index += 1
        return self._given(x_s, log_prob, return_dict)

    def log_prob(self, index: int, x_t: Tensor, v: Tensor, x_s: Tensor) -> Tensor:
        """log p(x_s | x_t) of each sample under the velocity v, float64, with v's gradient.

        Args:
            index: of the step.
            v: as the pipeline hands it to `step`.
        """
        law = self._law(index, x_t.double(), v.double())
        return methods.log_prob(self.method, law, x_s.double())

    @property
    def laws(self) -> tuple[Affine, ...]:
        """Every step's law, were it noisy."""
        if self._laws is None:
            self._laws = methods.affine(self.method, self.grid)
        return self._laws

    def _law(self, i: int, x: Tensor, v: Tensor) -> Gaussian:
        return self.laws[i].law(x, self._falling(v))

    def _falling(self, v: Tensor) -> Tensor:
        """dx/dt for falling levels."""
        return conventions.flip_velocity(v) if self.config.invert_sigmas else v

    def _drawn(self, i: int, x: Tensor, v: Tensor, generator: Generator | None) -> Tensor:
        if generator is None:
            raise ValueError(
                "a noisy step needs a generator: scheduler.generator = "
                "torch.Generator().manual_seed(0), or noise=0 for the flow's ODE"
            )
        noise = randn_tensor(x.shape, generator=generator, device=x.device, dtype=torch.float32)
        x_s: Tensor = self._law(i, x.float(), v.float()).sample(noise)
        return x_s.to(v.dtype)

    def _scored(self, i: int, x: Tensor, v: Tensor, x_s: Tensor) -> Tensor:
        log_prob = self.log_prob(i, x, v, x_s).detach()
        t, s = self.grid.levels[i], self.grid.levels[i + 1]
        if self.keep:
            x_t, kept_x_s, kept_v = (tensor.detach().clone() for tensor in (x, x_s, v))
            self.kept.append(Kept(i, t, s, x_t, kept_x_s, kept_v, log_prob))
        if self.recorder is not None:
            law, rows = self._law(i, x.double(), v.double()), len(x)
            self.recorder.step(
                x_t=x, x_s=x_s, v=self._falling(v), mean=law.mean, log_prob=log_prob,
                t=torch.full((rows,), t), s=torch.full((rows,), s),  # float32, as diffusers has it
                std=torch.full((rows,), float(law.std), dtype=torch.float64),
                step=torch.full((rows,), i),
            )  # fmt: skip
        return log_prob

    def _given(
        self, x_s: Tensor, log_prob: Tensor | None, return_dict: bool
    ) -> FlowGRPOSchedulerOutput | tuple[Tensor, Tensor | None]:
        if not return_dict:
            return x_s, log_prob
        return FlowGRPOSchedulerOutput(prev_sample=x_s, log_prob=log_prob)


def _method(method: str | dict[str, Any] | Method, noise: float | None) -> Method:
    """The method by name or settings, at the level that is asked for.

    Raises:
        ValueError: an unknown name or setting, or a level below 0.
    """
    if isinstance(method, str):
        chosen = methods.preset(method)
    else:
        chosen = method if isinstance(method, Method) else Method().but(**method)
    return chosen if noise in (None, 0) else chosen.but(noise=noise)


def generators(seeds: Sequence[int], device: torch.device | str = "cpu") -> list[torch.Generator]:
    """A generator for each sample, so that its noise is the same in any company."""
    return [torch.Generator(device).manual_seed(seed) for seed in seeds]
