"""The benchmark's program, at the tiny size: every part runs, and says what it measured."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from stand_in import checkout

from refimpl.sd3.bench import gpu, report
from refimpl.sd3.bench.peer import Peer
from refimpl.sd3.bench.subject import Bench, Subject

pytestmark = pytest.mark.usefixtures("quiet")


def bench() -> Bench:
    return Bench("tiny", 32, 2, torch.device("cpu"), 60.0)


@pytest.mark.slow
def test_replay_in_batches_of_one_size_is_exact_in_either_precision() -> None:
    found = gpu.numerics(bench())
    same = [row for row in found if row["rows in the update"] == row["rows in the rollout"]]
    assert {row["network"] for row in same} == {"fp32", "bf16"}
    assert [row["largest |r − 1|"] for row in same] == [0.0] * 4
    worst = max(row["largest |r − 1|"] for row in found if row["network"] == "fp32")
    assert worst < 1e-4


@pytest.mark.slow
def test_every_part_writes_what_it_found(tmp_path: Path) -> None:
    options = ["--size", "tiny", "--resolution", "32", "--rows", "2", "--out", str(tmp_path)]
    found = gpu.main([*options, "--skip-miniature", "--minutes", "9"])
    assert {row["option"] for row in found["speed"]} == gpu.OPTIONS.keys() - {
        "guidance and KL, compiled blocks"  # on a GPU only
    }
    for row in found["speed"]:
        assert row["update, s an image"] > 0
    saved = json.loads((tmp_path / "results.json").read_text())
    assert saved["speed"] == found["speed"]
    assert "| guidance and KL |" in (tmp_path / "results.md").read_text()


def test_the_program_runs_from_end_to_end(tmp_path: Path, monkeypatch: Any) -> None:
    """All of it but the miniature, which has tests of its own: what a GPU would be handed."""
    monkeypatch.setattr(gpu, "numerics", lambda bench: [{"largest |r − 1|": 0.0}])
    found = gpu.main([
        "--size", "tiny", "--resolution", "32", "--rows", "2", "--among", "1", "--skip-miniature",
        "--minutes", "9", "--out", str(tmp_path / "out"),
        "--flow-grpo", str(checkout(tmp_path / "theirs")),
    ])  # fmt: skip
    assert found["seconds"].keys() == {"numerics", "flow_grpo", "speed"}
    assert [row["option"] for row in found["speed"]] == ["guidance and KL"]
    assert len(found["flow_grpo"]) == 2
    for row in (*found["speed"], *found["flow_grpo"]):
        assert row["update, s an image"] > 0
    page = (tmp_path / "out/results.md").read_text("utf-8")
    assert page.startswith("# Measured on a CPU: nothing here says how fast a GPU is\n")
    assert "| largest \\|r − 1\\| |" in page


def test_the_peer_learns_from_what_it_rolled_out(tmp_path: Path) -> None:
    made = bench()
    theirs = Peer(
        checkout(tmp_path), made.bare(torch.float32), made.text(2, torch.float32),
        made.text(1, torch.float32), resolution=32, steps=3, guidance=1.0, autocast=torch.bfloat16,
    )  # fmt: skip
    _, latents, log_probs = theirs.rollout()
    assert (len(latents), len(log_probs)) == (4, 3)
    seen: list[Any] = []
    for p in theirs.pipeline.transformer.parameters():
        if p.requires_grad:
            p.register_post_accumulate_grad_hook(seen.append)
    theirs.train(latents, log_probs, 0.04)
    trained = [p for p in theirs.pipeline.transformer.parameters() if p.requires_grad]
    assert len(seen) == 2 * len(trained) > 0  # both steps that it learns from reach every matrix
    assert all(p.grad is None for p in trained)


def test_a_part_that_breaks_is_told_and_the_others_go_on(tmp_path: Path, monkeypatch: Any) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(gpu, "numerics", broken)
    monkeypatch.setattr(gpu, "speed", lambda *_: [{"option": "x", "update, s an image": 1.0}])
    found = gpu.main(["--size", "tiny", "--resolution", "32", "--rows", "2", "--skip-miniature",
                      "--out", str(tmp_path)])  # fmt: skip
    assert found["numerics"].endswith("RuntimeError: out of memory\n")
    assert found["speed"][0]["option"] == "x"


def test_a_batch_learns_and_leaves_no_gradient() -> None:
    subject = Subject(bench(), bench().config("sampling.steps=3"))
    scored = subject.learn(subject.experience(subject.roll()), 2)
    assert (scored.ratio == 1).all()
    assert all(p.grad is None for p in subject.parts.transformer.parameters())


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    made = bench()
    with pytest.raises(ValueError, match="not a checkout of flow_grpo"):
        Peer(
            tmp_path, None, made.text(2, torch.float32), made.text(1, torch.float32),
            resolution=32, steps=3, guidance=1.0, autocast=torch.bfloat16,
        )  # fmt: skip


def test_results_read_as_a_page() -> None:
    found: dict[str, Any] = {"rate": 1.23456, "rows": [{"a": 1, "b": 0.5, "c": [1]}], "x": {"y": 2}}
    page = report.markdown(found)
    assert "rate: 1.235" in page
    assert "| a | b |\n| --- | --- |\n| 1 | 0.5 |" in page
    assert "- y: 2" in page
