"""Settings: every key known, every value typed, the field's names understood."""

from pathlib import Path

import pytest

from refimpl import methods
from refimpl.sd3.settings import overrides as settings
from refimpl.sd3.settings import presets
from refimpl.sd3.settings.config import Config, plain


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sampling.stesp=3", "did you mean sampling.steps"),
        ("samplng.steps=3", "did you mean sampling.steps"),
        ("train.clip_rnge=1", "no setting is called 'train.clip_rnge'"),
        ("steps=3", "did you mean"),
        ("sampling.steps=ten", "a whole number, got 'ten'"),
        ("sampling.steps=2.5", "a whole number, got 2.5"),
        ("sampling.steps=true", "a whole number, got True"),
        ("sampling.steps=0", "steps must be at least 1, got 0"),
        ("sampling=3", "a section with settings of its own"),
        ("sampling.resolution=500", "a multiple of 16"),
        ("sampling.guidance=0.5", "at least 1"),
        ("sampling.group=1", "no baseline"),
        (
            "method.kernel=cpss",
            "one of flow_grpo, constant, cps, exact, exact_constant, matched, got 'cpss'",
        ),
        ("method.size=0", "size must be at least 1"),
        ("training.updates=5", "must divide sampling.group=24"),
        ("training.learning_rate=-1", "learning_rate must be positive"),
        ("training.betas=[0.9]", "must hold 2 values"),
        ("rewards.weights={}", "at least one reward"),
        ("rewards.weights={ocr: .nan}", "finite"),
        ("sampling.after=0", "after must be at least 1, got 0"),
        ("sampling.after=2", "method.window is 'all', and of T=10 steps it takes 3"),
        ("run.keep=1", "at least 2"),
        ("text.tokens=600", "1 ... 512"),
        ("timestep_fraction=0", "timestep_fraction=0"),
        ("nonsense", "key=value"),
        ("a=[", "not a YAML value"),
    ],
)
def test_a_wrong_setting_is_refused_with_a_remedy(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("[", r"\[").replace("(", r"\(")):
        presets.resolve([], None, [text])


def test_the_steps_after_a_window_are_counted_from_its_end() -> None:
    changes = ["sampling.grid=uniform", "method.window=fixed", "method.start=2"]
    found = presets.resolve([], None, [*changes, "sampling.after=2"])
    assert found.grid.levels == (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.25, 0.0)
    whole = presets.resolve([], None, changes)
    plans = [methods.plan(one.method, one.grid) for one in (found, whole)]
    assert plans[0].trained == plans[1].trained == (2, 3, 4)
    assert plans[0].weights == plans[1].weights
    with pytest.raises(ValueError, match="of T=10 steps it takes 10; leave sampling.after=null"):
        presets.resolve([], None, [*changes, "sampling.after=2", "method.size=8"])


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ValueError, match="no preset is called 'flow'"):
        presets.resolve(["flow"])


@pytest.mark.parametrize(
    ("alias", "dotted", "value"),
    [
        ("num_steps=12", "sampling.steps", 12),
        ("sample.eval_num_steps=30", "sampling.eval_steps", 30),
        ("sample.num_image_per_prompt=8", "sampling.group", 8),
        ("num_generations=8", "sampling.group", 8),
        ("guidance_scale=1", "sampling.guidance", 1.0),
        ("sample.noise_level=0.8", "method.noise", 0.8),
        ("sde_type=cps", "method.kernel", "cps"),
        ("sde_type=sde", "method.kernel", "flow_grpo"),
        ("sde_type=precise", "method.kernel", "exact"),
        ("sde_type=dance_grpo", "method.kernel", "constant"),
        ("sde_type=dance_precise", "method.kernel", "exact_constant"),
        ("sde_window_size=2", "method.size", 2),
        ("sde_window_size=2", "method.window", "random"),
        ("sde_window_size=0", "method.window", "all"),
        ("epsilon=0.1", "method.limit", 0.1),
        ("train.adv_clip_max=5", "method.advantage_bound", 5.0),
        ("train.beta=0", "method.beta", 0.0),
        ("sample.global_std=true", "method.advantage_std", "batch"),
        ("sample.global_std=false", "method.advantage_std", "group"),
        ("scale_rewards=false", "method.advantage_std", "none"),
        ("train.timestep_fraction=0.99", "method.skip_last", True),
        ("train.timestep_fraction=1", "method.skip_last", False),
        ("reward_fn={ocr: 1}", "rewards.weights", {"ocr": 1.0}),
        ("mixed_precision=no", "model.dtype", "fp32"),
    ],
)
def test_the_fields_own_names_are_understood(alias: str, dotted: str, value: object) -> None:
    section, name = dotted.split(".")
    change = alias.replace("=no", "='no'")
    assert getattr(getattr(presets.resolve([], None, [change]), section), name) == value


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["train.clip_range=1e-4"], "averaged over coordinates, and this run has method.reduction"),
        (["clip_range=1e-4", "beta=0"], "give method.limit in this run's own unit"),
        (["train.beta=.04"], "without h, and this run has method.kl=steps"),
        (["train.clip_range=1e-4", "train.beta=.04"], "take --preset flow_grpo"),
    ],
)
def test_a_number_from_elsewhere_brings_its_unit_or_is_refused(
    changes: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        presets.resolve([], None, changes)
    theirs = presets.resolve(["flow_grpo"], None, changes).method
    assert (theirs.reduction, theirs.kl) == ("average", "without_h")
    file = tmp_path / "run.yaml"
    file.write_text("train: {clip_range: 1e-4}")
    with pytest.raises(ValueError, match="train.clip_range"):
        presets.resolve([], file)
    assert presets.resolve([], file, ["method.limit=0.2"]).method.limit == 0.2  # taken back
    unit = ["method.reduction=average", "method.kl=without_h", *changes]
    assert presets.resolve([], None, unit).method.reduction == "average"


def test_a_preset_with_a_kl_weight_has_the_kl_that_it_weighs() -> None:
    found, theirs = (presets.resolve([name]).method for name in ("pickscore", "flow_grpo"))
    assert found == theirs.but(beta=0.01)
    assert "ac4c86e" in presets.ABOUT["flow_grpo"]


def test_a_saved_configuration_reads_back_as_itself(tmp_path: Path) -> None:
    import yaml

    config = presets.resolve(["flow_grpo", "low_memory"], None, ["data.prompts=~/p.txt", "seed=7"])
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(plain(config)))
    assert presets.resolve([], file) == config
    assert settings.read(Config, plain(config)) == config


def test_the_command_line_wins_over_the_file_and_the_file_over_presets(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        "preset: flow_grpo\nbeta: 0.5\nsampling: {group: 12}\nrewards: {weights: {ocr: 2}}"
    )
    config = presets.resolve([], file, ["method.beta=0.25"])
    assert config.method == methods.preset("flow_grpo").but(beta=0.25)
    assert config.sampling.group == 12
    assert config.rewards.weights == {"ocr": 2.0}  # replaced, not added to the default's


@pytest.mark.parametrize("content", ["- a\n- b", "a: [", "\xff"])
def test_a_file_that_is_no_settings_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match="run.yaml"):
        presets.resolve([], file)


def test_every_alias_leads_to_a_setting() -> None:
    known = set(settings.keys(Config))
    assert {dotted for ours in presets.ALIASES.values() for dotted, _ in ours} <= known
    assert presets.ABOUT.keys() == presets.PRESETS.keys()
    for name in presets.PRESETS:
        presets.resolve([name])
