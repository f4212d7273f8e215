"""The command about grids: configurations of strangers, folders of models, lists of levels."""

import json

import pytest
from typer.testing import CliRunner

from refimpl.cli import app
from refimpl.simulate import config, grids

EULER = {"_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.36.0",
         "num_train_timesteps": 1000}  # fmt: skip


def run(*line, code=0):
    ended = CliRunner().invoke(app, list(map(str, line)))
    assert ended.exit_code == code, ended.output
    return ended.output


@pytest.fixture
def model(tmp_path):
    """A model's folder, whose scheduler has a static shift of 5."""
    (tmp_path / "scheduler").mkdir()
    file = tmp_path / "scheduler/scheduler_config.json"
    file.write_text(json.dumps(EULER | {"shift": 5.0, "use_karras_sigmas": None}))
    return tmp_path


def shown(*line):
    return json.loads(run("grid", *line, "--json"))


def test_a_strangers_file_is_read_and_its_levels_are_those_of_its_shift(model):
    got = shown(model / "scheduler/scheduler_config.json", "--steps", 10)
    assert got["shift"] == 5.0
    assert got["levels"][1] == pytest.approx(grids.shift(1 - (1 - grids.shift(0.001, 5.0)) / 9, 5))
    assert any("Shifted twice" in line for line in got["remarks"])


@pytest.mark.parametrize(
    ("pipeline", "lowest"),
    [("HunyuanVideoPipeline", grids.shift(0.1, 5.0)), ("StableDiffusion3Pipeline", None)],
)
def test_the_pipeline_of_a_models_folder_says_what_is_handed_over(model, pipeline, lowest):
    (model / "model_index.json").write_text(json.dumps({"_class_name": pipeline}))
    got = shown(model, "--steps", 10)
    twice = grids.shift(grids.shift(0.001, 5.0), 5.0)
    assert got["levels"][-2] == pytest.approx(lowest or twice, rel=1e-12)
    assert pipeline in run("grid", model, "--steps", 10)


def test_steps_carry_what_their_equations_say():
    got = shown("sd3.5", "--steps", 10)["steps"]
    # the golden widths of the shipped grid at a = .7
    assert got[0]["std"] == pytest.approx(0.7, rel=1e-12)
    assert got[8]["std"] == pytest.approx(0.2254, abs=5e-5)
    assert got[9]["std"] == pytest.approx(0.0063, abs=5e-5)
    for row in got:
        weight = row["h"] / 2 * (row["g"] * (1 - row["t"]) / (2 * row["t"]) + 1 / row["g"]) ** 2
        assert row["kl"] == pytest.approx(weight, rel=1e-12)
    assert [row["memory"] for row in got] == sorted((r["memory"] for r in got), reverse=True)


def test_without_noise_there_is_no_kl_and_all_memory_stays():
    got = shown("sd3.5", "--steps", 4, "--a", 0)["steps"]
    assert {row["kl"] for row in got} == {None}
    assert [row["memory"] for row in got] == pytest.approx([1.0] * 4)


def test_a_first_level_below_one_misses_the_rule_for_equality():
    assert "g = 700 at the first step" in run("grid", "wan2.1", "--steps", 10)
    assert "first step" not in run("grid", "wan2.1", "--steps", 10, "--rule", "clamp")


def test_the_boundary_of_two_networks_is_counted_in_steps():
    assert "Networks change at level 0.875: 2 steps run above it" in run(
        "grid", "wan2.2", "--steps", 6
    )


def test_a_list_is_named_and_a_strange_one_ends_with_1(tmp_path):
    file = tmp_path / "levels.txt"
    file.write_text("tensor([1.0000, 0.9643, 0.9231, 0.8750, 0.8182, 0.7500, 0.6667, 0.5625,\n"
                    "        0.4286, 0.2500, 0.0000])")  # fmt: skip
    told = run("grid", "--identify", file)
    assert "it is uniform, shifted once, shift 3 (μ = 1.09861), 10 steps" in told
    file.write_text("[1, 0.97, 0.3, 0.2, 0.1, 0]")
    told = run("grid", "--identify", file, code=1)
    assert told.startswith("nearest is")
    assert "difference" in told


def test_whole_network_times_of_unipc_are_named(tmp_path):
    file = tmp_path / "timesteps.json"
    entry = config.model("wan2.1")
    from refimpl.simulate import shipped

    made = shipped.made(config.read(entry["config"]), 20)
    file.write_text(json.dumps([int(t) for t in made.told]))
    told = run("grid", "--identify", file)
    assert "read as network times" in told
    assert "UniPC in flow mode, shift 3" in told


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"shfit": 3.0}, "no setting 'shfit'; did you mean shift"),
        ({"use_karras_sigmas": True, "use_beta_sigmas": True}, "contradict each other"),
        ({"use_dynamic_shifting": True}, "needs tokens or mu"),
    ],
)
def test_a_contradiction_or_a_stranger_in_the_file_is_one_line(model, entries, words):
    file = model / "scheduler/scheduler_config.json"
    file.write_text(json.dumps(EULER | entries))
    ended = CliRunner().invoke(app, ["grid", str(file), "--steps", "10"])
    assert ended.exit_code == 2
    assert words in ended.output
    assert len(ended.output.strip().splitlines()) == 1
