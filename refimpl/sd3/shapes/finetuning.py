"""`refimpl train shapes`: pre-train, improve by Flow-GRPO, measure before and after.

    carry_out(Request(out, ("levelled", "kl")))

    out/pretraining/        unless a pre-trained pipeline is named
    out/ARM/                a run's folder each, as `train sd3` leaves it
    out/ARM.json, ...       what was measured of each; finished parts are not done again
    out/metrics.json        every number of the report
    out/report.md, *.svg, *.png

The improving is done by the trainer of `train sd3`. What it exported, an adapter or a whole
transformer, is measured afterwards, loaded by diffusers into a fresh pipeline.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import torch
from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline

from ... import outside
from ...runs import atomic, folder, metrics
from ...runs.versions import versions
from ..run import card
from ..run.progress import Progress
from ..settings.config import Config
from . import arms, deciding, miniature, network, pretraining, report, signal
from .evaluation import drawn, evaluate, sampled
from .request import TINY, Request, some

Say: TypeAlias = Callable[[str], None]
SEED = 2_000_000
"""Of the noise that before and after are measured with; no training uses it."""
BEFORE = {"network": 0}
"""What a folder meant that was made when this was no setting yet."""


def carry_out(request: Request, say: Say = lambda text: None) -> dict[str, Any]:
    """Everything; what metrics.json holds.

    Raises:
        FileExistsError: `out` exists, and `resume` is not asked for.
        ValueError: another request's folder; or see `pretrain` and `run.run`, for others too.
    """
    configs = {name: request.config(name) for name in request.arms}
    if request.pretrained is not None:
        network.load(request.pretrained)  # what cannot be read is refused before all else
    _enter(request)
    pretrained = request.pretrained or _pretrained(request, say)
    base = _kept(request.out / "base.json", lambda: _measured(request, pretrained, "base"))
    say(f"before: strict {base['quality']['strict']:.3f}")
    found: dict[str, Any] = {"base": base, "data": _data(request), "arms": {}}
    if request.pretrained is None:
        found["network"] = request.network
    for name, config in configs.items():
        found["arms"][name] = arm = _arm(request, pretrained, name, config, say)
        after = arm["quality"]
        say(f"{name}: strict {after['strict']:.3f}, distance {after['distance']:.2f}")
    if request.looks:
        found["decisions"] = _kept(
            request.out / "decisions.json", lambda: _decided(request, pretrained)
        )
        found["signal"] = _signals(request, pretrained, say) if request.signal else {}
    found["made by"] = {**versions(), "processor": _processor()}
    if request.pretrained is None:
        found["pretraining"] = folder.summary(request.out / "pretraining")
    _write(request.out / "metrics.json", found)
    report.write(request.out, found)
    return found


def _enter(request: Request) -> None:
    """Make the folder, or see that it is this request's."""
    file = request.out / "request.json"
    if not request.out.exists():
        request.out.mkdir(parents=True)
        _write(file, request.asked)
        return
    if not request.resume:
        raise FileExistsError(
            f"{request.out} exists: go on with --resume, or name another folder with --out"
        )
    before = outside.settings(file) if file.exists() else {}
    different = [
        f"{key}: {before.get(key)!r} there, {value!r} here"
        for key, value in request.asked.items()
        if before.get(key, BEFORE.get(key)) != value
    ]
    if different:
        raise ValueError(
            f"{request.out} was made otherwise ({'; '.join(different)}): resume with the same, "
            "or name another folder with --out"
        )


def _pretrained(request: Request, say: Say) -> Path:
    short = {"steps": 20, "batch": 8, "checkpoint_every": 10} if request.quick else {}
    settings = pretraining.Settings(seed=request.network, **short)
    out = request.out / "pretraining"

    def tell(step: int, steps: int, loss: float) -> None:
        if step % 100 == 0 or step == steps:
            say(f"pre-training {step}/{steps}: loss {loss:.3f}")

    return pretraining.pretrain(
        out, settings, resume=out.exists(), shape=TINY if request.quick else None, on_progress=tell
    )


