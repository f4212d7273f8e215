"""The policy: cast once at the border, the reference without its adapter, guidance as declared."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from refimpl.equations import guidance
from refimpl.sd3.model import pipelines, policy
from refimpl.sd3.model.architectures import ARCHITECTURES
from refimpl.sd3.model.policy import Policy
from refimpl.sd3.model.text import Encoders, Store, Text

pytestmark = pytest.mark.usefixtures("quiet")


def words(n: int) -> Text:
    torch.manual_seed(1)
    return Text(torch.randn(n, 20, 32), torch.randn(n, 32))


def made(scale: float = 4.5, dtype: torch.dtype = torch.float32, gradient: bool = False) -> Policy:
    network = pipelines.at_random("tiny", text=False, dtype=dtype).transformer
    policy.add_adapter(network, rank=2, alpha=4.0, targets="attn+attn2", seed=0)
    return Policy(network, network, dtype, words(1), scale, gradient)


def moved(p: Policy) -> Policy:
    """The same after some training: the adapter no longer the identity."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in policy.trainable(p.transformer):
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return p


X, T = (
    torch.randn(3, 4, 4, 4, generator=torch.Generator().manual_seed(0)),
    torch.tensor([1, 0.5, 0.1]),
)


def test_the_reference_is_the_network_without_its_adapter() -> None:
    p = moved(made())
    bare = pipelines.at_random("tiny", text=False).transformer
    plain = Policy(bare, bare, torch.float32, words(1), 4.5, False)
    with torch.no_grad():
        assert torch.equal(p.reference(X, T, words(3)), plain.velocity(X, T, words(3)))
    assert not torch.allclose(p.velocity(X, T, words(3)), p.reference(X, T, words(3)), atol=1e-3)
    assert all(parameter.requires_grad for parameter in policy.trainable(p.transformer))
    assert len(policy.trainable(p.transformer)) == 38  # 2 for each of 8 + 7 + 4 modules


def test_a_new_adapter_is_the_identity() -> None:
    p = made()
    with torch.no_grad():
        assert torch.equal(p.velocity(X, T, words(3)), p.reference(X, T, words(3)))


def test_guidance_is_the_equation_on_two_calls() -> None:
    p = moved(made(scale=4.5))
    alone = Policy(p.network, p.transformer, p.dtype, p.negative, 1.0, False)
    conditional = alone.velocity(X, T, words(3))
    unconditional = alone.velocity(X, T, words(1).repeated(3))
    expected = guidance.diffusers(unconditional, conditional, 4.5)
    torch.testing.assert_close(p.velocity(X, T, words(3)), expected, rtol=0, atol=1e-5)


def test_the_unconditional_half_has_a_gradient_only_where_declared() -> None:
    """Held fixed, the gradient is that of scale · v(x | text); else the other half adds to it."""
    gradients = []
    for gradient in (False, True):
        p = moved(made(scale=4.5, gradient=gradient))
        p.velocity(X, T, words(3)).sum().backward()
        gradients.append(torch.cat([q.grad.flatten() for q in policy.trainable(p.transformer)]))
    p = moved(made(scale=1.0))
    (4.5 * p.velocity(X, T, words(3))).sum().backward()
    expected = torch.cat([q.grad.flatten() for q in policy.trainable(p.transformer)])
    torch.testing.assert_close(gradients[0], expected, rtol=1e-4, atol=1e-5)
    assert (gradients[1] - gradients[0]).norm() > 0.1 * gradients[0].norm()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_a_latent_is_cast_once_and_time_never(dtype: torch.dtype) -> None:
    p, seen = made(dtype=dtype, scale=1.0), []
    p.transformer.register_forward_pre_hook(
        lambda module, args, given: seen.append(given), with_kwargs=True
    )
    v = p.velocity(X, T, words(3))
    assert v.dtype == torch.float32
    assert torch.equal(seen[0]["hidden_states"], X.to(dtype))
    assert seen[0]["timestep"].dtype == torch.float32
    assert torch.equal(seen[0]["timestep"], 1000 * T)
    assert {q.dtype for q in policy.trainable(p.transformer)} == {torch.float32}


