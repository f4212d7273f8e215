"""Real processes: two train what one trains, and a killed one goes on where it was."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file

from refimpl import sd3
from refimpl.runs import metrics
from refimpl.sd3.model import adapters, pipelines
from refimpl.sd3.settings.config import DTYPES, plain

pytestmark = pytest.mark.slow
WORKER = Path(__file__).with_name("worker.py")
ENGINES = Path(sd3.__file__).parent / "engines"
ENVIRONMENT = {
    **os.environ,
    "ACCELERATE_USE_CPU": "true",
    "DS_ACCELERATOR": "cpu",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
}


def launch(file: Path, out: Path, processes: int, *words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable]
    if processes > 1:
        program += ["-m", "torch.distributed.run", f"--nproc_per_node={processes}", "--standalone"]
    return subprocess.run(
        [*program, str(WORKER), str(file), str(out), *words],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def saved(settings: Callable[..., Any], tmp_path: Path) -> Path:
    config = settings(
        "training.iterations=2", "training.updates=2", "sampling.group=6", "ema.every=1",
        "sampling.batch=3", "training.rows=3", "evaluation.pictures=2",
    )  # fmt: skip
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(plain(config)))
    return file


def difference(one: Path, other: Path) -> float:
    """The largest difference between two runs' adapters, relative to how far they moved."""
    a, b = (load_file(run / "adapter" / adapters.WEIGHTS) for run in (one, other))
    assert a.keys() == b.keys()
    moved = max(float(x.abs().max()) for name, x in a.items() if "lora_B" in name)
    assert moved > 1e-4  # B began at 0
    found = max(float((a[name] - b[name]).abs().max()) for name in a) / moved
    print(f"difference {found:.2e}")
    return found


def pixels(file: Path) -> torch.Tensor:
    """A picture's grey levels."""
    image = Image.open(file).convert("L")
    return torch.tensor(list(image.tobytes()), dtype=torch.float32)


def require(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 0, done.stderr[-3000:]
    for word in words:
        assert word in done.stdout


def test_two_processes_train_what_one_trains(saved: Path, tmp_path: Path) -> None:
    """The same prompts, noises, advantages and means of gradients; sums in another order.

    Adam divides by the gradient's size, so that rounding of 1e-7 in an entry that is almost 0
    is a visible part of a step: 1 % of the largest movement is allowed, where two different
    halves of a batch differ by as much as they move. Ratios are exactly 1, for rollout and update
    ask the network for as many rows at a time.
    """
    require(launch(saved, tmp_path / "one", 1), "world 1")
    require(launch(saved, tmp_path / "two", 2), "world 2")
    assert difference(tmp_path / "one", tmp_path / "two") < 1e-2
    ours, theirs = (metrics.read(tmp_path / name / "metrics.jsonl") for name in ("one", "two"))
    for a, b in zip(ours, theirs, strict=True):
        for name in ("reward", "eval/reward", "kl", "gradient_norm"):
            if name in a:
                assert a[name] == pytest.approx(b[name], rel=1e-3, abs=1e-6), name
        assert a["ratio_gap_by_step"] == b["ratio_gap_by_step"] == [0, 0, 0]
    one, two = (pixels(tmp_path / name / "pictures" / "00000000.png") for name in ("one", "two"))
    assert (one - two).abs().max() <= 1  # the same pictures and captions, in the same places
    assert one.std() > 10


def test_a_run_of_two_processes_resumes_on_one(saved: Path, tmp_path: Path) -> None:
    """A checkpoint does not depend on how many wrote it."""
    require(launch(saved, tmp_path / "two", 2), "world 2")
    (tmp_path / "two" / "summary.json").unlink()
    (tmp_path / "two" / "checkpoints" / "00000002.pt").unlink()
    require(launch(saved, tmp_path / "two", 1, "resume"), "world 1", "done 2")
    require(launch(saved, tmp_path / "one", 1), "world 1")
    assert difference(tmp_path / "one", tmp_path / "two") < 1e-2


def test_sharded_weights_train_what_whole_ones_train(saved: Path, tmp_path: Path) -> None:
    require(launch(saved, tmp_path / "one", 1), "world 1")
    require(launch(saved, tmp_path / "sharded", 2, "sharded"), "world 2 FSDP")
    assert difference(tmp_path / "one", tmp_path / "sharded") < 1e-2
    (tmp_path / "sharded" / "summary.json").unlink()
    (tmp_path / "sharded" / "checkpoints" / "00000002.pt").unlink()
    require(launch(saved, tmp_path / "sharded", 2, "sharded", "resume"), "world 2 FSDP", "done 2")
    assert difference(tmp_path / "one", tmp_path / "sharded") < 1e-2


@pytest.mark.parametrize(("kind", "dtype"), [("", "fp32"), ("sharded", "bf16")])
def test_all_weights_are_trained_alike_by_one_process_two_and_sharded_ones(
    settings: Callable[..., Any], tmp_path: Path, kind: str, dtype: str
) -> None:
    """Against how far weights moved: rounding of sums, or of bf16 in batches of another size.

    Adam's ε is raised over the gradients, so that an entry of rounding alone makes no full step.
    """
    config = settings(
        "adapter.kind=full", "method.beta=0.04", "training.iterations=2", "training.updates=2",
        "training.learning_rate=0.1", "training.eps=100", "sampling.group=6", "ema.every=1",
        "ema.decay=0", "sampling.batch=6", "training.rows=6", f"model.dtype={dtype}",
    )  # fmt: skip
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(plain(config)))
    words = (kind,) if kind else ()
    require(launch(file, tmp_path / "one", 1), "world 1")
    require(launch(file, tmp_path / "two", 2, *words), "world 2")
    again = tmp_path / "again"
    shutil.copytree(tmp_path / "two", again)
    (again / "summary.json").unlink()
    (again / "checkpoints" / "00000002.pt").unlink()
    require(launch(file, again, 2, *words, "resume"), "done 2")
    begun = pipelines.at_random("tiny", seed=config.run.seed, dtype=DTYPES[dtype]).transformer
    start = dict(begun.named_parameters())
    one, two, resumed = (
        load_file(tmp_path / name / "transformer" / "diffusion_pytorch_model.safetensors")
        for name in ("one", "two", "again")
    )
    assert {*start} <= one.keys() == two.keys()
    moved = max(float((one[name] - x.detach()).abs().max()) for name, x in start.items())
    off = max(float((one[name] - two[name]).abs().max()) for name in one) / moved
    print(f"moved {moved:.2e}, difference {off:.2e}")
    assert moved > 1e-4
    assert off < {"fp32": 1e-3, "bf16": 0.1}[dtype]
    assert all(torch.equal(two[name], resumed[name]) for name in two)
    for row in metrics.read(tmp_path / "two" / "metrics.jsonl"):
        assert max(row["ratio_gap_by_step"]) < {"fp32": 1e-5, "bf16": 0.05}[dtype]


