"""One call that measures everything on a GPU, in at most ten minutes.

    python -m refimpl.sd3.bench.gpu --out results --flow-grpo path/to/flow_grpo

Numerics of replay in float32 and bf16; rollout and update time of SD3.5-medium at 512 pixels with
random weights, by option, beside flow_grpo's own pipeline and step; share of the bf16 ceiling;
memory; and the miniature to its plateau. Writes results.json and results.md after every part, so
that a call that is cut short leaves what it had. `--size tiny` runs it all on a CPU in a minute.
"""

import argparse
import dataclasses
import gc
import json
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ...runs import atomic, monitors
from ...runs.versions import versions
from ..model import flops
from ..model.architectures import ARCHITECTURES
from ..run import plan
from ..run.session import environment
from . import report
from .peer import Peer
from .subject import Bench, Subject
from .timing import ceiling, measure

OPTIONS: dict[str, tuple[str, ...]] = {
    "guidance and KL": (),
    "guidance, no KL": ("method.beta=0",),
    "guidance and KL, unconditional half kept": ("training.unconditional_kept=true",),
    "guidance and KL, adapter's products in bf16": ("adapter.products=network",),
    "guidance and KL, both halves with gradient": ("training.unconditional_gradient=true",),
    "guidance and KL, checkpointing": ("model.gradient_checkpointing=true",),
    "guidance and KL, compiled blocks": ("model.compile=blocks",),
    "no guidance, KL": ("sampling.guidance=1",),
    "no guidance, no KL, window of 3": (
        "sampling.guidance=1", "method.beta=0", "method.window=first"),
}  # fmt: skip
"""What is timed: changes to the article's settings."""


MINIATURE = 150.0
"""Seconds kept for the miniature."""


