"""A run is an artefact: resumed to the bit, damaged without harm, exported to plain diffusers."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from refimpl import methods
from refimpl.runs import doctor, metrics
from refimpl.sd3.loop import data
from refimpl.sd3.model import adapters
from refimpl.sd3.rewards import RewardError
from refimpl.sd3.run import starting as run

Make = Callable[..., Any]


class Killed(BaseException):
    """Stands for kill -9: nothing of the run handles it."""


def killed_after(iterations: int) -> Any:
    def say(progress: Any) -> None:
        if progress.done == iterations:
            raise Killed

    return say


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "adapter" / adapters.WEIGHTS)


def same_run(one: Path, other: Path) -> None:
    """The same bytes of metrics, and the same adapter to the bit."""
    assert (one / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


CHANGES = ("training.iterations=3", "training.updates=2", "ema.every=1", "seed=1")


def test_a_run_is_an_artefact_and_a_healthy_one(
    settings: Make, started: Make, tmp_path: Path
) -> None:
    config = settings(*CHANGES, "run.signal_every=2", "run.tensorboard=true", "run.record_every=2")
    summary = started(config, tmp_path / "run")
    out = tmp_path / "run"
    files = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    assert {
        "run.json", "config.yaml", "environment.json", "metrics.jsonl", "speed.jsonl",
        "summary.json", "report.html", "report.md",
        "pictures/00000000.png", "pictures/00000003.png",
        "checkpoints/00000002.pt", "checkpoints/00000003.pt", "adapter/README.md",
        f"adapter/{adapters.WEIGHTS}", "record/00000000/update-000000.safetensors",
    } <= files  # fmt: skip
    assert "checkpoints/00000001.pt" not in files  # two are kept
    assert any("tfevents" in name for name in files)
    assert summary["after"]["reward"] != summary["before"]["reward"]
    rows = metrics.read(out / "metrics.jsonl")
    assert [row["step"] for row in rows] == [0, 1, 2]
    assert rows[0]["readings"]["ratio_gap"][0] == 0
    assert rows[0]["readings"]["kl_start"][0] == 0
    assert rows[0]["ratio_gap_by_step"] == [0.0, 0.0, 0.0]
    assert len(rows[0]["signal"]) == 3
    assert "signal" not in rows[1]
    assert {"reward/redness", "extra/redness/brightness"} <= rows[0].keys()
    assert {"eval/reward", "eval/redness"} <= rows[0].keys()
    diagnosis = doctor.examine(out)
    assert diagnosis.healthy
    read = {f.invariant for f in diagnosis.findings if f.verdict == "holds"}
    assert {"ratio_gap", "replay_gap", "mean_ratio", "kl_start", "residual_variance"} <= read
    assert "Flow-GRPO" in (out / "adapter" / "README.md").read_text()


@pytest.mark.parametrize("stop", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_resumed_run_is_the_run_that_never_stopped(
    settings: Make, started: Make, tmp_path: Path, stop: int
) -> None:
    config = settings(*CHANGES)
    started(config, tmp_path / "whole")
    with pytest.raises(Killed):
        started(config, tmp_path / "killed", say=killed_after(stop))
    assert not (tmp_path / "killed" / "summary.json").exists()
    started(config, tmp_path / "killed", resume=True)
    same_run(tmp_path / "whole", tmp_path / "killed")


def test_work_after_the_last_checkpoint_is_done_again(
    settings: Make, started: Make, tmp_path: Path
) -> None:
    config = settings(*CHANGES, "run.checkpoint_every=2")
    started(config, tmp_path / "whole")
    with pytest.raises(Killed):
        started(config, tmp_path / "killed", say=killed_after(1))
    told: list[str] = []
    started(config, tmp_path / "killed", resume=True, warn=told.append)
    assert any("1 lines of metrics after step 0" in text for text in told)
    same_run(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.parametrize("damage", ["truncated", pytest.param("one bit", marks=pytest.mark.slow)])
def test_a_damaged_checkpoint_is_passed_over(
    settings: Make, started: Make, tmp_path: Path, damage: str
) -> None:
    config = settings(*CHANGES)
    started(config, tmp_path / "whole")
    with pytest.raises(Killed):
        started(config, tmp_path / "killed", say=killed_after(2))
    file = tmp_path / "killed" / "checkpoints" / "00000002.pt"
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2] ^= 1
    file.write_bytes(content)
    told: list[str] = []
    started(config, tmp_path / "killed", resume=True, warn=told.append)
    assert any("00000002.pt is damaged" in text and "step 1 is used" in text for text in told)
    same_run(tmp_path / "whole", tmp_path / "killed")


def test_a_killed_write_leaves_nothing_half_written(
    settings: Make, started: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between the weights and their folder's place: the adapter of before stays whole."""
    config = settings(*CHANGES)

    def stop(*args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(adapters, "_into_place", stop)
        with pytest.raises(Killed):
            started(config, tmp_path / "run")
    assert not (tmp_path / "run" / "adapter").exists()
    started(config, tmp_path / "run", resume=True)
    assert weights(tmp_path / "run")
    assert not list((tmp_path / "run").glob(".adapter*"))


def test_the_adapter_loads_in_plain_diffusers_to_the_same_image(
    settings: Make, trainer: Make, tmp_path: Path
) -> None:
    """Trained in ours, exported, loaded by `load_lora_weights`: bit for bit, alpha kept."""
    from refimpl.sd3.model import pipelines

    made = trainer(settings("adapter.alpha=96"))
    with torch.no_grad():
        for parameter in made.engine.parameters:
            parameter += 0.1
    options = {
        "prompt": "a red square", "num_inference_steps": 3, "height": 32, "width": 32,
        "output_type": "pt", "max_sequence_length": 8, "guidance_scale": 4.5,
    }  # fmt: skip

    def picture(pipeline: Any) -> torch.Tensor:
        pipeline.set_progress_bar_config(disable=True)
        return pipeline(**options, generator=torch.Generator().manual_seed(0)).images

    ours = picture(made.parts.pipeline)
    adapters.export(made.parts.transformer, tmp_path / "adapter")
    with safe_open(tmp_path / "adapter" / adapters.WEIGHTS, "pt") as opened:
        about = json.loads(opened.metadata()["lora_adapter_metadata"])
    targets = about["transformer.target_modules"]
    assert targets == sorted(targets)  # so that equal runs leave equal bytes
    plain = pipelines.at_random("tiny", seed=made.config.run.seed)
    bare = picture(plain)
    plain.load_lora_weights(tmp_path / "adapter")
    assert torch.equal(picture(plain), ours)
    assert (ours - bare).abs().max() > 0.01


def test_a_checkpoint_of_flow_grpo_is_converted(
    settings: Make, trainer: Make, tmp_path: Path
) -> None:
    """Their trainer wraps the transformer in a PeftModel and saves that."""
    from peft import LoraConfig, get_peft_model

    from refimpl.sd3.model import pipelines
    from refimpl.sd3.model.policy import TARGETS

    theirs = pipelines.at_random("tiny")
    wrapped = get_peft_model(
        theirs.transformer,
        LoraConfig(
            r=4, lora_alpha=8, init_lora_weights="gaussian", target_modules=list(TARGETS["attn"])
        ),
    )
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_B" in name:
                parameter += 0.1
    checkpoint = tmp_path / "checkpoint-60"
    wrapped.save_pretrained(checkpoint / "lora")
    assert adapters.convert(checkpoint, tmp_path / "lora") == 2 * 15
    ours = pipelines.at_random("tiny")
    ours.load_lora_weights(tmp_path / "lora")
    x, text, pooled = torch.randn(1, 4, 4, 4), torch.randn(1, 5, 32), torch.randn(1, 32)
    with torch.no_grad():
        a, b = (
            network(x, text, pooled, torch.tensor([500.0])).sample
            for network in (wrapped, ours.transformer)
        )
    assert torch.equal(a, b)
    for bad, said in ((tmp_path / "nothing", "adapter_config.json"), (checkpoint, "exists")):
        with pytest.raises(ValueError, match=said):
            adapters.convert(bad, tmp_path / "lora" if bad is checkpoint else tmp_path / "other")


def raises(images: Any, prompts: Any, metadata: Any) -> Any:
    raise TimeoutError("no answer in 30 s")


def not_a_number(images: Any, prompts: Any, metadata: Any) -> Any:
    return torch.full((len(images),), torch.nan), {}


def too_few(images: Any, prompts: Any, metadata: Any) -> Any:
    return torch.zeros(len(images) - 1), {}


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        (raises, "TimeoutError: no answer"),
        (not_a_number, "was scored"),
        (too_few, "one number an image"),
    ],
)
def test_a_reward_that_fails_stops_the_run_with_a_line(
    settings: Make, trainer: Make, reward: Any, said: str
) -> None:
    made = trainer(settings(), reward)
    with made, pytest.raises(RewardError, match=said):
        made.iterate()
    assert made.done == 0


