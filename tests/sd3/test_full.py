"""All weights trained: exact where a LoRA's run is exact, and loaded by plain diffusers."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from refimpl.sd3.model import whole

Make = Callable[..., Any]
FULL = ("adapter.kind=full", "training.learning_rate=1e-3", "training.updates=2", "ema.every=1",
        "method.beta=0.04")  # fmt: skip


def exported(out: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(out / "transformer" / "diffusion_pytorch_model.safetensors")


def weights(network: Any) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("guidance", [1, 4.5])
def test_every_weight_is_trained_in_float32_and_the_first_ratio_is_exactly_one(
    settings: Make, trainer: Make, dtype: str, guidance: float
) -> None:
    """The reference stays where the run began, to the bit, in bf16 too."""
    config = settings(*FULL, f"model.dtype={dtype}", f"sampling.guidance={guidance}")
    with trainer(config) as made:
        network, frozen = made.parts.transformer, made.parts.frozen
        assert len(made.engine.parameters) == len(list(network.parameters()))
        assert all(p.dtype == torch.float32 for p in network.parameters())
        assert not any(p.requires_grad for p in frozen.parameters())
        before, kept = weights(network), weights(frozen)
        first = made.iterate().values
        again = made.iterate().values
        after, still = weights(network), weights(frozen)
    assert first["ratio_gap_by_step"] == again["ratio_gap_by_step"] == [0, 0, 0]
    assert first["readings"]["kl_start"][0] == 0
    assert again["kl"] > 0
    moved = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert all(moved)
    assert all(torch.equal(a, b) for a, b in zip(kept, still, strict=True))


def test_a_reference_with_its_products_in_bf16_is_the_float32_one_to_the_bit(
    settings: Make, trainer: Make
) -> None:
    import copy

    with trainer(settings(*FULL, "model.dtype=bf16")) as made:
        frozen = made.parts.frozen
        lower = [p for p in frozen.parameters() if p.dtype == torch.bfloat16]
        assert sum(p.numel() for p in lower) > 0.9 * sum(p.numel() for p in frozen.parameters())
        x = torch.randn(4, *made.parts.latent, generator=torch.Generator().manual_seed(0))
        t, text = torch.full((4,), 0.5), made.parts.encode(["a"] * 4)
        assert torch.equal(made.policy.reference(x, t, text), made.policy.velocity(x, t, text))
        exact = copy.deepcopy(made.parts.pipeline.transformer)
        del exact.forward  # without autocast
        with torch.no_grad():
            bare = made.policy.call(exact, x, t, text, torch.float32)
            ours = made.policy.call(made.parts.transformer, x, t, text, torch.bfloat16)
        off = float((bare - ours).abs().max()) / float(bare.abs().max())
        assert 0 < off < 2**-5  # eight bits, through a few layers


def test_the_gradient_in_bf16_is_the_one_of_float32_up_to_its_rounding(
    settings: Make, trainer: Make
) -> None:
    found = {}
    for dtype in ("fp32", "bf16"):
        with trainer(settings(*FULL, f"model.dtype={dtype}", "training.max_grad_norm=1e9")) as made:
            made.engine.step = lambda: (_ for _ in ()).throw(InterruptedError)
            with pytest.raises(InterruptedError):
                made.iterate()
            grads = [p.grad for p in made.engine.parameters]
            assert all(g is not None and g.dtype == torch.float32 for g in grads)
            found[dtype] = torch.cat([g.flatten() for g in grads])
    a, b = found.values()
    cosine = float(torch.nn.functional.cosine_similarity(a, b, dim=0))
    print("cosine", cosine, "norms", float(a.norm()), float(b.norm()))
    assert cosine > 0.9


def test_without_a_kl_no_copy_is_held(settings: Make, trainer: Make) -> None:
    with trainer(settings(*FULL, "method.beta=0")) as made:
        assert made.parts.frozen is None
        made.iterate()


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_a_full_run_resumes_to_the_bit(
    settings: Make, started: Make, whole_and_resumed: Make, dtype: str
) -> None:
    config = settings(*FULL, "training.iterations=3", f"model.dtype={dtype}")
    whole, resumed = whole_and_resumed(config)
    a, b = exported(whole), exported(resumed)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    with pytest.raises(ValueError, match="adapter.kind: 'full' there, 'lora' here"):
        started(settings("training.iterations=3", f"model.dtype={dtype}"), whole, resume=True)


def test_the_exported_transformer_gives_the_evaluated_image_in_plain_diffusers(
    settings: Make, trainer: Make, tmp_path: Path
) -> None:
    """The average, loaded by `from_pretrained`: the same picture to the bit."""
    from diffusers import SD3Transformer2DModel

    from refimpl.sd3.model import pipelines

    with trainer(settings(*FULL, "ema.decay=0.5")) as made:
        made.iterate()
    options = {
        "prompt": "a red square", "num_inference_steps": 3, "height": 32, "width": 32,
        "output_type": "pt", "max_sequence_length": 8, "guidance_scale": 4.5,
    }  # fmt: skip

    def picture(pipeline: Any) -> Tensor:
        pipeline.set_progress_bar_config(disable=True)
        found: Tensor = pipeline(**options, generator=torch.Generator().manual_seed(0)).images
        return found

    with made.average.applied():
        ours = picture(made.parts.pipeline)
        state = {name: value.clone() for name, value in made.engine.adapter().items()}
    # the network has its own weights again: what is written is the state that was handed over
    whole.export(made.parts.transformer, tmp_path / "transformer", state=state, card="told")
    plain = pipelines.at_random("tiny", seed=made.config.run.seed)
    bare = picture(plain)
    plain.transformer = SD3Transformer2DModel.from_pretrained(tmp_path / "transformer")
    assert torch.equal(picture(plain), ours)
    assert not torch.equal(bare, ours)
    assert not torch.equal(picture(made.parts.pipeline), ours)  # the weights are not the average
    assert (tmp_path / "transformer" / "README.md").read_text() == "told"


def test_the_card_and_the_folder_say_what_was_trained(
    settings: Make, started: Make, tmp_path: Path
) -> None:
    told: list[str] = []
    config = settings(*FULL[:2], "model.dtype=bf16", "training.iterations=1", "ema.every=2")
    summary = started(config, tmp_path / "run", warn=told.append)
    assert not (tmp_path / "run" / "adapter").exists()
    text = (tmp_path / "run" / "transformer" / "README.md").read_text()
    for words in ("# A transformer trained by Flow-GRPO", "in float32", "dtype=torch.bfloat16",
                  "This transformer is untouched", "transformer=transformer"):  # fmt: skip
        assert words in text
    assert "load_lora_weights" not in text
    assert "lora" not in text.partition("# A transformer")[0]
    assert summary["average_moved"] is False
    assert any("the exported transformer is untouched" in line for line in told)
    assert all(x.dtype == torch.float32 for x in exported(tmp_path / "run").values())


def test_weights_of_a_folder_are_read_in_float32_whatever_the_network_computes_in(
    settings: Make, trainer: Make, tmp_path: Path
) -> None:
    from refimpl.sd3.model import pipelines

    saved = pipelines.at_random("tiny", seed=3)
    saved.save_pretrained(tmp_path / "model")
    places = ("model.random_init=null", f"model.source={tmp_path / 'model'}", "model.dtype=bf16")
    with trainer(settings(*FULL, *places)) as made:
        pairs = zip(made.engine.parameters, saved.transformer.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
        assert made.parts.pipeline.text_encoder.dtype == torch.bfloat16
        made.iterate()


@pytest.mark.parametrize(
    "change",
    ["adapter.rank=8", "adapter.start=lora", "adapter.applied=merged", "adapter.products=network",
     "adapter.targets=attn+attn2", "adapter.alpha=8"],
)  # fmt: skip
def test_what_is_of_a_lora_is_refused_by_name(settings: Make, change: str) -> None:
    with pytest.raises(ValueError, match=f"{change.replace('+', '.')}.* is of a LoRA"):
        settings("adapter.kind=full", change)


def test_the_official_codes_name_is_understood(settings: Make) -> None:
    assert settings("use_lora=false").adapter.kind == "full"
    assert settings("use_lora=true").adapter.kind == "lora"


def test_deepspeed_is_refused_with_the_engine_that_shards(settings: Make, trainer: Make) -> None:
    from refimpl.sd3.engine.processes import Engine
    from refimpl.sd3.loop.train import Trainer

    class Zero(Engine):
        """As it is under ZeRO."""

        sharded = "DEEPSPEED"

    made = trainer(settings(*FULL))
    made.background.close()
    made.engine.__class__ = Zero
    with pytest.raises(ValueError, match="kind=full does not run under DeepSpeed: .* fsdp"):
        Trainer(made.config, made.parts, made.data, made.mixture, made.engine)


@pytest.mark.parametrize("changes", [("model.gradient_checkpointing=true",),
                                     ("training.unconditional_kept=true",),
                                     ("training.unconditional_gradient=true",)])  # fmt: skip
def test_what_a_lora_may_have_all_weights_may_have_too(
    settings: Make, trainer: Make, changes: tuple[str, ...]
) -> None:
    with trainer(settings(*FULL, "model.dtype=bf16", *changes)) as made:
        assert made.iterate().values["ratio_gap_by_step"] == [0, 0, 0]


def test_gradients_travel_in_pieces_that_hold_every_parameter_once() -> None:
    from refimpl.sd3.engine.processes import buckets

    parameters = [torch.nn.Parameter(torch.zeros(n)) for n in (3, 4, 9, 1, 1, 5)]
    found = list(buckets(parameters, 7))
    assert [[p.numel() for p in part] for part in found] == [[3, 4], [9], [1, 1, 5]]
    assert all(a is b for a, b in zip(itertools.chain(*found), parameters, strict=True))
    assert not list(buckets([], 7))
