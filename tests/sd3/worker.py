"""A program that any number of processes runs: train the tiny model from a YAML file."""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def redness(images: Tensor, prompts: Any, metadata: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Red minus blue; the worker's own copy of the fixture's reward."""
    red, _, blue = images.mean(dim=(2, 3)).T
    return red - blue, {}


def sharded(accelerator: Any) -> None:
    """FSDP on CPUs: accelerate offers it on accelerators only, torch everywhere."""
    from accelerate import FullyShardedDataParallelPlugin, PartialState
    from accelerate.utils import DistributedType

    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2,
        auto_wrap_policy="transformer_based_wrap",
        transformer_cls_names_to_wrap=["JointTransformerBlock"],
        reshard_after_forward=True,
        cpu_ram_efficient_loading=False,
    )
    PartialState().distributed_type = accelerator.state.distributed_type = DistributedType.FSDP
    accelerator.state.fsdp_plugin = plugin


def zero(accelerator: Any) -> None:
    """DeepSpeed on CPUs, as the shipped engine configures it: accelerate wants a GPU for it too."""
    import yaml
    from accelerate import DeepSpeedPlugin, PartialState
    from accelerate.utils import DistributedType

    from refimpl import sd3

    shipped = Path(sd3.__file__).parent / "engines" / "deepspeed.yaml"
    asked = yaml.safe_load(shipped.read_text())["deepspeed_config"]
    plugin = DeepSpeedPlugin(
        zero_stage=asked["zero_stage"],
        gradient_accumulation_steps=asked["gradient_accumulation_steps"],
    )
    state = accelerator.state
    PartialState().distributed_type = state.distributed_type = DistributedType.DEEPSPEED
    state.deepspeed_plugins = {"default": plugin}
    plugin.select(_from_accelerator_state=True)
    accelerator.deepspeed_engine_wrapped = None


def main(file: Path, out: Path, resume: bool, kind: str) -> None:
    from refimpl.sd3.engine import processes as engine
    from refimpl.sd3.engine.assemble import assemble
    from refimpl.sd3.engine.processes import Engine
    from refimpl.sd3.loop import data
    from refimpl.sd3.rewards import Mixture
    from refimpl.sd3.run import starting as run
    from refimpl.sd3.settings import presets

    torch.set_num_threads(1)
    config = presets.resolve([], file)
    accelerator = engine.accelerator(config.model.dtype)
    if kind:
        {"sharded": sharded, "zero": zero}[kind](accelerator)
    parts = assemble(config, accelerator.device)
    ready = Engine(accelerator, parts.transformer, config.training)
    mixture = Mixture({"redness": redness}, {"redness": 1.0})
    said = run.carry_out(
        config,
        parts,
        data.gather(config),
        mixture,
        ready,
        out,
        resume=resume,
        say=lambda progress: print(f"done {progress.done}", flush=True),
    )
    if ready.main:
        print(f"world {ready.world} {ready.sharded}", said, flush=True)


if __name__ == "__main__":
    words = sys.argv[3:]
    kinds = [word for word in words if word != "resume"]
    main(Path(sys.argv[1]), Path(sys.argv[2]), "resume" in words, "".join(kinds))