@pytest.mark.parametrize(("targets", "modules"), [("attn", 191), ("attn+attn2", 191 + 52)])
def test_targets_mean_the_modules_they_say(targets: Any, modules: int) -> None:
    from diffusers import SD3Transformer2DModel

    with torch.device("meta"):
        network = SD3Transformer2DModel(**ARCHITECTURES["medium"].transformer)
        network.requires_grad_(False)
        network.add_adapter(policy.lora_config(rank=32, alpha=64.0, targets=targets))
    assert len(policy.trainable(network)) == 2 * modules


@pytest.mark.slow
@pytest.mark.parametrize("how", ["blocks", "whole"])
def test_a_compiled_network_is_the_same_field(how: str) -> None:
    from refimpl.sd3.engine.compiling import compiled

    p = moved(made())
    expected, reference = p.velocity(X, T, words(3)), p.reference(X, T, words(3))
    compiled(p.transformer, how, backend="eager", fullgraph=how == "blocks")
    torch.testing.assert_close(p.velocity(X, T, words(3)), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(p.reference(X, T, words(3)), reference, rtol=0, atol=1e-5)


def test_checkpointing_changes_no_gradient() -> None:
    gradients = []
    for checkpointing in (False, True):
        p = moved(made())
        if checkpointing:
            p.transformer.enable_gradient_checkpointing()
        p.velocity(X, T, words(3)).square().sum().backward()
        gradients.append(torch.cat([q.grad.flatten() for q in policy.trainable(p.transformer)]))
    assert torch.equal(*gradients)


class Counted:
    """An encoder that says how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, prompts: Any) -> Text:
        self.asked += prompts
        return Text(torch.full((len(prompts), 2, 3), len(prompts[0])), torch.ones(len(prompts), 4))


def test_a_prompt_is_encoded_once_and_found_on_the_disk(tmp_path: Path) -> None:
    encoder = Counted()
    store = Store(encoder, digest="a", folder=tmp_path)
    first = store(["one", "three", "one"])
    assert encoder.asked == ["one", "three"]
    again = Store(encoder, digest="a", folder=tmp_path)(["three", "one"])
    assert encoder.asked == ["one", "three"]
    assert torch.equal(again.embeddings, first.embeddings[[1, 0]])
    Store(encoder, digest="b", folder=tmp_path)(["one"])
    assert encoder.asked == ["one", "three", "one"]  # other encoders: another entry


def test_a_damaged_entry_is_encoded_again(tmp_path: Path) -> None:
    encoder = Counted()
    Store(encoder, digest="a", folder=tmp_path)(["one"])
    (file,) = tmp_path.glob("*.safetensors")
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    Store(encoder, digest="a", folder=tmp_path)(["one"])
    assert encoder.asked == ["one", "one"]
    assert file.read_bytes() == whole


def test_encoders_with_other_weights_have_another_digest() -> None:
    digests = [
        Encoders(pipelines.at_random("tiny", seed=seed), tokens=tokens).digest()
        for seed, tokens in ((0, 8), (0, 8), (1, 8), (0, 9))
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_precomputed_texts_free_the_encoders(settings: Callable[..., Any]) -> None:
    from refimpl.sd3.engine.assemble import assemble

    config = settings("text.precompute=true")
    parts = assemble(config, torch.device("cpu"), ["a red square"])
    assert parts.pipeline.text_encoder_3 is None
    assert parts.encode(["a red square", ""]).embeddings.shape == (2, 77 + 8, 32)
    with pytest.raises(RuntimeError, match="released"):
        parts.encode(["never seen"])


@pytest.mark.parametrize("resolution", [512, 1024])
def test_a_resolution_beyond_the_model_is_refused(
    settings: Callable[..., Any], resolution: int
) -> None:
    from refimpl.sd3.engine.assemble import assemble

    with pytest.raises(ValueError, match="multiples of 16 up to 256"):
        assemble(settings(f"sampling.resolution={resolution}"), torch.device("cpu"))


def test_half_precision_without_a_gpu_is_refused(settings: Callable[..., Any]) -> None:
    from refimpl.sd3.engine.assemble import assemble

    with pytest.raises(ValueError, match="fp16 needs a GPU"):
        assemble(settings("model.dtype=fp16"), torch.device("cpu"))
