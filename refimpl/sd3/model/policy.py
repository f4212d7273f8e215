"""The policy: a transformer as a velocity field, with an adapter that is trained.

    v(x_t, t, text) in float32        adapter on: the policy      adapter off: the reference

The network computes in its own precision. What goes in is cast once, and what comes out is
float32: latents, guidance, means, log-probabilities and ratios never see less. The level t reaches
the network in float32, the same number in rollout and in training; `calling` has each family's way.
"""

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from ...equations import guidance
from . import calling
from .calling import Call
from .text import Text

Targets: TypeAlias = Literal["attn", "attn+attn2"]

_JOINT = (
    "to_q",
    "to_k",
    "to_v",
    "to_out.0",
    "add_q_proj",
    "add_k_proj",
    "add_v_proj",
    "to_add_out",
)
_DUAL = ("to_q", "to_k", "to_v", "to_out.0")
TARGETS: dict[Targets, tuple[str, ...]] = {
    "attn": tuple(f"attn.{name}" for name in _JOINT),
    "attn+attn2": (
        *(f"attn.{name}" for name in _JOINT),
        *(f"attn2.{name}" for name in _DUAL),
    ),
}


def lora_config(*, rank: int, alpha: float, targets: Targets) -> Any:
    """peft's configuration: Gaussian A, zero B, so that the adapter starts as the identity.

    "attn" names the joint attention, which is flow_grpo's choice and all there is in large;
    "attn+attn2" adds the second attention that SD3.5-medium has in its first thirteen blocks.
    """
    from peft import LoraConfig

    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        init_lora_weights="gaussian",
        target_modules=list(TARGETS[targets]),
    )


def add_adapter(transformer: Any, *, rank: int, alpha: float, targets: Targets, seed: int) -> None:
    """Freeze the transformer and put the adapter on it, in float32."""
    transformer.requires_grad_(False)
    device = next(transformer.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        transformer.add_adapter(lora_config(rank=rank, alpha=alpha, targets=targets))
    for parameter in trainable(transformer):
        parameter.data = parameter.data.float()


def trainable(network: nn.Module) -> list[nn.Parameter]:
    """The parameters that are trained."""
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


REFERENCE = "reference"
"""The name of the frozen adapter that the KL is measured from, where it is not the base model."""


@contextlib.contextmanager
def adapter_off(transformer: Any) -> Iterator[None]:
    """The reference policy: the same network without its adapter, or with the one it began with."""
    other = REFERENCE in transformer.peft_config
    if other:
        transformer.set_adapter(REFERENCE)
    else:
        transformer.disable_adapters()
    try:
        yield
    finally:
        if other:
            transformer.set_adapter("default")
        else:
            transformer.enable_adapters()


class Lowered(nn.Linear):
    """A linear map whose product is computed in its input's precision, its weight in float32."""

    def forward(self, input: Tensor) -> Tensor:
        """x Wᵀ in x's dtype."""
        return nn.functional.linear(input, self.weight.to(input.dtype))


def lower_products(transformer: Any) -> None:
    """Compute the adapter's products in the network's precision instead of float32.

    peft casts what enters an adapter to the adapter's float32, and autograd keeps that copy.
    """
    for module in transformer.modules():
        if not hasattr(module, "lora_A"):
            continue
        module.cast_input_dtype_enabled = False
        for part in (*module.lora_A.values(), *module.lora_B.values()):
            part.__class__ = Lowered


def merge_products(transformer: Any) -> None:
    """Multiply by weights that hold the adapter, in place of two products and a sum.

    W + (alpha/rank) B A is formed anew at every call, a small product beside those of a batch, so
    that rollout and update run the same code and the gradient reaches A and B.
    """
    from peft.tuners.lora import Linear

    class Merged(Linear):  # type: ignore[misc]
        """A linear map with its adapter in its weights."""

        def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            """x (W + (alpha/rank) B A)ᵀ + b, or the map alone where the adapter is off."""
            base = self.get_base_layer()
            if self.disable_adapters:
                return base(x)
            (name,) = self.active_adapters
            weight = base.weight + self.get_delta_weight(name)
            return nn.functional.linear(x, weight, base.bias)

    for module in transformer.modules():
        if isinstance(module, Linear):
            module.__class__ = Merged


@dataclass(frozen=True, eq=False)
class Policy:
    """A velocity field v(x, t, text).

    Attributes:
        network: what is called; the transformer, or what accelerate wrapped it in.
        transformer: the transformer itself, where the adapter is.
        dtype: what the network computes in.
        negative: the text of the unconditional half, one row; not read without guidance.
        scale: guidance as diffusers counts it; 1 is the conditional field alone.
        unconditional_gradient: False holds the unconditional half fixed in training, as flow_grpo
            does, and spares its backward pass. The halves are then two calls, in rollout too, so
            that both see batches of the same size and replay stays exact.
        one_mode: sample by the code that the update runs, gradient and all, whose memory is dropped
            at once. A compiler fuses the two modes differently, and then rounds differently.
        call: how the network's family is asked.
        frozen: the network that the KL is measured from, where all weights are trained; None: the
            transformer without its adapter.
    """

    network: nn.Module
    transformer: Any
    dtype: torch.dtype
    negative: Text
    scale: float
    unconditional_gradient: bool
    one_mode: bool = False
    call: Call = calling.sd3
    frozen: Any = None

    @property
    def guided(self) -> bool:
        """Whether each sample needs two network calls."""
        return self.scale != 1

    def velocity(
        self,
        x: Float[Tensor, "n C H W"],
        t: Float[Tensor, " n"],
        text: Text,
        *,
        unconditional: Float[Tensor, "n C H W"] | None = None,
        kept: list[Tensor] | None = None,
    ) -> Float[Tensor, "n C H W"]:
        """v at x_t, guided, float32.

        Args:
            x: latents, float32.
            t: noise levels, float32, one a sample.
            text: a row a sample.
            unconditional: that half, where it is known.
            kept: gets that half, where it is computed by itself.
        """
        if not self.guided:
            return self._trained(x, t, text)
        negative = self.negative.repeated(len(x))
        if self.unconditional_gradient:
            both = self._trained(x.repeat(2, 1, 1, 1), t.repeat(2), Text.joined([negative, text]))
            unconditional, conditional = both.chunk(2)
        else:
            if unconditional is None:
                with torch.no_grad():
                    unconditional = self._call(x, t, negative)
            if kept is not None:
                kept.append(unconditional)
            conditional = self._trained(x, t, text)
        return guidance.diffusers(unconditional, conditional, self.scale)

    @torch.no_grad()
    def reference(
        self, x: Float[Tensor, "n C H W"], t: Float[Tensor, " n"], text: Text
    ) -> Float[Tensor, "n C H W"]:
        """v of the frozen network, without gradient."""
        if self.frozen is not None:
            return dataclasses.replace(self, network=self.frozen, one_mode=False).velocity(
                x, t, text
            )
        with adapter_off(self.transformer):
            return dataclasses.replace(self, one_mode=False).velocity(x, t, text)

    def _trained(self, x: Tensor, t: Tensor, text: Text) -> Tensor:
        """A call that the update makes with a gradient."""
        if not self.one_mode or torch.is_grad_enabled():
            return self._call(x, t, text)
        # past what accelerate wrapped round the network, which would wait for a backward pass
        here = dataclasses.replace(self, network=self.transformer)
        with torch.enable_grad(), saved_tensors_hooks(lambda x: None, lambda x: x):
            return here._call(x, t, text).detach()

    def _call(self, x: Tensor, t: Tensor, text: Text) -> Tensor:
        return self.call(self.network, x, t, text, self.dtype)
