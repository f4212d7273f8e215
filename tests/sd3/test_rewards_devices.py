"""Rewards lie on the device of their own process, and evaluation may have rewards of its own."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from refimpl.sd3.rewards import Background, Mixture, mixture
from refimpl.sd3.rewards.devices import placed, precision
from refimpl.sd3.run import starting

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("given", "device", "found"),
    [
        ({"device": "cuda"}, "cuda:3", {"device": "cuda:3"}),
        ({"device": "cuda:1"}, "cuda:3", {"device": "cuda:1"}),  # said, so meant
        ({"device": "cpu"}, "cuda:3", {"device": "cpu"}),
        ({"batch": 2}, "cuda:3", {"batch": 2}),
        ({"device": "cuda"}, "cpu", {"device": "cuda"}),  # no GPU: the library says so itself
    ],
)
def test_cuda_means_the_processs_own_device(given: Any, device: str, found: Any) -> None:
    assert placed(given, torch.device(device)) == found


def test_a_factory_is_told_its_processs_device(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def make(name: str, **options: Any) -> Any:
        seen.append((name, options))
        return lambda images, prompts, metadata: (torch.zeros(len(images)), {})

    monkeypatch.setattr(mixture, "make", make)
    options = {"pickscore": {"device": "cuda", "batch": 4, "dtype": "bf16"}}
    Mixture.named({"pickscore": 1.0}, options, device=torch.device("cuda:5"))
    assert seen == [("pickscore", {"device": "cuda:5", "batch": 4, "dtype": "bf16"})]


def test_the_thread_of_rewards_computes_on_the_processs_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CUDA's current device belongs to a thread: a new one begins at device 0."""
    current: dict[str, str] = {}
    monkeypatch.setattr(
        torch.cuda,
        "set_device",
        lambda device: current.update({threading.current_thread().name: str(device)}),
    )
    with Background(lambda: current[threading.current_thread().name], torch.device("cuda:2")) as b:
        b.submit()
        assert b.collect() == "cuda:2"
    assert set(current.values()) == {"cuda:2"}
    assert threading.current_thread().name not in current


def test_rewards_are_made_after_the_process_has_its_device(
    settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real = starting.engine.accelerator

    def accelerator(precision: Any) -> Any:
        order.append("device")
        return real(precision)

    def named(*args: Any, **options: Any) -> Any:
        order.append("rewards")
        raise ValueError("enough")

    monkeypatch.setattr(starting.engine, "accelerator", accelerator)
    monkeypatch.setattr(Mixture, "named", named)
    with pytest.raises(ValueError, match="enough"):
        starting.run(settings(), tmp_path / "run")
    assert order == ["device", "rewards"]


def test_evaluation_has_rewards_of_its_own(settings: Make, quiet: None, tmp_path: Path) -> None:
    """Trained on one reward, judged by two, of which the shared one is made once."""
    config = settings(
        "rewards.weights={jpeg_compressibility: 1}",
        "rewards.evaluation={jpeg_compressibility: 1, colourfulness: 0.1}",
        "training.iterations=1",
    )
    training, evaluation = starting.judges(config, torch.device("cpu"))
    assert list(training.rewards) == ["jpeg_compressibility"]
    assert evaluation.rewards["jpeg_compressibility"] is training.rewards["jpeg_compressibility"]
    summary = starting.run(config, tmp_path / "run")
    assert {"jpeg_compressibility", "colourfulness"} <= summary["after"].keys()
    (line,) = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert "reward/colourfulness" not in line
    assert "eval/colourfulness" in line


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("rewards.evaluation={}", "at least one reward"),
        ("rewards.evaluation={ocr: 0}", "evaluation.ocr must be finite and not 0"),
        ("rewards.options={ocr: {}}", "which have no weight"),
    ],
)
def test_rewards_that_cannot_be_are_refused(settings: Make, change: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        settings(change)


def test_an_unknown_precision_is_refused() -> None:
    assert precision("bf16") is torch.bfloat16
    with pytest.raises(ValueError, match="fp32, bf16, fp16, got 'half'"):
        precision("half")
