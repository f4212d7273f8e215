"""What the benchmark measures: our model at a size, a batch of rollouts, a batch of learning."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ... import methods
from ..engine.assemble import Parts, fitted
from ..loop import noise, rollout, update
from ..loop.update import Experience
from ..model.architectures import ARCHITECTURES
from ..model.pipelines import at_random
from ..model.policy import Policy
from ..model.text import Text
from ..run import plan
from ..settings import presets
from ..settings.config import DTYPES, Config


@dataclass(frozen=True)
class Bench:
    """How large.

    Attributes:
        size, resolution: of the network and its images.
        rows: samples in a batch, in rollout and update alike.
        deadline: seconds since the start after which no part is begun.
    """

    size: Any
    resolution: int
    rows: int
    device: torch.device
    deadline: float

    def config(self, *changes: str, dtype: str = "bf16") -> Config:
        """The article's settings, for this size."""
        base = (
            f"model.random_init={self.size}", f"model.dtype={dtype}", f"vae.dtype={dtype}",
            f"sampling.resolution={self.resolution}", f"sampling.batch={self.rows}",
            f"vae.batch={self.rows}", f"training.rows={self.rows}", "text.cache=null",
        )  # fmt: skip
        return presets.resolve([], None, [*base, *changes])

    def text(self, n: int, dtype: torch.dtype) -> Text:
        """Made-up embeddings of the right shape."""
        settings = ARCHITECTURES[self.size].transformer
        tokens = plan.CLIP_TOKENS + 128
        made = noise.draw(0, "text", shape=(n, tokens, settings["joint_attention_dim"]))
        pooled = noise.draw(0, "pooled", shape=(n, settings["pooled_projection_dim"]))
        return Text(made, pooled).to(self.device, dtype)

    def bare(self, dtype: torch.dtype) -> Any:
        """The pipeline, without text encoders."""
        return at_random(self.size, seed=0, dtype=dtype, device=self.device, text=False)


class Subject:
    """Our model, and one batch of its experience."""

    def __init__(self, bench: Bench, config: Config) -> None:
        self.config, self.bench = config, bench
        dtype = DTYPES[config.model.dtype]
        pipeline = bench.bare(dtype)
        self.parts: Parts = fitted(
            config, pipeline, lambda p: bench.text(len(p), dtype), bench.device
        )
        self.policy = Policy(
            self.parts.transformer, self.parts.transformer, dtype, bench.text(1, dtype),
            config.sampling.guidance, config.training.unconditional_gradient,
            one_mode=config.model.compile != "none",
        )  # fmt: skip
        self.text = bench.text(bench.rows, dtype)
        self.plan = methods.plan(config.method, config.grid)

    def roll(self) -> rollout.Trajectory:
        """One batch of rollouts."""
        drawn = noise.stream(0, "bench", 0, range(self.bench.rows), shape=self.parts.latent,
                             device=self.bench.device)  # fmt: skip
        return rollout.sample(self.policy, self.text, drawn, grid=self.config.grid,
                              method=self.config.method, plan=self.plan,
                              keep=self.config.training.unconditional_kept)  # fmt: skip

    def experience(self, trajectory: rollout.Trajectory) -> Experience:
        """The batch with made-up advantages."""
        n, device = self.bench.rows, self.bench.device
        advantages = torch.linspace(-1, 1, n, dtype=torch.float64, device=device)
        prompt = torch.arange(n, device=device)
        return Experience(trajectory, self.text, prompt, advantages, self.plan.weights)

    def learn(self, experience: Experience, rows: int) -> update.Scored:
        """The gradient of all trained steps."""
        samples = range(self.bench.rows)

        def backward(loss: Tensor, number: int, count: int) -> None:
            torch.autograd.backward(loss)

        parts = update.gradient(
            self.policy, self.config.method, experience, samples, rows=rows, backward=backward
        )
        self.parts.transformer.zero_grad()
        return update.joined(parts)
