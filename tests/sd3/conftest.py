"""Runs of the tiny pipeline that take a second."""

import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

sys.path.append(str(Path(__file__).parent))  # stand_in.py is no test


@pytest.fixture(scope="session")
def quiet() -> None:
    """One thread, and no progress bars."""
    import diffusers
    import transformers

    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=FutureWarning)
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()


def redness(
    images: Tensor, prompts: Sequence[str], metadata: Sequence[Any]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Red minus blue, and the brightness beside it."""
    red, _, blue = images.mean(dim=(2, 3)).T
    return red - blue, {"brightness": images.mean(dim=(1, 2, 3))}


BASE = (
    "model.random_init=tiny",
    "model.dtype=fp32",
    "vae.dtype=fp32",
    "sampling.resolution=32",
    "sampling.groups=2",
    "sampling.group=4",
    "sampling.steps=4",
    "sampling.eval_steps=4",
    "sampling.batch=8",
    "training.rows=8",
    "training.iterations=2",
    "text.tokens=8",
    "data.holdout=3",
    "evaluation.pictures=2",
    "run.checkpoint_every=1",
    "run.tensorboard=false",
    "run.record_every=0",
)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Any]:
    """`settings("sampling.steps=5", preset="flow_grpo")`: a configuration of the tiny model."""
    from refimpl.sd3.settings import presets

    file = tmp_path / "prompts.txt"
    colours, things = ("red", "blue", "green"), ("square", "circle", "cross")
    file.write_text("\n".join(f"a {c} {thing}" for c in colours for thing in things))

    def make(*changes: str, preset: str = "paper") -> Any:
        places = (f"data.prompts={file}", f"text.cache={tmp_path / 'text'}")
        return presets.resolve([preset], None, [*BASE, *places, *changes])

    return make


@pytest.fixture
def trainer(quiet: None) -> Callable[..., Any]:
    """`trainer(config)`: everything between the configuration and the loop."""
    from refimpl.sd3.engine import processes as engine
    from refimpl.sd3.engine.assemble import assemble
    from refimpl.sd3.engine.processes import Engine
    from refimpl.sd3.loop import data
    from refimpl.sd3.loop.train import Trainer
    from refimpl.sd3.rewards import Mixture

    def make(config: Any, reward: Any = redness) -> Any:
        accelerator = engine.accelerator(config.model.dtype)
        parts = assemble(config, accelerator.device)
        ready = Engine(accelerator, parts.transformer, config.training)
        mixture = Mixture({"redness": reward}, {"redness": 1.0})
        return Trainer(config, parts, data.gather(config), mixture, ready)

    return make


@pytest.fixture
def started(trainer: Callable[..., Any]) -> Callable[..., Any]:
    """`started(config, out)`: a whole run in its folder."""
    from refimpl.sd3.run import starting as run

    def make(config: Any, out: Path, reward: Any = redness, **options: Any) -> dict[str, Any]:
        made = trainer(config, reward)
        made.background.close()
        return run.carry_out(
            config, made.parts, made.data, made.mixture, made.engine, out, **options
        )

    return make


@pytest.fixture
def whole_and_resumed(started: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """`whole_and_resumed(config)`: folders of a run, and of one killed after its first iteration
    and resumed; their metrics are the same to the byte."""

    class Killed(BaseException):
        """Stands for kill -9: nothing of the run handles it."""

    def kill(progress: Any) -> None:
        if progress.done == 1:
            raise Killed

    def make(config: Any) -> tuple[Path, Path]:
        whole, killed = tmp_path / "all", tmp_path / "killed"
        started(config, whole)
        with pytest.raises(Killed):
            started(config, killed, say=kill)
        started(config, killed, resume=True)
        lines = [(run / "metrics.jsonl").read_bytes() for run in (whole, killed)]
        assert lines[0] == lines[1]
        return whole, killed

    return make