def test_an_image_without_a_score_moves_nothing(settings: Make, trainer: Make) -> None:
    def sometimes(images: Any, prompts: Any, metadata: Any) -> Any:
        scores = images.mean(dim=(1, 2, 3))
        scores[0] = torch.nan
        return scores, {}

    with trainer(settings(), sometimes) as made:
        found = made.iterate()
    assert found.values["unscored"] == 1
    assert found.advantages.flatten()[0] == 0
    assert (found.advantages.flatten()[1:] != 0).all()


def test_a_full_memory_says_which_setting_helps(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from refimpl.sd3.loop import rollout, update

    def full(*args: Any, **options: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    for place, name, said in (
        (rollout, "sample", "a smaller sampling.batch"),
        (update, "score", "training.rows"),
    ):
        with monkeypatch.context() as patched, trainer(settings()) as made:
            patched.setattr(place, name, full)
            with pytest.raises(MemoryError, match=said):
                made.iterate()


def test_a_gradient_that_is_not_finite_stops_before_the_weights_are_lost(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trainer(settings())
    before = [parameter.detach().clone() for parameter in made.engine.parameters]
    monkeypatch.setattr(
        "refimpl.sd3.loop.update.score",
        lambda *args: (_ for _ in ()).throw(FloatingPointError("stopped")),
    )
    with made, pytest.raises(FloatingPointError):
        made.iterate()
    for old, parameter in zip(before, made.engine.parameters, strict=True):
        assert torch.equal(old, parameter)


def test_the_folder_of_a_run_is_never_overwritten(
    settings: Make, started: Make, tmp_path: Path
) -> None:
    config = settings("training.iterations=1")
    started(config, tmp_path / "run")
    with pytest.raises(FileExistsError, match="--resume"):
        run.run(config, tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        run.run(config, tmp_path / "none", resume=True)
    with pytest.raises(ValueError, match="other settings"):
        started(settings("training.iterations=1", "seed=9"), tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("data.prompts=null", "names no file"),
        ("data.prompts=/nowhere.txt", "no prompts at /nowhere.txt"),
        ("sampling.groups=7", "6 prompts to train on"),
        ("data.holdout=9", "can be held out"),
        ("rewards.weights={jpeg_compresibility: 1}", "did you mean 'jpeg_compressibility'"),
        ("rewards.weights={shapes: 1}", "'shapes' failed on 1 images"),  # rehearsed
        ("rewards.options={jpeg_compressibility: {qualty: 9}}", "qualty"),
    ],
)
def test_what_cannot_run_is_refused_before_a_folder_is_made(
    settings: Make, tmp_path: Path, change: str, said: str
) -> None:
    with pytest.raises((ValueError, RewardError), match=said):
        run.run(settings(change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_empty_prompt_file_is_refused(settings: Make, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(ValueError, match="it is empty"):
        data.gather(settings(f"data.prompts={tmp_path / 'empty.txt'}"))


def test_a_resume_onto_another_adapter_is_refused(settings: Make, trainer: Make) -> None:
    state = trainer(settings()).state()
    other = trainer(settings("adapter.targets=attn+attn2"))
    with pytest.raises(ValueError, match="adapter.rank or adapter.targets"):
        other.restore(state)


def test_the_average_is_not_an_alias_of_the_weights(settings: Make, trainer: Make) -> None:
    made = trainer(settings("ema.decay=0.5", "ema.every=1"))
    start = made.engine.parameters[0].detach().clone()
    with torch.no_grad():
        made.engine.parameters[0].add_(1.0)
    made.average.follow()
    with made.average.applied():
        torch.testing.assert_close(made.engine.parameters[0].detach(), start + 0.5)
        with torch.no_grad():
            made.engine.parameters[0].add_(100.0)  # what happens inside stays inside
    torch.testing.assert_close(made.engine.parameters[0].detach(), start + 1.0)
    torch.testing.assert_close(made.average.values[0], start + 0.5)


def test_the_average_follows_once_an_optimiser_step(settings: Make, trainer: Make) -> None:
    with trainer(settings("training.updates=2", "training.epochs=3", "ema.every=4")) as made:
        made.iterate()
        assert made.average.steps == 6


def test_a_run_too_short_for_its_average_says_that_its_adapter_is_untouched(
    settings: Make, started: Make, tmp_path: Path
) -> None:
    told: list[str] = []
    summary = started(
        settings("training.iterations=1", "ema.every=2"), tmp_path / "short", warn=told.append
    )
    assert summary["average_moved"] is False
    assert any("the exported adapter is untouched" in text for text in told)
    assert "is untouched" in (tmp_path / "short" / "adapter" / "README.md").read_text()
    assert all((x == 0).all() for n, x in weights(tmp_path / "short").items() if "lora_B" in n)
    told.clear()
    summary = started(
        settings("training.iterations=2", "ema.every=2"), tmp_path / "long", warn=told.append
    )
    assert summary["average_moved"] is True
    assert not told
    assert any((x != 0).any() for n, x in weights(tmp_path / "long").items() if "lora_B" in n)


def test_evaluation_sees_the_same_noise_every_time(settings: Make, trainer: Make) -> None:
    from refimpl.sd3.run.evaluate import evaluate

    with trainer(settings()) as made:
        one = evaluate(made, made.data.held_out)
        made.done = 7
        other = evaluate(made, made.data.held_out)
        assert torch.equal(one.pictures, other.pictures)
        assert one.pictures.shape == (2, 3, 32, 32)
        assert one.means["reward"] == pytest.approx(float(one.scores.mean()))
        assert len(one.scores) == 3
    assert one.sheet().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["levelled", pytest.param("paper", marks=pytest.mark.slow)])
def test_training_raises_a_reward_that_it_can(settings: Make, trainer: Make, name: str) -> None:
    """Redness of three channels of the latent themselves: a few iterations move it up."""
    from dataclasses import replace

    from refimpl.sd3.loop.train import Trainer
    from refimpl.sd3.run.evaluate import evaluate

    made = trainer(
        settings("learning_rate=1e-2", "sampling.group=16", "beta=0", "sampling.guidance=1",
                 "ema.every=1", "ema.decay=0", "training.rows=64", "sampling.batch=32", preset=name)
    )  # fmt: skip
    parts = replace(made.parts, decode=lambda latents: (0.5 + latents[:, :3] / 10).clamp(0, 1))
    with Trainer(made.config, parts, made.data, made.mixture, made.engine) as learner:
        before = evaluate(learner, made.data.held_out).means["reward"]
        rewards = [learner.iterate().values["reward"] for _ in range(8)]
        after = evaluate(learner, made.data.held_out).means["reward"]
    print(name, before, rewards, after)
    assert after > before + 0.01
    assert rewards[-1] > rewards[0] + 0.01


def test_a_config_that_was_saved_resumes(settings: Make, started: Make, tmp_path: Path) -> None:
    from refimpl.sd3.settings import presets

    config = settings("training.iterations=1")
    started(config, tmp_path / "run")
    assert presets.resolve([], tmp_path / "run" / "config.yaml") == config
    about = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert {"diffusers", "peft", "accelerate", "command"} <= about.keys()


def test_every_update_of_an_epoch_learns_from_its_own_share_of_every_group(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from refimpl.sd3.loop import update

    seen: list[list[int]] = []
    gradient = update.gradient

    def watched(policy: Any, method: Any, experience: Any, samples: Any, **rest: Any) -> Any:
        seen.append(list(samples))
        return gradient(policy, method, experience, samples, **rest)

    monkeypatch.setattr(update, "gradient", watched)
    config = settings("training.updates=2", "training.epochs=2", "sampling.groups=2",
                      "sampling.group=4")  # fmt: skip
    with trainer(config) as made:
        made.iterate()
    first, second, *again = seen
    assert again == [first, second]  # the next epoch
    assert sorted(first + second) == list(range(8))
    for share in (first, second):
        assert [sum(i // 4 == group for i in share) for group in (0, 1)] == [2, 2]


@pytest.mark.parametrize("every", [1, 3])
def test_the_average_moves_as_often_as_it_is_set(settings: Make, trainer: Make, every: int) -> None:
    with trainer(settings(f"ema.every={every}", "ema.decay=0.5")) as made:
        (first, *_), moved = made.average.values, []
        for _ in range(6):
            before = first.clone()
            with torch.no_grad():
                made.engine.parameters[0].add_(1.0)
            made.average.follow()
            moved.append(not torch.equal(before, first))
    assert moved == [(k + 1) % every == 0 for k in range(6)]


def test_the_penalty_is_told_the_levels_of_its_own_step(settings: Make, trainer: Make) -> None:
    """The KL without h divides by g at the level t from which a step begins, not at the next."""
    config = settings("method.beta=0.04", "method.kl=without_h", "training.iterations=2")
    told: list[Any] = []
    original = methods.penalty

    def listen(*args: Any, **named: Any) -> Any:
        told.append((named["step"].t.flatten()[0].item(), named["step"].s.flatten()[0].item()))
        return original(*args, **named)

    with pytest.MonkeyPatch.context() as patch, trainer(config) as made:
        patch.setattr(methods, "penalty", listen)
        made.iterate()
        levels = made.config.grid.levels
    steps = {(round(t, 6), round(s, 6)) for t, s in itertools.pairwise(levels)}
    assert told
    assert {(round(t, 6), round(s, 6)) for t, s in told} <= steps
