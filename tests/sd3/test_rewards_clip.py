"""Rewards from CLIP models, on tiny random ones that are saved to a folder and loaded from it."""

import pytest
import torch
from torch.nn.functional import cosine_similarity

from refimpl.sd3 import rewards

transformers = pytest.importorskip("transformers")

IMAGES = torch.rand(3, 3, 40, 40, generator=torch.Generator().manual_seed(0))
PROMPTS = ["a cat", "two dogs and a very long tail of words that is cut", ""]
METADATA = [{}] * 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A CLIP model with its processor, as a repository has them."""
    path = tmp_path_factory.mktemp("clip")
    letters = [chr(i) for i in range(97, 123)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(x + "</w>" for x in letters)]
    tokenizer = transformers.CLIPTokenizer(vocab={w: i for i, w in enumerate(words)}, merges=[])
    config = transformers.CLIPConfig(
        text_config={
            "vocab_size": len(words),
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "max_position_embeddings": 20,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "pad_token_id": 1,
        },
        vision_config={
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
        },
        projection_dim=12,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.CLIPModel(config).save_pretrained(path)
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    pictures = CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    )
    transformers.CLIPProcessor(image_processor=pictures, tokenizer=tokenizer).save_pretrained(path)
    return str(path)


@pytest.fixture(scope="module")
def embeddings(folder):
    """(image, text) embeddings by another route: one picture and one prompt at a time."""
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    processor = transformers.CLIPProcessor.from_pretrained(folder)
    pairs = []
    for image, prompt in zip(IMAGES, PROMPTS, strict=True):
        levels = (255 * image).round().to(torch.uint8).permute(1, 2, 0).numpy()
        pixels = processor(images=levels, return_tensors="pt")["pixel_values"]
        words = processor(text=[prompt], truncation=True, max_length=20, return_tensors="pt")
        with torch.no_grad():
            pooled = model.vision_model(pixel_values=pixels).pooler_output
            text = model.text_model(**words).pooler_output
            pairs.append((model.visual_projection(pooled), model.text_projection(text)))
    images, texts = zip(*pairs, strict=True)
    return torch.cat(images), torch.cat(texts), model.logit_scale.exp().item()


CLOSE = {"rtol": 1e-5, "atol": 1e-6}  # float32, padded rows against single ones


def test_clipscore_is_two_and_a_half_times_the_positive_cosine(folder, embeddings):
    reward = rewards.make("clipscore", source=folder, batch=2)
    scores, extras = rewards.judge("clipscore", reward, IMAGES, PROMPTS, METADATA)
    cosine = cosine_similarity(embeddings[0], embeddings[1])
    torch.testing.assert_close(extras["cosine"], cosine, **CLOSE)
    torch.testing.assert_close(scores, 2.5 * cosine.clip(min=0), **CLOSE)
    assert len({round(x, 4) for x in cosine.tolist()}) == 3


def test_pickscore_is_the_scaled_cosine_over_26(folder, embeddings):
    reward = rewards.make("pickscore", source=folder, processor=folder)
    scores, _ = rewards.judge("pickscore", reward, IMAGES, PROMPTS, METADATA)
    cosine = cosine_similarity(embeddings[0], embeddings[1])
    torch.testing.assert_close(scores, embeddings[2] * cosine / 26, **CLOSE)


def test_half_precision_is_the_models_and_scores_are_float32(folder, embeddings):
    """bf16 keeps three digits of a unit vector's cosine; the score has a float32's."""
    reward = rewards.make("clipscore", source=folder, batch=2, dtype="bf16")
    scores, extras = rewards.judge("clipscore", reward, IMAGES, PROMPTS, METADATA)
    assert scores.dtype == torch.float32
    cosine = cosine_similarity(embeddings[0], embeddings[1])
    assert 0 < (extras["cosine"] - cosine).abs().max() < 0.05
    for options, said in (({"dtype": "half"}, "fp32, bf16, fp16"), ({"batch": 0}, "from 1")):
        with pytest.raises(rewards.RewardError, match=said):
            rewards.make("clipscore", source=folder, **options)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_aesthetic_is_its_linear_head_on_the_unit_embedding(folder, embeddings, tmp_path, ending):
    layers = torch.nn.Sequential(
        torch.nn.Linear(12, 8), torch.nn.Dropout(), torch.nn.Linear(8, 4), torch.nn.Linear(4, 1)
    ).eval()
    state = {f"layers.{key}": x for key, x in layers.state_dict().items()}
    head = tmp_path / f"head.{ending}"
    if ending == "pth":
        torch.save(state, head)
    else:
        from safetensors.torch import save_file

        save_file(state, head)
    reward = rewards.make("aesthetic", head=str(head), source=folder)
    scores, _ = rewards.judge("aesthetic", reward, IMAGES, PROMPTS, METADATA)
    unit = embeddings[0] / embeddings[0].norm(dim=1, keepdim=True)
    torch.testing.assert_close(scores, layers(unit)[:, 0].detach(), **CLOSE)


def test_a_head_that_does_not_fit_is_refused(folder, tmp_path):
    head = tmp_path / "head.pth"
    for state, word in [
        ({"layers.0.weight": torch.zeros(1, 9), "layers.0.bias": torch.zeros(1)}, "of 9 numbers"),
        ({"layers.0.weight": torch.zeros(2, 12), "layers.0.bias": torch.zeros(2)}, "end in one"),
        ({"weights": torch.zeros(1)}, "does not hold the layers"),
    ]:
        torch.save(state, head)
        with pytest.raises(rewards.RewardError, match=word):
            rewards.make("aesthetic", head=str(head), source=folder)
    with pytest.raises(rewards.RewardError, match="no aesthetic head at .*give `head`"):
        rewards.make("aesthetic", head=str(tmp_path / "none.pth"), source=folder)


def test_weights_that_are_missing_are_one_line(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(rewards.RewardError, match="could not be loaded from") as caught:
        rewards.make("clipscore", source=str(tmp_path))
    assert "\n" not in str(caught.value)