def _arm(request: Request, pretrained: Path, name: str, config: Config, say: Say) -> dict[str, Any]:
    out, clock = request.out / name, request.out / f"{name}-seconds.json"

    def work() -> dict[str, Any]:
        spent = outside.settings(clock)["cpu"] if clock.exists() else 0.0
        spent -= time.process_time()

        def tell(progress: Progress) -> None:
            _write(clock, {"cpu": spent + time.process_time()})
            say(f"{name} {progress.done}/{progress.of}: {progress.line}")

        miniature.improve(config, pretrained, out, resume=out.exists(), say=tell)
        return _measured(request, pretrained, name)

    kept = _kept(request.out / f"{name}.json", work)
    rows = metrics.read(out / "metrics.jsonl")
    held = [(row["step"], row["eval/shapes/strict"]) for row in rows if "eval/shapes/strict" in row]
    return {
        "about": arms.ARMS[name].about,
        "iterations": len(rows),
        "CPU seconds": outside.settings(clock)["cpu"],
        **kept,
        "held out": [*held, (len(rows), folder.summary(out)["after"]["shapes/strict"])],
        "reward": [row["reward"] for row in rows],
        "kl": [row["kl"] for row in rows],
        "ratio gap": max(max(row["ratio_gap_by_step"]) for row in rows),
    }


def _measured(request: Request, pretrained: Path, name: str) -> dict[str, Any]:
    """How good on held-out captions, and a sheet of some pictures; "base" is before training."""
    start = time.process_time()
    pipeline = network.load(pretrained)
    if name != "base":
        _trained(pipeline, request.config(name).adapter.kind, request.out / name)
    config, captions = request.config("levelled"), request.captions
    images = sampled(
        pipeline,
        captions,
        request.each,
        config.sampling.levels(config.sampling.eval_steps),
        guidance=config.sampling.guidance,
        seed=SEED,
    )
    shown = [captions.index(caption) for caption in some(captions)]
    sheet = report.sheet(images[shown, :8], [captions[i] for i in shown])
    atomic.write(request.out / f"{name}.png", sheet)
    quality = asdict(evaluate(images, captions))
    return {"quality": quality, "CPU seconds of measuring": time.process_time() - start}


def _trained(pipeline: StableDiffusion3Pipeline, kind: str, run: Path) -> None:
    """Give the pipeline what a run exported."""
    exported = run / card.FOLDERS[kind]
    if kind == "full":
        pipeline.transformer = SD3Transformer2DModel.from_pretrained(exported)
    else:
        pipeline.load_lora_weights(exported)
        pipeline.fuse_lora()


def _data(request: Request) -> dict[str, Any]:
    """The same of true pictures."""
    images = drawn(request.captions, request.each, torch.Generator().manual_seed(SEED))
    return asdict(evaluate(images, request.captions))


def _decided(request: Request, pretrained: Path) -> dict[str, Any]:
    """Of the policy before any training, on the grid that it is trained on."""
    sampling, each = request.config("levelled").sampling, max(1, request.each // 2)
    grid = sampling.levels(sampling.steps)
    return asdict(deciding.look(network.load(pretrained), request.captions, each, grid, seed=SEED))


def _signals(request: Request, pretrained: Path, say: Say) -> dict[str, Any]:
    """Of both kinds of noise: in every step, and in a window."""

    def seen(name: str, arm: str) -> dict[str, Any]:
        say(f"gradients, {report.NOISE[name]}")
        return asdict(signal.look(request.config(arm), pretrained, request.signal))

    return {
        "all": _kept(request.out / "signal-all.json", lambda: seen("all", "equal")),
        "window": _kept(request.out / "signal-window.json", lambda: seen("window", "levelled")),
    }


def _kept(file: Path, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the file says, or the work's result, kept in it."""
    if not file.exists():
        _write(file, work())
    found: dict[str, Any] = metrics.restored(outside.settings(file, 256 * outside.MIB))
    return found


def _write(file: Path, values: dict[str, Any]) -> None:
    atomic.write(file, (json.dumps(metrics.plain(values), indent=1) + "\n").encode())


def _processor() -> str:
    """Its name, where the system tells."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"
