"""flow_grpo's own pipeline and step, run from a checkout beside ours, for the benchmark.

    peer = Peer(Path("flow_grpo"), pipeline, ...)      peer.rollout()      peer.train()

Their files are imported from the checkout (github.com/yifan123/flow_grpo); nothing of them is kept
here. The function that scores a step in training is read out of their script, whose other imports
(wandb, reward models) are not needed for it.
"""

import ast
import importlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ... import outside
from ...equations import grpo, kl, policy
from ..model.policy import TARGETS
from ..model.text import Text

SCRIPT = "scripts/train_sd3.py"
PIPELINE = "flow_grpo.diffusers_patch.sd3_pipeline_with_logprob"
STEP = "flow_grpo.diffusers_patch.sd3_sde_with_logprob"


class Peer:
    """Their trainer's inner loops on a pipeline.

    Args:
        checkout: the folder of their repository.
        pipeline: with a fresh transformer, which gets their adapter.
        text, negative: for as many samples as a batch has, and one row.
        autocast: what their trainer runs under; its latents are float32 whatever the weights are.

    Raises:
        ValueError: not a checkout of theirs.
    """

    def __init__(
        self,
        checkout: Path,
        pipeline: Any,
        text: Text,
        negative: Text,
        *,
        resolution: int,
        steps: int,
        guidance: float,
        autocast: torch.dtype,
    ) -> None:
        from peft import LoraConfig, get_peft_model

        self.sampler, self.compute_log_prob = _theirs(checkout)
        self.pipeline, self.text = pipeline, text
        self.negative = negative.repeated(len(text))
        self.resolution, self.steps, self.guidance = resolution, steps, guidance
        self.autocast = autocast
        settings = LoraConfig(
            r=32, lora_alpha=64, init_lora_weights="gaussian", target_modules=list(TARGETS["attn"])
        )
        pipeline.transformer.requires_grad_(False)
        pipeline.transformer = get_peft_model(pipeline.transformer, settings)
        pipeline.set_progress_bar_config(disable=True)
        self.config = SimpleNamespace(
            train=SimpleNamespace(cfg=guidance > 1),
            sample=SimpleNamespace(guidance_scale=guidance, noise_level=0.7),
        )

    def rollout(self) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Images, latents and log-probabilities, by their pipeline."""
        with self._precision():
            found: tuple[Tensor, list[Tensor], list[Tensor]] = self.sampler(
                self.pipeline,
                prompt_embeds=self.text.embeddings,
                pooled_prompt_embeds=self.text.pooled,
                negative_prompt_embeds=self.negative.embeddings,
                negative_pooled_prompt_embeds=self.negative.pooled,
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                output_type="pt",
                height=self.resolution,
                width=self.resolution,
                noise_level=0.7,
            )
        return found

    def train(self, latents: list[Tensor], log_probs: list[Tensor], beta: float) -> None:
        """Their pass over all steps but the last, a backward pass for each."""
        network, states = self.pipeline.transformer, torch.stack(latents, dim=1)
        sample = {
            "latents": states[:, :-1],
            "next_latents": states[:, 1:],
            "timesteps": self.pipeline.scheduler.timesteps.repeat(len(states), 1),
        }
        parts = (self.negative, self.text) if self.guidance > 1 else (self.text,)
        both = Text.joined(parts)
        advantages = torch.linspace(-1, 1, len(states), device=states.device)
        for j in range(self.steps - 1):
            with self._precision():
                _, log_prob, mean, g = self._score(network, sample, j, both)
                penalty = torch.zeros_like(log_prob)
                if beta > 0:
                    with torch.no_grad(), network.disable_adapter():
                        _, _, reference, _ = self._score(network, sample, j, both)
                    penalty = policy.average(kl.without_h(mean, reference, g))
            surrogate = grpo.surrogate(policy.ratio(log_prob, log_probs[j]), advantages, 1e-4)
            torch.autograd.backward(-grpo.objective(surrogate, penalty, beta).mean())
        network.zero_grad()

    def _score(self, network: Any, sample: dict[str, Tensor], j: int, both: Text) -> Any:
        return self.compute_log_prob(
            network, self.pipeline, sample, j, both.embeddings, both.pooled, self.config
        )

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.text.embeddings.device.type, self.autocast)


def _theirs(checkout: Path) -> tuple[Any, Any]:
    script = checkout / SCRIPT
    if not script.is_file():
        raise ValueError(f"{checkout} is not a checkout of flow_grpo: it has no {SCRIPT}")
    sys.path.insert(0, str(checkout))
    try:
        sampler = importlib.import_module(PIPELINE).pipeline_with_logprob
        step = importlib.import_module(STEP).sde_step_with_logprob
    finally:
        sys.path.remove(str(checkout))
    tree = ast.parse(outside.text(script, 4 * outside.MIB))
    wanted = [n for n in tree.body if getattr(n, "name", "") == "compute_log_prob"]
    if not wanted:
        raise ValueError(f"{script} has no function compute_log_prob: another version of it?")
    names: dict[str, Any] = {"torch": torch, "sde_step_with_logprob": step}
    module = ast.Module(body=list(wanted), type_ignores=[])
    exec(compile(module, str(script), "exec"), names)
    return sampler, names["compute_log_prob"]
