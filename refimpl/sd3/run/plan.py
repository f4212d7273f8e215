"""The plan of a run before it is run: network calls, images, operations, time and memory.

    for line in plan(config).lines(): print(line)

Operations are counted; time is operations over a rate that you give; memory is an estimate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import methods, outside
from ..loop import data
from ..loop.prompts import Sampler
from ..model import flops
from ..model.architectures import ARCHITECTURES
from ..settings.config import Config
from ..settings.schedule import Training

PARAMETERS = {"tiny": 85_120, "medium": 2_243_171_520, "large": 8_056_627_520}
TEXT_GIB = {"t5": 8.87, "clip": 1.52}
VAE_GIB = 0.16
BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
PEAK_TFLOPS = 790.0
"""Matrix products in bf16 on an H200, as measured by others; the data sheet says 989."""
SHARE = 0.45
"""Of that, what a transformer of this size reaches in practice."""
CLIP_TOKENS = 77


@dataclass(frozen=True)
class Plan:
    """What a run will cost.

    Attributes:
        images: an iteration, over all processes.
        rollout_calls, trained_calls, reference_calls: forward passes of the transformer for each
            image; guidance counts twice, and a pass that images share is divided among them.
        tflop: by part, for each image.
        gib: by part, on each process; estimated.
        iterations: of the run.
        processes: that share the images.
        size: of the model.
        disk_gib, exported_gib: a checkpoint, and what diffusers loads.
    """

    images: int
    trained_steps: int
    rollout_calls: float
    trained_calls: float
    reference_calls: float
    tflop: Mapping[str, float]
    gib: Mapping[str, float]
    iterations: int
    processes: int
    size: str
    disk_gib: float
    exported_gib: float

    @property
    def per_image(self) -> float:
        """TFLOP for each image, rollout and update."""
        return sum(self.tflop.values())

    def seconds(self, rate: float) -> float:
        """An iteration's time at `rate` TFLOP/s a process."""
        return self.images * self.per_image / (rate * self.processes)

    def lines(self, rate: float = PEAK_TFLOPS * SHARE) -> list[str]:
        """For people.

        Args:
            rate: TFLOP/s of a process.

        Raises:
            ValueError: a rate that nothing has.
        """
        if not 0 < rate < 1e6:
            raise ValueError(
                f"--tflops must be what a process reaches, above 0 and below 1e6, got {rate}"
            )
        seconds = self.seconds(rate)
        parts = ", ".join(f"{name} {x:.1f}" for name, x in self.tflop.items())
        memory = ", ".join(f"{name} {x:.2f}" for name, x in self.gib.items())
        return [
            f"model          SD3.5-{self.size}, {PARAMETERS[self.size]:,} parameters",
            f"images         {self.images} an iteration, {self.images * self.iterations:,} in "
            f"{self.iterations} iterations, on {self.processes} process(es)",
            f"network calls  {self.rollout_calls:.3g} an image to sample, "
            f"{self.trained_calls:.3g} to train ({self.trained_steps} steps), "
            f"{self.reference_calls:.3g} of the reference",
            f"operations     {self.per_image:.1f} TFLOP an image: {parts}",
            f"time           {1000 * self.per_image / rate:.0f} ms an image and process at "
            f"{rate:.0f} TFLOP/s, {seconds:.0f} s an iteration, "
            f"{seconds * self.iterations / 3600:.1f} h in all; evaluation and rewards not counted",
            f"memory         about {sum(self.gib.values()):.1f} GiB a process: {memory}",
            f"disk           {self.disk_gib:.2f} GiB a checkpoint, of weights, their average and "
            f"Adam's moments; {self.exported_gib:.2f} what is exported",
        ]