def test_deepspeed_trains_what_one_process_trains_and_resumes_to_the_bit(
    saved: Path, tmp_path: Path
) -> None:
    """Three micro-batches an update, so that a gradient counted once for each would show."""
    pytest.importorskip("deepspeed", reason="pip install -c constraints.txt -e '.[deepspeed]'")
    require(launch(saved, tmp_path / "one", 1), "world 1")
    require(launch(saved, tmp_path / "zero", 2, "zero"), "world 2 DEEPSPEED")
    assert difference(tmp_path / "one", tmp_path / "zero") < 1e-2
    ours, theirs = (metrics.read(tmp_path / name / "metrics.jsonl") for name in ("one", "zero"))
    for a, b in zip(ours, theirs, strict=True):
        assert a["gradient_norm"] == pytest.approx(b["gradient_norm"], rel=1e-3)
    for processes, words, off in ((2, ("zero",), 0.0), (1, (), 1e-2)):
        again = tmp_path / f"resumed on {processes}"
        shutil.copytree(tmp_path / "zero", again)
        (again / "summary.json").unlink()
        (again / "checkpoints" / "00000002.pt").unlink()
        require(launch(saved, again, processes, *words, "resume"), "done 2")
        assert difference(tmp_path / "zero", again) <= off


FAILS = "import os\n    if os.environ['RANK'] == '1':\n        raise OSError('away')\n    "
SCORE = """def failing(*args):
    {fails}pass


from refimpl.sd3.loop import update
update.score = failing


def main("""


@pytest.mark.parametrize("where", ["a reward", "an update"])
def test_a_failing_process_stops_all_of_them(saved: Path, tmp_path: Path, where: str) -> None:
    """What fails in one process must not leave the other waiting."""
    broken, text = tmp_path / "worker.py", WORKER.read_text()
    if where == "a reward":
        text = text.replace("    return red - blue, {}", f"    {FAILS}return red - blue, {{}}")
    else:
        text = text.replace("def main(", SCORE.format(fails=FAILS).replace("pass", "return None"))
        text = text.replace("update.score = failing", "real, update.score = update.score, "
                            "lambda *args: failing(*args) or real(*args)")  # fmt: skip
    broken.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone",
         str(broken), str(saved), str(tmp_path / "out")],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode != 0
    assert "OSError: away" in done.stderr
    assert "process 1 stopped with an error" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_goes_on_where_it_was(
    settings: Callable[..., Any], tmp_path: Path, number: signal.Signals
) -> None:
    """Killed, or asked to leave, several times at whatever moment it comes."""
    config = settings("training.iterations=6", "training.updates=2")
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(plain(config)))
    require(launch(file, tmp_path / "whole", 1))
    out, kills = tmp_path / "killed", 0
    for seconds in (0.9, 0.3, 1.7, 0.6):
        resume = ["resume"] if (out / "run.json").exists() else []
        process = subprocess.Popen(
            [sys.executable, str(WORKER), str(file), str(out), *resume],
            env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        if process.stdout.readline().startswith("done"):  # at work: now at any moment
            time.sleep(seconds)
        if process.poll() is None:
            os.kill(process.pid, number)
            kills += 1
        process.communicate()
    assert kills >= 2
    if not (out / "summary.json").exists():
        require(launch(file, out, 1, "resume"))
    assert (out / "metrics.jsonl").read_bytes() == (
        tmp_path / "whole" / "metrics.jsonl"
    ).read_bytes()
    a, b = (load_file(run / "adapter" / adapters.WEIGHTS) for run in (out, tmp_path / "whole"))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not list(out.rglob("*.part"))


def test_the_shipped_deepspeed_leaves_accumulation_to_the_trainer() -> None:
    """accelerate reads this number as it stands, before any "auto" is worked out."""
    asked = yaml.safe_load((ENGINES / "deepspeed.yaml").read_text())
    assert asked["deepspeed_config"]["gradient_accumulation_steps"] == 1


@pytest.mark.parametrize("name", ["ddp", "fsdp"])
def test_a_shipped_engine_is_one_that_accelerate_reads(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(ENGINES / f"{name}.yaml"))
    assert config.distributed_type.name == {"ddp": "MULTI_GPU", "fsdp": "FSDP"}[name]
    assert config.mixed_precision == "no"
