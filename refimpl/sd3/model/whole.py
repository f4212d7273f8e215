"""Full fine-tuning: every weight of the transformer is trained, in float32.

    frozen = begin(transformer, dtype, reference=True)      all trained; a copy for the KL
    export(transformer, folder, state=weights)              a folder for `from_pretrained`

A step of the optimiser is smaller than the spacing of 16-bit numbers, so weights stay float32 and
autocast multiplies in `dtype`. The copy holds in `dtype` what autocast would round to it in each
call: half the memory, and the same bits.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .adapters import written


def begin(transformer: Any, dtype: torch.dtype, *, reference: bool) -> Any:
    """Make every weight a trained one, in float32; the frozen copy, None without a reference."""
    transformer.float().requires_grad_(True)
    frozen = _frozen(transformer, dtype) if reference else None
    for network in (transformer, frozen):
        if network is not None and dtype != torch.float32:
            device = next(network.parameters()).device.type
            network.forward = torch.autocast(device, dtype)(network.forward)
    return frozen


def _frozen(transformer: Any, dtype: torch.dtype) -> Any:
    """A copy that is not trained, its products' weights in `dtype`."""
    found = copy.deepcopy(transformer).requires_grad_(False)
    for module in found.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.to(dtype)
    return found


def export(transformer: Any, folder: Path, *, state: Mapping[str, Tensor], card: str = "") -> None:
    """Write all weights as a transformer of diffusers, replacing the folder at once.

    Args:
        transformer: of this kind and configuration; its weights are not read.
        state: its weights by name, whole.
        card: README.md, if there is one.
    """
    kinds: tuple[Any, ...] = type(transformer).__mro__
    kind = next(one for one in kinds if one.__module__.startswith("diffusers."))
    with torch.device("meta"):
        plain = kind.from_config(transformer.config)
    buffers = dict(transformer.named_buffers())
    values = {name: state[name] if name in state else buffers[name] for name in plain.state_dict()}
    plain.load_state_dict(values, assign=True)
    with written(folder, card) as beside:
        plain.save_pretrained(beside)