def plan(config: Config, processes: int = 1) -> Plan:
    """Count what the configuration asks for.

    Raises:
        ValueError: a folder whose transformer cannot be read, or no process.
    """
    if processes < 1:
        raise ValueError(f"--processes must be at least 1, got {processes!r}")
    size, transformer = architecture(config)
    sampling, training = config.sampling, config.training
    trained = len(methods.plan(config.method, config.grid).trained)
    sampled, asked = config.grid.T - _spared(config), trained - _spared_again(config)
    halves = 2 if sampling.guidance != 1 else 1
    image = flops.image_tokens(transformer, sampling.resolution)
    text = CLIP_TOKENS + config.text.tokens
    call = flops.forward(transformer, image, text) / 1e12
    again = 1 if training.unconditional_kept else halves
    with_gradient = halves if training.unconditional_gradient else 1
    reference = asked * halves if config.method.beta > 0 else 0
    passes = training.epochs
    backward = flops.FULL_BACKWARD if config.adapter.kind == "full" else flops.BACKWARD
    tflop = {
        "rollout": sampled * halves * call,
        "decoding": flops.decode(sampling.resolution) / 1e12 if size != "tiny" else 0.0,
        "forward": passes * asked * again * call,
        "backward": passes * asked * with_gradient * backward * call
        + (passes * asked * with_gradient * call if config.model.gradient_checkpointing else 0),
        "reference": passes * reference * call,
    }
    return Plan(
        images=config.images,
        trained_steps=trained,
        rollout_calls=sampled * halves,
        trained_calls=passes * asked * again,
        reference_calls=passes * reference,
        tflop={name: x for name, x in tflop.items() if x},
        gib=_memory(config, size, transformer, image, text, trained, processes),
        iterations=training.iterations,
        processes=processes,
        size=size,
        disk_gib=_trained(config, size, transformer) * (8 + _moments(config)) / 2**30,
        exported_gib=_trained(config, size, transformer) * 4 / 2**30,
    )


def data_lines(config: Config, processes: int) -> list[str]:
    """What a dry run says of the prompts, which it opens; nothing where none are named.

    Raises:
        ValueError: prompts that cannot be read, or images that processes cannot share.
    """
    if config.data.prompts is None:
        return ["prompts        none named: --prompts looks at them"]
    found = data.gather(config)
    sampling = config.sampling
    Sampler(len(found.train), sampling.groups, sampling.group, processes, config.run.seed)
    gib = len(found.texts) * text_bytes(config) / 2**30
    cached = config.text.cache is not None
    held = min(gib, config.text.memory) if cached or not config.text.precompute else gib
    where = f"in {config.text.cache}" if cached else "in all"
    return [
        f"prompts        {len(found.train)} to train on, {len(found.held_out)} held out; their "
        f"embeddings {gib:.2f} GiB {where}, of which a process holds {held:.2f}"
    ]


def cautions(config: Config) -> list[str]:
    """What a dry run warns of: the default learning rate where all weights are trained."""
    rate = config.training.learning_rate
    if config.adapter.kind != "full" or rate != Training().learning_rate:
        return []
    return [
        f"caution        training.learning_rate={rate:g} is the default, a LoRA's; all weights of "
        "a large model take a much lower one: begin at 1e-5"
    ]


def text_bytes(config: Config) -> int:
    """Of one prompt's embeddings."""
    _, transformer = architecture(config)
    tokens = CLIP_TOKENS + config.text.tokens
    width = int(transformer["joint_attention_dim"])
    pooled = int(transformer["pooled_projection_dim"])
    return (tokens * width + pooled) * BYTES[config.model.dtype]


def _spared(config: Config) -> float:
    """Steps that an image need not make, since a batch makes them once for all of its group: those
    before the first noisy one, and that one up to its draw.
    """
    sampling = config.sampling
    if sampling.start == "own":
        return 0.0
    once = [parting + 1 for parting, _ in _partings(config)]
    return sum(once) / len(once) * (1 - 1 / min(sampling.group, sampling.batch))


