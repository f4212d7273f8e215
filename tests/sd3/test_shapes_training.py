"""The miniature's network: its words, its pipeline, and pre-training that survives a kill."""

import dataclasses
import math

import pytest
import torch

from refimpl.runs import metrics
from refimpl.runs.checkpoint import Series
from refimpl.sd3.model.images import Decoder
from refimpl.sd3.shapes import drawing, evaluation, network, pretraining
from refimpl.sd3.shapes.captions import every_caption
from refimpl.sd3.shapes.words import Words
from refimpl.simulate import grids

EVERY = every_caption()
SMALL = {
    "num_layers": 1,
    "attention_head_dim": 8,
    "num_attention_heads": 2,
    "caption_projection_dim": 16,
    "dual_attention_layers": (0,),
}
SHORT = pretraining.Settings(steps=6, batch=8, checkpoint_every=2)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# -------------------------------------------------------------------- words


def test_words_are_told_apart_by_what_they_are_and_where():
    text = Words()([caption.text for caption in EVERY] + [""])
    assert text.embeddings.shape == (373, 8, 64)
    assert len(text.embeddings.flatten(1).unique(dim=0)) == 373
    a, b = Words()(["a red square and a blue circle", "a blue circle and a red square"]).embeddings
    assert not torch.equal(a, b)
    # a place's vector is the same for every word: what is left is the word's
    torch.testing.assert_close(a[1] - b[1], b[5] - a[5])


def test_the_table_is_the_same_on_every_machine():
    entry = Words()([""]).embeddings[0, 0]
    assert entry[:3].tolist() == pytest.approx([-0.6224628, -1.1231394, 2.4763193], rel=1e-6)
    every = Words()([caption.text for caption in EVERY]).embeddings
    assert every.mean().abs() < 0.1
    assert every.var() == pytest.approx(2, abs=0.2)  # word and place, variance 1 each


def test_a_word_that_no_caption_has_is_refused():
    with pytest.raises(ValueError, match="'purple' in 'a purple square'"):
        Words()(["a purple square"])
    with pytest.raises(ValueError, match="at most 8 words"):
        Words()(["a " * 9])


# ------------------------------------------------------------------ network


def test_the_transformer_has_3_million_parameters_and_begins_at_zero():
    net = network.transformer(0)
    assert sum(p.numel() for p in net.parameters()) == 3_114_032
    text = Words()(["two red squares"])
    with torch.no_grad():
        (v,) = net(
            hidden_states=torch.randn(1, 3, 16, 16, generator=generator()),
            encoder_hidden_states=text.embeddings,
            pooled_projections=text.pooled,
            timestep=torch.tensor([500.0]),
            return_dict=False,
        )
    assert torch.equal(v, torch.zeros_like(v))


def test_a_seed_fixes_the_weights_and_leaves_torch_s_own_generator():
    before = torch.get_rng_state()
    a, b, c = (network.transformer(seed, **SMALL).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    name = "transformer_blocks.0.attn.to_q.weight"
    assert torch.equal(a[name], b[name])
    assert not torch.equal(a[name], c[name])


def awake():
    """A small network whose blocks do something."""
    net = network.transformer(0, **SMALL)
    with torch.no_grad():
        for p in net.parameters():
            p += 0.1 * torch.randn(p.shape, generator=generator(4))
    return net.eval()


def test_latents_are_pixels_and_back():
    images = drawing.draw(EVERY[:5], generator())
    pipe = network.pipeline(awake())
    z = network.latents(images)
    assert z.min() == pytest.approx(-0.3)
    assert z.max() == pytest.approx(2.7)
    decode = Decoder(pipe, batch=2, tiled=False)
    torch.testing.assert_close(decode(z), images, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 4.5])
def test_a_bare_sampler_a_pipeline_and_a_reloaded_one_give_the_same_images(tmp_path, scale):
    caption, pipe = EVERY[200], network.pipeline(awake())
    bare = evaluation.sampled(pipe, [caption], 2, grids.sd35_as_shipped(5), guidance=scale, seed=3)[
        0
    ]
    network.save(pipe.transformer, tmp_path)
    text, null = Words()([caption.text] * 2), Words()([""] * 2)
    for one in (pipe, network.load(tmp_path)):
        one.set_progress_bar_config(disable=True)
        images = one(
            prompt_embeds=text.embeddings,
            pooled_prompt_embeds=text.pooled,
            negative_prompt_embeds=null.embeddings,
            negative_pooled_prompt_embeds=null.pooled,
            height=16,
            width=16,
            num_inference_steps=5,
            guidance_scale=scale,
            latents=torch.randn(2, 3, 16, 16, generator=generator(3)),
            output_type="pt",
        ).images
        # the scheduler's levels are float32, the grid's float64
        torch.testing.assert_close(images, bare, rtol=0, atol=1e-5)
    assert bare.std() > 0.01


def test_a_folder_without_a_pipeline_is_one_line(tmp_path):
    with pytest.raises(ValueError, match=r"no pre-trained shapes.*model_index.json"):
        network.load(tmp_path)
    network.save(network.transformer(0, **SMALL), tmp_path)
    weights = tmp_path / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match="could not be loaded"):
        network.load(tmp_path)


# ------------------------------------------------------------- pre-training


