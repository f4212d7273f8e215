"""Configurations read: what is left out has diffusers' default, what contradicts itself is told."""

import math

import pytest

from refimpl.simulate import config

EULER = {"_class_name": "FlowMatchEulerDiscreteScheduler"}
HEUN = {"_class_name": "FlowMatchHeunDiscreteScheduler"}
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
UNIPC = {"_class_name": "UniPCMultistepScheduler", **FLOW}
DPM = {"_class_name": "DPMSolverMultistepScheduler", **FLOW}


def refused(entries):
    with pytest.raises(ValueError) as error:  # noqa: PT011  (the message is looked at)
        config.read(entries)
    return str(error.value)


def test_what_is_left_out_of_an_euler_scheduler_is_diffusers_default():
    c = config.read(EULER)
    assert c == config.Config(
        kind="euler", shift=1.0, dynamic=False, exponential=True, tokens=(256.0, 4096.0),
        mu=(0.5, 1.15), terminal=0.0, spacing="", inverted=False, train=1000, final="zero",
        ends=(0.0, 0.0),
    )  # fmt: skip


def test_a_scheduler_without_dynamic_shifts_reads_like_one_that_leaves_them_out():
    c = config.read(HEUN | {"shift": 2.5, "num_train_timesteps": 500})
    assert c == config.Config(
        kind="heun", shift=2.5, dynamic=False, exponential=True, tokens=(256.0, 4096.0),
        mu=(0.5, 1.15), terminal=0.0, spacing="", inverted=False, train=500, final="zero",
        ends=(0.0, 0.0),
    )  # fmt: skip


def test_what_is_given_is_read():
    given = {
        "shift": 3.0, "use_dynamic_shifting": True, "time_shift_type": "linear",
        "base_image_seq_len": 128, "max_image_seq_len": 1024, "base_shift": 0.25,
        "max_shift": 2.0, "shift_terminal": 0.02, "invert_sigmas": True,
        "use_beta_sigmas": True, "num_train_timesteps": 100,
    }  # fmt: skip
    c = config.read(EULER | given)
    assert c == config.Config(
        kind="euler", shift=3.0, dynamic=True, exponential=False, tokens=(128.0, 1024.0),
        mu=(0.25, 2.0), terminal=0.02, spacing="beta", inverted=True, train=100, final="zero",
        ends=(0.0, 0.0),
    )  # fmt: skip


def test_karras_ends_in_unipc_are_those_of_the_variance_preserving_betas():
    """σ² = (1 − ᾱ)/ᾱ after the first step and after all of them."""
    given = {"use_karras_sigmas": True, "num_train_timesteps": 50, "beta_start": 0.001,
             "beta_end": 0.05}  # fmt: skip
    c = config.read(UNIPC | given)
    kept, ends = 1.0, []
    for i in range(50):
        kept *= 1 - (0.001 + 0.049 * i / 49)
        ends.append(math.sqrt((1 - kept) / kept))
    assert c.spacing == "karras"
    assert c.ends == pytest.approx((ends[0], ends[-1]), rel=1e-12)
    told = config.read(UNIPC | given | {"sigma_min": 0.125, "sigma_max": 4.0})
    assert told.ends == (0.125, 4.0)
    assert config.read(UNIPC).ends == (0.0, 0.0)
    assert config.read(DPM).ends == (0.0, 0.0)


def test_both_final_levels_are_read():
    assert config.read(UNIPC | {"final_sigmas_type": "sigma_min"}).final == "sigma_min"
    assert config.read(DPM).final == "zero"


def test_names_are_hinted_at_or_all_listed():
    names = ("euler", "euler_a", "eulers", "heun", "nothing")
    assert config.nearest("euler", names) == "; did you mean euler or eulers?"
    assert config.nearest("heum", names) == "; did you mean heun?"
    assert config.nearest("zzz", ("a", "b")) == "; known are a, b"
    # a likeness of one half counts, below that all are listed
    assert config.nearest("abyz", ("abcd",)) == "; did you mean abcd?"
    assert config.nearest("axyz", ("abcd",)) == "; known are abcd"


@pytest.mark.parametrize("key", ["shift", "num_train_timesteps"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_scale_that_is_not_positive_is_named(key, value):
    assert refused(EULER | {key: value}) == f"{key} must be positive, got {value}"


def test_a_flow_shift_that_is_not_positive_is_named():
    assert refused(UNIPC | {"flow_shift": 0.0}) == "flow_shift must be positive, got 0.0"


@pytest.mark.parametrize(
    ("prediction", "flow"), [("epsilon", True), ("flow_prediction", False), ("epsilon", False)]
)
def test_a_diffusion_schedule_is_none_of_a_flow(prediction, flow):
    entries = UNIPC | {"prediction_type": prediction, "use_flow_sigmas": flow}
    assert refused(entries) == (
        "this is a diffusion schedule, not a flow's: prediction_type is "
        f"{prediction!r} and use_flow_sigmas {str(flow).lower()}"
    )


CONTRADICTS = (
    "use_{} and use_flow_sigmas contradict each other here: the scheduler takes the first, whose "
    "σ are EDM's and no levels of a flow"
)


def test_spacings_beside_flow_sigmas_are_refused_but_for_karras_in_unipc():
    assert refused(DPM | {"use_karras_sigmas": True}) == CONTRADICTS.format("karras_sigmas")
    assert refused(UNIPC | {"use_beta_sigmas": True}) == CONTRADICTS.format("beta_sigmas")
    assert refused(DPM | {"use_lu_lambdas": True}) == CONTRADICTS.format("lu_lambdas")
    assert config.read(UNIPC | {"use_karras_sigmas": True}).spacing == "karras"


@pytest.mark.parametrize("given", [{"beta_schedule": "scaled_linear"}, {"trained_betas": [0.1]}])
def test_karras_ends_are_read_off_linear_betas_alone(given):
    told = refused(UNIPC | {"use_karras_sigmas": True} | given)
    assert told == "Karras' ends are read off a linear beta_schedule alone"
    assert config.read(UNIPC | given).spacing == ""


def test_lengths_are_compared_where_they_are_used():
    same = {"base_image_seq_len": 512, "max_image_seq_len": 512}
    told = "max_image_seq_len must lie above base_image_seq_len, got 512 and 512"
    assert refused(EULER | {"use_dynamic_shifting": True} | same) == told
    assert config.read(EULER | same).tokens == (512.0, 512.0)
    short = {"use_dynamic_shifting": True, "base_image_seq_len": 1, "max_image_seq_len": 2}
    assert config.read(EULER | short).tokens == (1.0, 2.0)
    nothing = short | {"base_image_seq_len": 0}
    assert refused(EULER | nothing).startswith("max_image_seq_len must lie above")


def test_values_of_another_kind_are_named_and_an_infinite_lambda_is_a_number():
    assert refused(EULER | {"shift": True}) == "shift must be a number, got True"
    assert refused(EULER | {"shift": math.inf}) == "shift must be a number, got inf"
    assert refused(EULER | {"invert_sigmas": 1}) == "invert_sigmas must be true or false, got 1"
    assert config.read(DPM | {"lambda_min_clipped": -math.inf}).kind == "dpm++"


def test_a_file_that_is_none_is_told_apart():
    assert refused({}) == (
        "no _class_name: this is not the scheduler_config.json of a diffusers scheduler"
    )
    assert refused([]) == "a scheduler's configuration is a JSON object, got a list"