def _spared_again(config: Config) -> float:
    """Trained steps that an image need not make: the first, where rollouts part there."""
    sampling, training = config.sampling, config.training
    if sampling.start == "own":
        return 0.0
    there = [parting == first for parting, first in _partings(config)]
    together = min(sampling.group // training.updates, training.rows)
    return sum(there) / len(there) * (1 - 1 / together)


def _partings(config: Config) -> set[tuple[int, int]]:
    """The first noisy step and the first trained one; a window that moves is at each of its places
    equally often.
    """
    plans = (methods.plan(config.method, config.grid, i, config.run.seed) for i in range(1000))
    return {(found.noisy.index(True), found.trained[0]) for found in plans}


def _memory(
    config: Config, size: str, transformer: Mapping[str, Any], image: int, text: int, trained: int,
    processes: int,
) -> dict[str, float]:  # fmt: skip
    gib, model = 2**30, config.model
    full, trained_numbers = config.adapter.kind == "full", _trained(config, size, transformer)
    scale = BYTES[model.dtype] / 2
    row = scale * flops.activation_bytes(transformer, image, text)
    if full:
        row = flops.activation_bytes(transformer, image, text, flops.FULL_BYTES[model.dtype])
    if model.gradient_checkpointing:
        tokens = (image + text) * int(transformer["num_layers"])
        row = BYTES[model.dtype] * flops.width(transformer) * tokens
    row *= 2 if config.training.unconditional_gradient and config.sampling.guidance != 1 else 1
    latent = int(transformer["in_channels"]) * (config.sampling.resolution // 8) ** 2
    each = 3 if config.training.unconditional_kept and config.sampling.guidance != 1 else 2
    kept = (each * trained + 1) * latent * 4 * config.images / processes
    texts = (
        0.0 if config.text.precompute else TEXT_GIB["clip"] + (TEXT_GIB["t5"] if model.t5 else 0)
    )
    moments = _moments(config)
    if full:
        share = {
            "transformer": 4 * trained_numbers / gib,
            "gradient, optimiser, average": (8 + moments) * trained_numbers / gib,
            **_copies(config, trained_numbers),
        }
    else:
        share = {
            "transformer": PARAMETERS[size] * BYTES[model.dtype] / gib,
            "adapter, gradient, optimiser, average": trained_numbers * (12 + moments) / gib,
        }
    return {
        **share,
        "text encoders": texts * scale if size != "tiny" else 0.0,
        "VAE": VAE_GIB * BYTES[config.vae.dtype] / 2,
        "activations": config.training.rows * row / gib,
        "stored rollouts": kept / gib,
    }


def _trained(config: Config, size: str, transformer: Mapping[str, Any]) -> int:
    """Numbers that are trained."""
    if config.adapter.kind == "full":
        return PARAMETERS[size]
    return flops.adapter_parameters(transformer, config.adapter.rank, config.adapter.targets)


def _moments(config: Config) -> int:
    """Bytes of Adam's moments, for each number that is trained."""
    return 2 if config.training.optimiser == "adamw8bit" else 8


def _copies(config: Config, numbers: int) -> dict[str, float]:
    """Beside trained weights: the KL's reference, and what autocast rounds for a backward pass."""
    gib = numbers * BYTES[config.model.dtype] / 2**30
    return {
        **({"reference": gib} if config.method.beta > 0 else {}),
        **({"weights in 16 bits": gib} if config.model.dtype != "fp32" else {}),
    }


def architecture(config: Config) -> tuple[str, Mapping[str, Any]]:
    """Size and transformer of a configuration: a folder's own, or by the repository's name."""
    if config.model.random_init is not None:
        size = config.model.random_init
        return size, ARCHITECTURES[size].transformer
    file = Path(config.model.source) / "transformer" / "config.json"
    if file.is_file():
        try:
            found = outside.settings(file)
            known = {name: found[name] for name in ARCHITECTURES["medium"].transformer}
        except (ValueError, KeyError) as error:
            raise ValueError(f"{file} does not describe an SD3 transformer: {error}") from None
        layers = {plan.transformer["num_layers"]: size for size, plan in ARCHITECTURES.items()}
        return layers.get(known["num_layers"], "medium"), known
    size = "large" if "large" in config.model.source else "medium"
    return size, ARCHITECTURES[size].transformer