def test_levels_are_logit_normal_with_a_share_of_even_ones():
    t = pretraining.levels(100_000, 0.1, 0.0, generator())
    assert bool(((t > 0) & (t < 1)).all())
    low = (t < 0.05).float().mean().item()
    # .9 Φ(logit .05) + .1 · .05 = .9 · .00162 + .005; six standard errors of 2.5e-4
    assert low == pytest.approx(0.00646, abs=0.0015)
    assert (pretraining.levels(100_000, 0.0, 0.0, generator()) < 0.05).float().mean() < 0.003
    by_two = pretraining.levels(100_000, 0.0, math.log(2), generator()).median()
    assert by_two == pytest.approx(grids.shift(0.5, 2.0), abs=0.005)


def test_the_loss_at_zero_velocity_is_the_targets_second_moment():
    z = network.latents(drawing.draw(EVERY[:4], generator()))
    noise = torch.randn(z.shape, generator=generator(1))
    text, t = Words()([c.text for c in EVERY[:4]]), torch.tensor([0.1, 0.4, 0.7, 1.0])
    found = pretraining.loss(network.transformer(0, **SMALL), z, text, t, noise)
    torch.testing.assert_close(found.detach(), ((noise - z) ** 2).mean())


def test_the_loss_of_the_true_velocity_is_zero():
    z = network.latents(drawing.draw(EVERY[:4], generator()))
    noise = torch.randn(z.shape, generator=generator(1))
    text, t = Words()([c.text for c in EVERY[:4]]), torch.tensor([0.1, 0.4, 0.7, 1.0])

    def exact(hidden_states, timestep, **_):  # who knows the data: x_t = z + t (ε − z)
        return ((hidden_states - z) / (timestep / 1000)[:, None, None, None],)

    assert pretraining.loss(exact, z, text, t, noise) < 1e-10  # roundings, divided by t = .1


def test_captions_are_dropped_as_often_as_asked():
    captions = pretraining._Captions(torch.device("cpu"))
    null = Words()([""]).pooled[0]
    for share, low, high in [(0.0, 0, 0), (1.0, 1000, 1000), (0.1, 43, 157)]:  # ± 6 σ of 9.5
        settings = pretraining.Settings(batch=1000, dropped=share)
        _, text = captions.draw(settings, generator())
        assert low <= int((text.pooled == null).all(dim=1).sum()) <= high


def test_training_learns_and_the_average_follows(tmp_path):
    settings = pretraining.Settings(steps=80, batch=16, rate=5e-3, checkpoint_every=80)
    wider = {**SMALL, "attention_head_dim": 32, "caption_projection_dim": 64}
    out = tmp_path / "run"
    pretraining.pretrain(out, settings, shape=wider)
    losses = [row["loss"] for row in metrics.read(out / "metrics.jsonl")]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    state = Series(out / "checkpoints").newest().state
    name = "proj_out.weight"
    slow, fast = state["averaged"][name], state["network"][name]
    assert 0 < (slow - fast).norm() < 0.2 * fast.norm()


def test_a_run_that_was_stopped_ends_with_the_same_bits(tmp_path):
    class Killed(Exception):
        pass

    def kill(step, steps, loss):
        if step == 5:  # one step after the checkpoint of 4
            raise Killed

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    pretraining.pretrain(whole, SHORT, shape=SMALL)
    with pytest.raises(Killed):
        pretraining.pretrain(broken, SHORT, shape=SMALL, on_progress=kill)
    assert not (broken / "pipeline").exists()
    left = []
    pretraining.pretrain(
        broken, SHORT, shape=SMALL, resume=True, on_progress=lambda step, *_: left.append(step)
    )
    assert left == [5, 6]
    a, b = (network.load(path / "pipeline").transformer.state_dict() for path in (whole, broken))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert (whole / "metrics.jsonl").read_bytes() == (broken / "metrics.jsonl").read_bytes()


def test_a_run_is_not_overwritten_nor_continued_as_another(tmp_path):
    out = tmp_path / "run"
    pretraining.pretrain(out, SHORT, shape=SMALL)
    with pytest.raises(FileExistsError, match="--resume"):
        pretraining.pretrain(out, SHORT, shape=SMALL)
    longer = dataclasses.replace(SHORT, rate=1.0)
    with pytest.raises(ValueError, match="rate"):
        pretraining.pretrain(out, longer, shape=SMALL, resume=True)
    # a finished run is left as it is
    assert pretraining.pretrain(out, SHORT, shape=SMALL, resume=True) == out / "pipeline"


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"dropped": 1.5}, "dropped is a share"),
        ({"uniform": -0.1}, "uniform is a share"),
        ({"average": 1.0}, r"average must lie in \(0, 1\)"),
        ({"rate": 0.0}, "rate be positive"),
        ({"location": math.inf}, "location must be finite"),
    ],
)
def test_settings_are_checked_at_birth(values, word):
    with pytest.raises(ValueError, match=word):
        pretraining.Settings(**values)


def test_the_average_moves_by_one_minus_its_decay():
    slow, fast = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    for layer, value in ((slow, 1.0), (fast, 2.0)):
        torch.nn.init.constant_(layer.weight, value)
        torch.nn.init.constant_(layer.bias, value)
    pretraining._follow(slow, fast, 0.75)
    assert {p.unique().item() for p in slow.parameters()} == {1.25}


def test_the_average_forgets_the_random_weights():
    settings = pretraining.Settings()
    kept = 1.0
    for step in range(300):
        kept *= settings.decay_at(step)
    assert kept < 1e-9  # with .998 throughout, .55 of the random weights would be left
    assert settings.decay_at(10_000) == settings.average