def numerics(bench: Bench) -> list[dict[str, Any]]:
    """How far from 1 the ratio is before any update, by precision, reduction and batch shape."""
    found = []
    for dtype in ("fp32", "bf16"):
        subject = Subject(bench, bench.config("sampling.guidance=1", dtype=dtype))
        experience = subject.experience(subject.roll())
        coordinates = experience.trajectory.ends[0].numel()
        for reduction in ("total", "average"):
            subject.config = dataclasses.replace(
                subject.config, method=subject.config.method.but(reduction=reduction)
            )
            for rows in (bench.rows, max(1, bench.rows // 2)):
                scored = subject.learn(experience, rows)
                gaps, steps = (scored.ratio - 1).abs(), range(experience.steps)
                found.append({
                    "network": dtype, "reduction": reduction, "rows in the update": rows,
                    "rows in the rollout": bench.rows, "largest |r − 1|": float(gaps.max()),
                    "by step": [float(gaps[scored.step == k].max()) for k in steps],
                    "mean moved, in stds": monitors.shift(
                        float(scored.moved.max()), coordinates if reduction == "total" else 1
                    ),
                })  # fmt: skip
        del subject, experience
        _empty()
    return found


def speed(
    bench: Bench, limit: float, left: Callable[[], float], among: int | None
) -> list[dict[str, Any]]:
    """Rollout and update of each option, with the share of the ceiling and the peak memory."""
    found: list[dict[str, Any]] = []
    for name, changes in list(OPTIONS.items())[:among]:
        config = bench.config(*changes)
        if left() < 60 or (config.model.compile != "none" and bench.device.type == "cpu"):
            continue
        subject = Subject(bench, config)
        experience = subject.experience(subject.roll())
        rolled = measure(subject.roll, bench.device, 2)
        ends = experience.trajectory.ends
        decoded = measure(partial(subject.parts.decode, ends), bench.device, 2)
        learnt = measure(partial(subject.learn, experience, bench.rows), bench.device, 2)
        cost = plan.plan(config).tflop
        seconds = {"rollout": rolled.seconds, "decoding": decoded.seconds, "update": learnt.seconds}
        each = {part: x / bench.rows for part, x in seconds.items()}
        work = {
            "rollout": cost["rollout"],
            "update": sum(cost.get(k, 0.0) for k in ("forward", "backward", "reference")),
        }
        reached = {part: work[part] / each[part] for part in work}
        found.append({
            "option": name,
            **{f"{part}, s an image": x for part, x in each.items()},
            **{f"{part}, share of the ceiling": x / limit for part, x in reached.items()},
            "rollout, GiB": rolled.gib, "update, GiB": learnt.gib,
        })  # fmt: skip
        del subject, experience, ends
        _empty()
    return found


def peer(bench: Bench, checkout: Path) -> list[dict[str, Any]]:
    """flow_grpo's own pipeline and step, at the settings of "guidance and KL"."""
    found = []
    kinds = {
        "float32 weights under autocast, as published": (torch.float32, torch.bfloat16),
        "bf16 weights under autocast": (torch.bfloat16, torch.bfloat16),
    }
    for name, (dtype, autocast) in kinds.items():
        theirs = Peer(
            checkout, bench.bare(dtype), bench.text(bench.rows, dtype), bench.text(1, dtype),
            resolution=bench.resolution, steps=10, guidance=4.5, autocast=autocast,
        )  # fmt: skip
        _, latents, log_probs = theirs.rollout()
        rolled = measure(theirs.rollout, bench.device, 2)
        learnt = measure(partial(theirs.train, latents, log_probs, 0.04), bench.device, 2)
        found.append({
            "flow_grpo": name,
            "rollout and decoding, s an image": rolled.seconds / bench.rows,
            "update, s an image": learnt.seconds / bench.rows,
            "rollout, GiB": rolled.gib, "update, GiB": learnt.gib,
        })  # fmt: skip
        del theirs, latents, log_probs
        _empty()
    return found


def miniature(bench: Bench, out: Path, seconds: float) -> dict[str, Any]:
    """Pre-train the shapes for a third of the time, then improve them by Flow-GRPO."""
    from ..shapes import miniature as shapes

    return shapes.learn(out, seconds=seconds, device=bench.device)


def _empty() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run every part that fits the time."""
    options = _options(arguments)
    started, out = time.perf_counter(), options.out
    out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = True
    bench = Bench(options.size, options.resolution, options.rows, device, 60 * options.minutes)
    found: dict[str, Any] = {"machine": {**versions(), **environment()}, "options": {
        k: str(v) for k, v in vars(options).items()}}  # fmt: skip
    size = 8192 if device.type == "cuda" else 512
    limit = ceiling(device, torch.bfloat16, size)
    found["ceiling, TFLOP/s"] = limit
    transformer = ARCHITECTURES[bench.size].transformer
    image = flops.image_tokens(transformer, bench.resolution)
    found["forward, TFLOP"] = flops.forward(transformer, image, plan.CLIP_TOKENS + 128) / 1e12

    def left() -> float:
        return bench.deadline - (time.perf_counter() - started)

    parts: dict[str, Callable[[], Any]] = {"numerics": lambda: numerics(bench)}
    if options.flow_grpo is not None:
        parts["flow_grpo"] = lambda: peer(bench, options.flow_grpo)
    parts["speed"] = lambda: speed(
        bench, limit, lambda: left() - MINIATURE * (not options.skip_miniature), options.among
    )
    if not options.skip_miniature:
        parts["miniature"] = lambda: miniature(bench, out / "miniature", left() - 10)
    for name, part in parts.items():
        begun = time.perf_counter()
        if left() < 20:
            found[name] = "not begun: no time was left"
            continue
        try:
            found[name] = part()
        except Exception:
            found[name] = traceback.format_exc()
            print(found[name], flush=True)
        found.setdefault("seconds", {})[name] = time.perf_counter() - begun
        _empty()
        _write(out, found)
        print(f"{name}: {time.perf_counter() - begun:.0f} s", flush=True)
    return found


def _write(out: Path, found: dict[str, Any]) -> None:
    plainly = json.dumps(found, indent=2, default=str) + "\n"
    atomic.write(out / "results.json", plainly.encode())
    atomic.write(out / "results.md", report.markdown(found).encode())


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--flow-grpo", type=Path, help="a checkout of yifan123/flow_grpo")
    parser.add_argument("--size", choices=tuple(ARCHITECTURES), default="medium")
    parser.add_argument("--resolution", type=int, default=512)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=9.5)
    parser.add_argument("--among", type=int, help="only the first so many options")
    parser.add_argument("--skip-miniature", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
