"""What makes a run cheaper: counted, and the same where it is said to be the same."""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from refimpl.sd3.model.text import Store, Text

Make = Callable[..., Any]


def calls(made: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of every call of the network from now on."""
    rows: list[int] = []
    made.parts.transformer.register_forward_hook(
        lambda module, args, kwargs, out: rows.append(len(kwargs["hidden_states"])),
        with_kwargs=True,
    )
    return rows


def gradients(made: Any) -> list[Tensor]:
    """Of one update, before its step."""
    seen: list[Tensor] = []
    step = made.engine.step

    def kept() -> Any:
        seen.extend(p.grad.clone() for p in made.engine.parameters)
        return step()

    made.engine.step = kept
    made.iterate()
    return seen


CHANGES = ("sampling.steps=3", "training.rows=8", "method.beta=0.04", "sampling.guidance=4.5")


def test_the_kept_half_saves_a_call_a_trained_step_and_no_bit_of_the_first_update(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two trained steps of 8 images: 2 of the policy and 2 of the reference, or 1 and 2."""
    found = {}
    for kept in ("false", "true"):
        with trainer(settings(*CHANGES, f"training.unconditional_kept={kept}")) as made:
            rows = calls(made, monkeypatch)
            slopes = gradients(made)
            found[kept] = sum(rows), slopes
    sampling = 3 * 2 * 8
    assert found["false"][0] == sampling + 2 * 8 * (2 + 2)
    assert found["true"][0] == sampling + 2 * 8 * (1 + 2)
    for a, b in zip(found["false"][1], found["true"][1], strict=True):
        assert torch.equal(a, b)
    assert any(float(a.abs().max()) > 0 for a in found["true"][1])


@pytest.mark.parametrize("rows", [3, 5])
def test_the_kept_half_keeps_the_gradient_up_to_rounding_where_batches_have_other_sizes(
    settings: Make, trainer: Make, rows: int
) -> None:
    """A product of other size may be summed in another order: 1e-4 of the largest entry."""
    found, gaps = {}, {}
    for kept in ("false", "true"):
        changes = (*CHANGES, f"training.rows={rows}", f"training.unconditional_kept={kept}")
        with trainer(settings(*changes)) as made:
            found[kept] = gradients(made)
        with trainer(settings(*changes)) as made:
            gaps[kept] = max(made.iterate().values["ratio_gap_by_step"])
    off = max(float((a - b).abs().max()) for a, b in zip(*found.values(), strict=True))
    largest = max(float(a.abs().max()) for a in found["false"])
    print("gradient", off / largest, "ratio", gaps)
    assert off <= 1e-4 * largest
    assert largest > 0
    assert gaps["true"] < 1e-5


def test_in_later_updates_the_kept_half_stays_that_of_the_sampler(
    settings: Make, trainer: Make
) -> None:
    changes = (*CHANGES, "training.updates=2", "training.learning_rate=0.1")
    ratios = {}
    for kept in ("false", "true"):
        with trainer(settings(*changes, f"training.unconditional_kept={kept}")) as made:
            ratios[kept] = made.iterate().values
    assert ratios["true"]["ratio_gap_by_step"] == ratios["false"]["ratio_gap_by_step"] == [0, 0]
    assert ratios["true"]["kl"] != ratios["false"]["kl"]
    with pytest.raises(ValueError, match="exclude each other"):
        settings("training.unconditional_kept=true", "training.unconditional_gradient=true")


@pytest.mark.slow
def test_a_trained_step_of_the_medium_network_costs_a_forward_pass_less() -> None:
    """1 + 1.10 (its gradient) + 2 (the reference), counted by torch; one more with both halves.

    Attention is counted as plain products, whose backward pass recomputes nothing.
    """
    from diffusers import SD3Transformer2DModel
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from refimpl.sd3.model.architectures import ARCHITECTURES
    from refimpl.sd3.model.policy import Policy, add_adapter

    with torch.device("meta"):
        network = SD3Transformer2DModel(**ARCHITECTURES["medium"].transformer)
        add_adapter(network, rank=32, alpha=64, targets="attn", seed=0)
        text = Text(torch.zeros(1, 205, 4096), torch.zeros(1, 2048))
        x, t = torch.zeros(1, 16, 64, 64), torch.zeros(1)
        policy = Policy(network, network, torch.float32, text, 4.5, False)

        def counted(work: Callable[[], Any]) -> int:
            with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
                work()
            return int(counter.get_total_flops())

        with torch.no_grad():
            one = counted(lambda: policy._call(x, t, text))

        def trained(**options: Any) -> float:
            def work() -> None:
                policy.velocity(x, t, text, **options).sum().backward()
                policy.reference(x, t, text)

            return counted(work) / one

        both, kept = trained(), trained(unconditional=x)
    print(f"{both:.2f} {kept:.2f}")
    assert both - kept == pytest.approx(1, abs=0.02)
    assert kept == pytest.approx(4.10, abs=0.02)


def split(images: Tensor, prompts: Any, metadata: Any) -> Any:
    """One group differs, the other says nothing."""
    scores = torch.zeros(len(images))
    first = prompts[0]
    for i, prompt in enumerate(prompts):
        scores[i] = float(i) if prompt == first else 1.0
    return scores, {}


@pytest.mark.parametrize("beta", [0.0, 0.04])
def test_silent_groups_are_skipped_without_a_kl_and_the_gradient_is_the_same(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch, beta: float
) -> None:
    found = {}
    for skip in ("false", "true"):
        changes = (*CHANGES, f"method.beta={beta}", f"training.skip_silent={skip}",
                   "sampling.guidance=1")  # fmt: skip
        with trainer(settings(*changes), split) as made:
            rows = calls(made, monkeypatch)
            slopes = gradients(made)
            found[skip] = sum(rows) - 3 * 8, slopes
    calls_a_row = 2 if beta else 1
    assert found["false"][0] == 2 * 8 * calls_a_row
    assert found["true"][0] == 2 * (8 if beta else 4) * calls_a_row
    for a, b in zip(found["false"][1], found["true"][1], strict=True):
        room = 1e-5 * float(a.abs().max())  # sums of as many terms as a row has, in another order
        torch.testing.assert_close(a, b, rtol=0, atol=room)
    assert any(float(a.abs().max()) > 0 for a in found["true"][1])


@pytest.mark.parametrize(
    ("total", "most", "rows"),
    [(12, 4, 4), (13, 4, 4), (9, 8, 5), (450, 192, 150), (193, 192, 97), (3, 8, 3)],
)
def test_what_is_left_of_a_batch_is_shared_out_evenly(total: int, most: int, rows: int) -> None:
    from refimpl.sd3.loop.update import batches, even

    assert even(total, most) == rows
    sizes = [len(part.sample) for part in batches(range(total), [0], even(total, most))]
    assert len(sizes) == len(list(batches(range(total), [0], most)))  # no more than before
    assert max(sizes) - min(sizes) < len(sizes)


def test_where_every_group_is_silent_the_step_is_the_one_of_a_gradient_of_zero(
    settings: Make, trainer: Make
) -> None:
    def same(images: Tensor, prompts: Any, metadata: Any) -> Any:
        return torch.ones(len(images)), {}

    ends = []
    for skip in ("false", "true"):
        changes = ("method.beta=0", f"training.skip_silent={skip}", "training.weight_decay=0.1")
        with trainer(settings(*changes), same) as made:
            made.iterate()
            ends.append([p.detach().clone() for p in made.engine.parameters])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


# ---- the store of embeddings


class Counted:
    """An encoder that counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, prompts: Any) -> Text:
        self.asked += prompts
        value = float(len(prompts[0]))
        return Text(torch.full((1, 4, 8), value), torch.full((1, 8), value))


ONE = (4 * 8 + 8) * 4
"""Bytes of one prompt."""


@pytest.mark.parametrize("cached", [True, False])
def test_the_store_holds_no_more_than_its_limit_and_gives_the_same(
    tmp_path: Path, cached: bool
) -> None:
    encoder = Counted()
    store = Store(encoder, digest="d", folder=tmp_path if cached else None, limit=2 * ONE)
    prompts = ["a", "bb", "ccc", "dddd"]
    for _ in range(2):
        found = store(prompts)
        assert found.pooled[:, 0].tolist() == [1, 2, 3, 4]
        assert store.held <= 2 * ONE
    assert len(encoder.asked) == (4 if cached else 8)  # read again, or encoded again
    store(["dddd", "dddd"])
    assert len(encoder.asked) == (4 if cached else 8)


def test_processes_share_the_work_of_encoding_through_the_cache(
    settings: Make, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from refimpl.sd3.engine.assemble import assemble

    config = settings("text.precompute=true")
    prompts = [f"number {i}" for i in range(5)]
    parts = [assemble(config, torch.device("cpu"), prompts, rank=rank, world=2) for rank in (0, 1)]
    assert [part.encode.encoded for part in parts] == [4, 2]  # "", 0, 2, 4; then 1, 3
    assert len(parts[0].encode(prompts)) == 5
    assert parts[0].encode.encoded == 4  # the other's were read


# ---- the adapter's products, and what computes


class Kept:
    """What autograd keeps for the backward pass."""

    bytes = 0

    def hold(self, x: Tensor) -> Tensor:
        self.bytes += x.nbytes
        return x


def test_products_in_the_networks_precision_keep_less_and_change_little(
    settings: Make, trainer: Make
) -> None:
    """bf16 has eight bits: the velocity moves by as much as the network's own rounding does."""
    found = {}
    for products in ("fp32", "network"):
        changes = ("model.dtype=bf16", f"adapter.products={products}", "training.rows=8")
        with trainer(settings(*changes)) as made:
            for parameter in made.engine.parameters:
                parameter.data += 0.05
            x = torch.randn(4, *made.parts.latent, generator=torch.Generator().manual_seed(0))
            text, kept = made.parts.encode(["a"] * 4), Kept()
            hooks = torch.autograd.graph.saved_tensors_hooks(kept.hold, lambda x: x)
            with hooks:
                v = made.policy.velocity(x, torch.full((4,), 0.5), text)
            values = made.iterate().values
            found[products] = v.detach(), kept.bytes, values["ratio_gap_by_step"]
            assert all(p.dtype == torch.float32 for p in made.engine.parameters)
            assert all(p.grad is None or p.grad.dtype == torch.float32
                       for p in made.engine.parameters)  # fmt: skip
    (exact, much, gap), (lower, less, other) = found["fp32"], found["network"]
    print("velocity", float((exact - lower).abs().max()), "bytes", much, less, "ratio", gap, other)
    assert less < 0.95 * much
    assert 0 < float((exact - lower).abs().max()) < 2**-5 * float(exact.abs().max())
    assert other == [0.0] * 3  # one batch's size in rollout and update


def test_a_merged_adapter_is_the_one_beside_and_its_ratio_is_exactly_one(
    settings: Make, trainer: Make
) -> None:
    """Velocities and gradients agree up to the rounding of sums; the reference has no adapter."""
    found = {}
    for applied in ("beside", "merged"):
        changes = ("method.beta=0.04", "training.updates=2", f"adapter.applied={applied}",
                   "training.rows=4")  # fmt: skip
        with trainer(settings(*changes)) as made:
            for parameter in made.engine.parameters:
                parameter.data += 0.05
            x = torch.randn(4, *made.parts.latent, generator=torch.Generator().manual_seed(0))
            t, text = torch.full((4,), 0.5), made.parts.encode(["a"] * 4)
            v, off = made.policy.velocity(x, t, text).detach(), made.policy.reference(x, t, text)
            slopes = gradients(made)
            gap = made.iterate().values["ratio_gap_by_step"]
            found[applied] = v, off, slopes, gap
    (v, off, slopes, _), (same, off_too, slopes_too, gap) = found["beside"], found["merged"]
    room = 1e-4 * float(v.abs().max())
    assert float((v - off).abs().max()) > 100 * room
    torch.testing.assert_close(v, same, rtol=0, atol=room)
    assert torch.equal(off, off_too)
    for a, b in zip(slopes[: len(slopes) // 2], slopes_too[: len(slopes) // 2], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-3 * float(a.abs().max()))
    assert any(float(a.abs().max()) > 0 for a in slopes)
    assert gap == [0.0] * 3


def test_a_merged_adapter_is_exported_as_any_other_and_resumes_to_the_same_bits(
    settings: Make, started: Make, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    from refimpl.sd3.model import adapters

    changes = ("adapter.applied=merged", "ema.every=1", "training.learning_rate=0.01")
    config = settings("training.iterations=3", *changes)
    started(config, tmp_path / "whole")
    started(settings("training.iterations=1", *changes), tmp_path / "broken")
    started(config, tmp_path / "broken", resume=True)
    a, b = (load_file(tmp_path / run / "adapter" / adapters.WEIGHTS) for run in ("whole", "broken"))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(float(x.abs().max()) > 0 for name, x in a.items() if "lora_B" in name)
    lines = [(tmp_path / run / "metrics.jsonl").read_text() for run in ("whole", "broken")]
    assert lines[0] == lines[1]


def test_a_merged_adapter_needs_float32_and_no_products_of_its_own(settings: Make) -> None:
    with pytest.raises(ValueError, match="merged needs model.dtype=fp32, got 'bf16'"):
        settings("adapter.applied=merged", "model.dtype=bf16")
    with pytest.raises(ValueError, match="products=network lowers them: choose one"):
        settings("adapter.applied=merged", "adapter.products=network")


def test_an_attention_backend_is_chosen_by_name(settings: Make, trainer: Make) -> None:
    with trainer(settings("model.attention=_native_math")) as made:
        made.iterate()
    with pytest.raises(ValueError, match="model.attention=none_such cannot be had"):
        trainer(settings("model.attention=none_such"))


@pytest.mark.parametrize(
    ("changes", "rates"),
    [
        (("training.schedule=linear",), [1, 0.75, 0.5, 0.25]),
        (("training.schedule=cosine",), [1, 0.853553, 0.5, 0.146447]),
        (("training.warmup=2",), [0, 0.5, 1, 1]),
    ],
)
def test_the_learning_rate_follows_its_schedule_and_resumes_in_it(
    settings: Make, trainer: Make, changes: tuple[str, ...], rates: list[float]
) -> None:
    config = settings("training.iterations=2", "training.updates=2", *changes)
    seen: list[float] = []

    def watched(made: Any) -> Any:
        step = made.engine.step

        def noted() -> Any:
            seen.append(made.engine.optimiser.param_groups[0]["lr"] / config.training.learning_rate)
            return step()

        made.engine.step = noted
        return made

    with trainer(config) as made:
        watched(made).iterate()
        state = made.state()
    with trainer(config) as again:
        again.restore(state)
        watched(again).iterate()
    assert seen == pytest.approx(rates, abs=1e-6)


def test_eight_bit_adam_is_bitsandbytes_or_a_line(
    settings: Make, trainer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings("training.optimiser=adamw8bit")
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", None)
    with pytest.raises(ModuleNotFoundError, match=r"refimpl\[bitsandbytes\]"):
        trainer(config)
    made_by = type("AdamW8bit", (torch.optim.AdamW,), {})
    monkeypatch.setitem(sys.modules, "bitsandbytes", types.ModuleType("bitsandbytes"))
    monkeypatch.setitem(sys.modules, "bitsandbytes.optim", types.SimpleNamespace(AdamW8bit=made_by))
    with trainer(config) as made:
        assert isinstance(made.engine.optimiser.optimizer, made_by)
        made.iterate()


# ---- beginning with a LoRA


@pytest.fixture
def lora(settings: Make, started: Make, tmp_path: Path) -> Path:
    started(settings("training.iterations=1", "ema.every=1", "ema.decay=0",
                     "training.learning_rate=0.05", "seed=5"), tmp_path / "first")  # fmt: skip
    return tmp_path / "first" / "adapter"


@pytest.mark.parametrize("reference", ["base", "start"])
def test_a_run_begins_with_a_lora_and_measures_the_kl_from_where_it_is_told(
    settings: Make, trainer: Make, lora: Path, reference: str
) -> None:
    from safetensors.torch import load_file

    from refimpl.sd3.model import adapters

    config = settings(f"adapter.start={lora}", f"adapter.reference={reference}", "seed=5")
    given = load_file(lora / adapters.WEIGHTS)
    with trainer(config) as made:
        ours = made.engine.adapter()
        assert len(ours) == len(given)
        for key, x in given.items():
            layer, _, side = key.removeprefix("transformer.").partition(".lora_")
            assert torch.equal(ours[f"{layer}.lora_{side[0]}.default.weight"], x)
        found = made.iterate().values
        again = made.iterate().values
    assert ("kl_start" in found["readings"]) == (reference == "start")
    if reference == "start":
        assert found["kl"] == 0  # one update, scored before it
        assert again["kl"] > 0
    else:
        assert found["kl"] > 0
    assert found["ratio_gap_by_step"] == [0, 0, 0]


def test_a_lora_that_does_not_fit_is_refused_with_the_settings_that_do(
    settings: Make, trainer: Make, lora: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="set adapter.rank=32 adapter.alpha=64"):
        trainer(settings(f"adapter.start={lora}", "adapter.rank=4", "adapter.alpha=8"))
    with pytest.raises(ValueError, match="has neither pytorch_lora_weights"):
        trainer(settings(f"adapter.start={tmp_path}"))
    with pytest.raises(ValueError, match="reference=start needs adapter.start"):
        settings("adapter.reference=start")


def test_the_reference_is_not_trained_and_not_exported(
    settings: Make, started: Make, lora: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    from refimpl.sd3.model import adapters

    config = settings(f"adapter.start={lora}", "adapter.reference=start", "ema.every=1", "seed=5")
    started(config, tmp_path / "second")
    a, b = (load_file(p / adapters.WEIGHTS) for p in (lora, tmp_path / "second" / "adapter"))
    assert a.keys() == b.keys()
    assert any(not torch.equal(a[key], b[key]) for key in a)
