"""One process or many: accelerate's part of a run, behind the few verbs that the loop needs.

    engine = Engine(parts.transformer, training, precision)
    engine.step(losses)      engine.gathered(x)      engine.agreed(error)

Plain Python, `accelerate launch` and `torchrun` start the same program. What processes share is
the gradient's mean and what is gathered; prompts and noise each process knows by itself.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn

from ..model.policy import trainable
from ..settings.schedule import Training
from ..settings.sections import Precision
from . import optimising, zero
from .shards import like, whole


@dataclass(frozen=True)
class Stepped:
    """What a step of the optimiser came to.

    Attributes:
        norm: of the gradient, before it was shortened.
        skipped: under fp16, the scaled gradient overflowed: the scaler left the weights as they
            are and has halved its scale.
        scale: of fp16's loss from now on; None without a scaler.
    """

    norm: float
    skipped: bool = False
    scale: float | None = None


class Engine:
    """The wrapped network, its optimiser, and the talk between processes.

    Args:
        accelerator: see `accelerator`.
        transformer: with its adapter, or trained as a whole.
        training: of the optimiser.

    Attributes:
        network: what is called.
        parameters: what is trained.
    """

    def __init__(self, accelerator: Any, transformer: Any, training: Training) -> None:
        self.accelerator, self.transformer, self.training = accelerator, transformer, training
        optimiser = optimising.optimiser(trainable(transformer), training)
        self.schedule = optimising.schedule(optimiser, training)
        if self.sharded == "DEEPSPEED":
            settings = accelerator.state.deepspeed_plugin.deepspeed_config
            settings["train_micro_batch_size_per_gpu"] = training.rows
            settings["gradient_clipping"] = training.max_grad_norm
        self.network, self.optimiser = accelerator.prepare(transformer, optimiser)
        self.parameters = trainable(self.network)

    @property
    def rank(self) -> int:
        """This process."""
        return int(self.accelerator.process_index)

    @property
    def world(self) -> int:
        """How many there are."""
        return int(self.accelerator.num_processes)

    @property
    def main(self) -> bool:
        """Whether this process writes."""
        return bool(self.accelerator.is_main_process)

    @property
    def sharded(self) -> str | None:
        """ "FSDP" or "DEEPSPEED" where weights or optimiser are spread over processes."""
        kind = str(self.accelerator.distributed_type).rpartition(".")[2]
        return kind if kind in ("FSDP", "DEEPSPEED") else None

    @property
    def called(self) -> Any:
        """What the policy calls: the transformer itself, but where its weights are spread.

        DistributedDataParallel would exchange gradients with every micro-batch, and buffers with
        every call; `step` exchanges gradients once.
        """
        return self.network if self.sharded else self.transformer

    def backward(self, loss: Tensor, number: int, count: int) -> None:
        """Micro-batch `number` of `count`: add its gradient; the last one is followed by a step.

        accelerate divides by the number of micro-batches, which a sum of shares must not be; under
        DeepSpeed it leaves that to DeepSpeed, which divides by its configuration's number, 1.
        """
        if not self.sharded:
            self.accelerator.gradient_accumulation_steps = 1
            self.accelerator.backward(loss)
            return
        self.accelerator.gradient_accumulation_steps = count
        undone = 1 if self.sharded == "DEEPSPEED" else count
        with self.accelerator.accumulate(self.network):
            self.accelerator.backward(loss * undone)

    def step(self) -> Stepped:
        """Exchange the gradient, shorten it, step, forget it."""
        self._exchange()
        limit = self.training.max_grad_norm
        norm = self.accelerator.clip_grad_norm_(self.network.parameters(), limit)
        self.optimiser.step()
        self.optimiser.zero_grad()
        if norm is None:  # DeepSpeed clips by itself
            norm = self.network.get_global_grad_norm()
        scaler = self.accelerator.scaler
        skipped = scaler is not None and bool(self.optimiser.step_was_skipped)
        if self.schedule is not None and not skipped:
            self.schedule.step()
        return Stepped(float(norm), skipped, scaler.get_scale() if scaler is not None else None)

    def _exchange(self) -> None:
        """The mean of all processes' gradients, many parameters in one exchange.

        Who had nothing to learn from has a gradient of 0.
        """
        if self.sharded:
            return
        for parameter in self.parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        if self.world == 1:
            return
        for together in buckets(self.parameters, EXCHANGED):
            flat = torch.cat([p.grad.flatten() for p in together if p.grad is not None])
            torch.distributed.all_reduce(flat)
            flat /= self.world
            parts = torch.split(flat, [parameter.numel() for parameter in together])
            for parameter, part in zip(together, parts, strict=True):
                parameter.grad = part.view_as(parameter)

    def gathered(self, x: Tensor) -> Tensor:
        """Rows of all processes, in order, on the CPU; nothing travels where there is one."""
        if self.world == 1:
            return x.cpu()
        found: Tensor = self.accelerator.gather(x.to(self.accelerator.device).contiguous())
        return found.cpu()

    def agreed(self, error: Exception | None, word: int = 0) -> int:
        """Stop everywhere if one process cannot go on, instead of waiting for it for ever.

        Args:
            word: a number that every process says.

        Returns:
            The largest number that a process said.

        Raises:
            Exception: `error`, where it happened.
            RuntimeError: on the others.
        """
        told = self.gathered(torch.tensor([[error is not None, word]], dtype=torch.int32))
        require_all(told[:, 0], error)
        return int(told[:, 1].max())

    def on_main(self, work: Callable[[], object]) -> None:
        """Let the main process do it, and all go on, or none.

        Raises:
            Exception: what `work` raised, on the main process.
            RuntimeError: on the others then.
        """
        error = None
        if self.main:
            try:
                work()
            except Exception as found:
                error = found
        self.agreed(error)

    def wait(self) -> None:
        """Until all processes are here."""
        self.accelerator.wait_for_everyone()

    def names(self) -> list[str]:
        """The trained parameters' names, as the transformer has them."""
        found = [n for n, p in self.network.named_parameters() if p.requires_grad]
        return [name.removeprefix("module.") for name in found]

    def adapter(self) -> dict[str, Tensor]:
        """The trained tensors by name, as `held`; every process must ask."""
        tensors = [self.held(parameter.detach()) for parameter in self.parameters]
        return dict(zip(self.names(), tensors, strict=True))

    def held(self, x: Tensor) -> Tensor:
        """A whole tensor on the CPU of the main process, which writes; empty on the others."""
        found = whole(x)
        return found.cpu() if self.main else found.new_empty(0, device="cpu")

    def state(self) -> dict[str, Any]:
        """What is trained and its optimiser, as `held`: the same for any number of processes."""
        if self.sharded == "DEEPSPEED":
            moments = zero.moments(self.optimiser, self.parameters)
        else:
            moments = [
                {
                    key: self.held(x) if isinstance(x, Tensor) else x  # bitsandbytes counts steps
                    for key, x in self.optimiser.state.get(parameter, {}).items()
                }
                for parameter in self.parameters
            ]
        scaler = self.accelerator.scaler
        return {
            "adapter": self.adapter(),
            "moments": moments,
            "scaler": scaler.state_dict() if scaler is not None else {},
            "schedule": self.schedule.last_epoch if self.schedule is not None else 0,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to a saved state.

        Raises:
            ValueError: of another adapter.
        """
        if self.schedule is not None:
            optimising.go_to(self.schedule, int(state.get("schedule", 0)))
        names = self.names()
        if list(state["adapter"]) != names:
            raise ValueError(
                f"the checkpoint has {len(state['adapter'])} trained tensors and this run "
                f"{len(names)}, under other names: adapter.kind, adapter.rank or adapter.targets "
                "differ"
            )
        if self.sharded == "DEEPSPEED":
            weights = list(state["adapter"].values())
            with torch.no_grad():
                zero.restore(self.optimiser, self.parameters, weights, state["moments"])
            return
        with torch.no_grad():
            for parameter, saved in zip(self.parameters, state["adapter"].values(), strict=True):
                parameter.copy_(like(parameter, saved))
        for parameter, saved in zip(self.parameters, state["moments"], strict=False):
            self.optimiser.state[parameter] = {
                key: x if key == "step" else like(parameter, x) for key, x in saved.items()
            }
        if self.accelerator.scaler is not None and state["scaler"]:
            self.accelerator.scaler.load_state_dict(state["scaler"])


EXCHANGED = 2**28
"""Numbers in one exchange of gradients, 1 GiB: a LoRA is one, and all weights need no second copy
of the whole gradient."""


def buckets(parameters: Sequence[nn.Parameter], most: int) -> Iterator[list[nn.Parameter]]:
    """Neighbours of at most that many numbers together; a larger one by itself."""
    found: list[nn.Parameter] = []
    size = 0
    for parameter in parameters:
        if found and size + parameter.numel() > most:
            yield found
            found, size = [], 0
        found.append(parameter)
        size += parameter.numel()
    if found:
        yield found


def require_engine(kind: str, optimiser: str, sharded: str | None) -> None:
    """Refuse what no test has run.

    Raises:
        ValueError: 8-bit moments where an engine shards; all weights under DeepSpeed, with the
            engine that shards them.
    """
    if optimiser == "adamw8bit" and sharded:
        raise ValueError(
            f"training.optimiser=adamw8bit does not run under {sharded}: bitsandbytes keeps its "
            "moments outside the shards; take training.optimiser=adamw, or `refimpl sd3 engine ddp`"
        )
    if kind == "full" and sharded == "DEEPSPEED":
        raise ValueError(
            "adapter.kind=full does not run under DeepSpeed: take `refimpl sd3 engine fsdp`, which "
            "shards weights, gradients and optimiser, or ddp where all of it fits each GPU"
        )


def require_all(failed: Tensor, error: Exception | None) -> None:
    """Raise where a process failed: its own error there, and its number on the others."""
    if error is not None:
        raise error
    if bool(failed.any()):
        where = ", ".join(str(int(i)) for i in failed.nonzero())
        raise RuntimeError(f"process {where} stopped with an error; see its message")


@contextlib.contextmanager
def all_or_none(accelerator: Any) -> Iterator[None]:
    """What every process does by itself before there is an `Engine`, such as loading a model.

    Raises:
        Exception: what happened here, or a RuntimeError that names the process where it did.
    """
    error = None
    try:
        yield
    except Exception as found:
        error = found
    told = torch.tensor([error is not None], dtype=torch.int32, device=accelerator.device)
    require_all(accelerator.gather(told).cpu(), error)


def accelerator(precision: Precision) -> Any:
    """accelerate's own object, from its environment.

    Raises:
        ValueError: fp16 without a GPU.
    """
    from accelerate import Accelerator

    if precision == "fp16" and not torch.cuda.is_available():
        raise ValueError("model.dtype=fp16 needs a GPU: on a CPU choose fp32 or bf16")
    return Accelerator(mixed_precision="fp16" if precision == "fp16" else "no")


def deterministic(on: bool, *, tf32: bool) -> None:
    """Refuse operations that differ between equal runs; allow or forbid TensorFloat-32.

    cuBLAS reads its setting when CUDA starts: call this before anything is on a GPU.
    """
    if on:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True)
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
