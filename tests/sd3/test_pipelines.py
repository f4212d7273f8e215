"""Loading is real: what `save_pretrained` wrote comes back to the bit, and the rest is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from refimpl.sd3.model import pipelines

pytestmark = pytest.mark.usefixtures("quiet")


def picture(pipeline: Any) -> torch.Tensor:
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        "a red square",
        num_inference_steps=3,
        height=32,
        width=32,
        generator=torch.Generator().manual_seed(0),
        output_type="pt",
        max_sequence_length=8,
    )
    found: torch.Tensor = made.images
    return found


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.Tensor]:
    folder = tmp_path_factory.mktemp("tiny")
    pipeline = pipelines.at_random("tiny", seed=3)
    pipeline.save_pretrained(folder)
    return folder, picture(pipeline)


def test_a_saved_pipeline_loads_to_the_same_image(saved: tuple[Path, torch.Tensor]) -> None:
    folder, image = saved
    again = pipelines.load(str(folder), dtype=torch.float32)
    assert torch.equal(picture(again), image)
    assert image.std() > 0.05  # an image, not a constant


def test_weights_follow_the_seed_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, same, other = (pipelines.at_random("tiny", seed=s).transformer for s in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    weights = [network.proj_out.weight for network in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_t5_can_be_left_out(saved: tuple[Path, torch.Tensor]) -> None:
    folder, image = saved
    pipeline = pipelines.load(str(folder), dtype=torch.float32, t5=False)
    assert pipeline.text_encoder_3 is None
    assert not torch.equal(picture(pipeline), image)


def test_the_precision_asked_for_is_that_of_every_weight(saved: tuple[Path, torch.Tensor]) -> None:
    pipeline = pipelines.load(str(saved[0]), dtype=torch.bfloat16)
    for network in (pipeline.transformer, pipeline.vae, pipeline.text_encoder_3):
        assert {p.dtype for p in network.parameters()} == {torch.bfloat16}


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a folder that exists"):
        pipelines.load(str(tmp_path / "nothing"), dtype=torch.float32)


def test_a_folder_without_a_pipeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no model_index.json"):
        pipelines.load(str(tmp_path), dtype=torch.float32)


def test_another_kind_of_pipeline_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "FluxPipeline"}))
    with pytest.raises(ValueError, match="holds a FluxPipeline"):
        pipelines.load(str(tmp_path), dtype=torch.float32)


def test_pickled_weights_are_refused(saved: tuple[Path, torch.Tensor], tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "pickled"
    shutil.copytree(saved[0], folder)
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(ValueError, match="safetensors"):
        pipelines.load(str(folder), dtype=torch.float32)


def test_a_damaged_file_of_weights_is_refused(
    saved: tuple[Path, torch.Tensor], tmp_path: Path
) -> None:
    import shutil

    folder = tmp_path / "damaged"
    shutil.copytree(saved[0], folder)
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match="could not be loaded"):
        pipelines.load(str(folder), dtype=torch.float32)


@pytest.mark.parametrize(
    ("error", "said"),
    [("GatedRepoError", "accept its licence"), ("RepositoryNotFoundError", "nor a repository")],
)
def test_what_the_hub_refuses_is_said_with_a_remedy(
    error: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers import StableDiffusion3Pipeline
    from huggingface_hub import errors

    def refuse(*args: Any, **options: Any) -> None:
        kind = getattr(errors, error)
        raise kind.__new__(kind)

    monkeypatch.setattr(StableDiffusion3Pipeline, "from_pretrained", refuse)
    with pytest.raises(ValueError, match=said):
        pipelines.load("owner/model", dtype=torch.float32)


def rescheduled(saved: tuple[Path, torch.Tensor], tmp_path: Path, **changes: Any) -> str:
    """A copy whose scheduler_config.json says something else."""
    folder = tmp_path / "pipeline"
    shutil.copytree(saved[0], folder)
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return str(folder)


@pytest.mark.parametrize(
    ("grid", "changes", "said"),
    [
        ("as_shipped", {"shift": 5.0}, "has shift=5, and sampling.grid=as_shipped has SD3.5's 3"),
        ("once_shifted", {"shift": 1.0}, "take sampling.grid=uniform, which is the same"),
        ("as_shipped", {"use_karras_sigmas": True}, "asks for use_karras_sigmas=True"),
        ("uniform", {"use_dynamic_shifting": True}, "asks for use_dynamic_shifting=True"),
        ("as_shipped", {"num_train_timesteps": 500}, "num_train_timesteps=500"),
    ],
)
def test_a_scheduler_of_other_levels_is_never_ignored(
    saved: tuple[Path, torch.Tensor], tmp_path: Path, grid: str, changes: Any, said: str
) -> None:
    from refimpl.sd3.engine.assemble import assemble
    from refimpl.sd3.settings import presets

    source = rescheduled(saved, tmp_path, **changes)
    places = [f"model.source={source}", f"text.cache={tmp_path}", f"sampling.grid={grid}",
              "sampling.resolution=32", "model.dtype=fp32"]  # fmt: skip
    with pytest.raises(ValueError, match=said):
        assemble(presets.resolve([], None, places), torch.device("cpu"))


def test_the_shipped_scheduler_and_an_unshifted_one_on_even_steps_are_taken(
    saved: tuple[Path, torch.Tensor], tmp_path: Path
) -> None:
    from refimpl.sd3.engine.assemble import assemble
    from refimpl.sd3.settings import presets

    for source, grid in (
        (str(saved[0]), "as_shipped"),
        (rescheduled(saved, tmp_path, shift=1.0), "uniform"),
    ):
        places = [f"model.source={source}", f"text.cache={tmp_path}", f"sampling.grid={grid}",
                  "sampling.resolution=32", "model.dtype=fp32"]  # fmt: skip
        assert assemble(presets.resolve([], None, places), torch.device("cpu")).latent == (4, 4, 4)
