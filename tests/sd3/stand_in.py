"""A stand-in for a checkout of flow_grpo: the files and names that the benchmark imports, no more.

Its arithmetic is refimpl's own; what it stands for is the interface, so that the benchmark's
program runs here from end to end.
"""

from pathlib import Path

PIPELINE = '''
"""The interface of flow_grpo/diffusers_patch/sd3_pipeline_with_logprob.py."""
import torch
from .sd3_sde_with_logprob import sde_step_with_logprob


@torch.no_grad()
def pipeline_with_logprob(self, prompt_embeds, pooled_prompt_embeds, negative_prompt_embeds,
                          negative_pooled_prompt_embeds, num_inference_steps, guidance_scale,
                          output_type, height, width, noise_level):
    self.scheduler.set_timesteps(num_inference_steps)
    side = height // self.vae_scale_factor
    x = torch.randn(len(prompt_embeds), self.transformer.config.in_channels, side, side)
    latents, log_probs = [x], []
    for t in self.scheduler.timesteps:
        v = self.transformer(hidden_states=x, timestep=t.expand(len(x)),
                             encoder_hidden_states=prompt_embeds,
                             pooled_projections=pooled_prompt_embeds, return_dict=False)[0]
        x, log_prob, _, _ = sde_step_with_logprob(self.scheduler, v.float(), t[None], x)
        latents.append(x)
        log_probs.append(log_prob)
    return x, latents, log_probs
'''

STEP = '''
"""The interface of flow_grpo/diffusers_patch/sd3_sde_with_logprob.py."""
import torch
from refimpl.equations import conversions, gaussian, policy, sde


def sde_step_with_logprob(scheduler, v, t, x, noise_level=0.7, prev_sample=None):
    i = [scheduler.index_for_timestep(one) for one in t]
    level, after = (scheduler.sigmas[[k + d for k in i]].view(-1, 1, 1, 1) for d in (0, 1))
    h, inner = level - after, level.clamp(max=0.99)
    g = noise_level * (inner / (1 - inner)).sqrt()
    drift = sde.drift(v, -(x + (1 - level) * v) / inner, g)
    mean, std = x - h * drift, g * h.sqrt()
    moved = mean + std * torch.randn_like(x) if prev_sample is None else prev_sample
    return moved, policy.average(gaussian.log_prob(moved, mean, std)), mean, std
'''

SCRIPT = '''
"""The interface of scripts/train_sd3.py: one function of many."""
import wandb  # not installed here, and never imported by the benchmark


def compute_log_prob(transformer, pipeline, sample, j, embeds, pooled_embeds, config):
    x, t = sample["latents"][:, j], sample["timesteps"][:, j]
    both = lambda a: torch.cat([a, a]) if config.train.cfg else a
    v = transformer(hidden_states=both(x), timestep=both(t), encoder_hidden_states=embeds,
                    pooled_projections=pooled_embeds, return_dict=False)[0]
    if config.train.cfg:
        off, on = v.chunk(2)
        v = off + config.sample.guidance_scale * (on - off)
    return sde_step_with_logprob(pipeline.scheduler, v.float(), t, x,
                                 config.sample.noise_level, sample["next_latents"][:, j])
'''


def checkout(folder: Path) -> Path:
    """Write it into a folder, which is returned."""
    files = {
        "flow_grpo/__init__.py": "",
        "flow_grpo/diffusers_patch/__init__.py": "",
        "flow_grpo/diffusers_patch/sd3_pipeline_with_logprob.py": PIPELINE,
        "flow_grpo/diffusers_patch/sd3_sde_with_logprob.py": STEP,
        "scripts/train_sd3.py": SCRIPT,
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.lstrip(), encoding="utf-8")
    return folder
