"""Grids of scheduler configurations: golden levels, what is told, and what is refused."""

import math

import numpy as np
import pytest
from scipy import stats

from refimpl.simulate import config, grids, shipped

EULER = "FlowMatchEulerDiscreteScheduler"
UNIPC = {"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction",
         "use_flow_sigmas": True}  # fmt: skip
DPM = UNIPC | {"_class_name": "DPMSolverMultistepScheduler"}


def made(entries, steps=10, **more):
    return shipped.made(config.read({"_class_name": EULER} | entries), steps, **more)


def of_model(name, steps=10, **more):
    entry = config.model(name)
    return shipped.made(config.read(entry["config"]), steps, handed=entry["handed"], **more)


def test_sd35_is_the_grid_that_diffusers_ships_and_says_so():
    got = of_model("sd3.5")
    assert got.levels == pytest.approx(grids.sd35_as_shipped(10).levels, rel=1e-14)
    assert any(line.startswith("Shifted twice") for line in got.remarks)
    assert got.told == pytest.approx([1000 * t for t in got.levels[:-1]])


def test_handed_levels_are_shifted_once():
    once = made({"shift": 3.0}, handed="open")
    assert once.levels == pytest.approx(grids.sd35_once_shifted(10).levels, rel=1e-14)
    assert not any("Shifted twice" in line for line in once.remarks)
    assert made({"shift": 3.0}, handed="1/steps").levels == pytest.approx(once.levels, rel=1e-14)


def test_flux_at_1024_pixels_is_shifted_by_e_to_the_1_15_and_not_by_the_files_3():
    got = of_model("flux.1-dev", 28, tokens=4096)
    assert got.shift == pytest.approx(math.exp(1.15), rel=1e-14)
    assert got.levels == pytest.approx(grids.shifted(28, math.exp(1.15)).levels, rel=1e-13)
    assert any("static shift of 3 in the file is not used" in line for line in got.remarks)


def test_a_dynamic_schedulers_own_last_level_is_a_thousandth_before_the_shift():
    own = made({"use_dynamic_shifting": True}, mu=0.0, handed="own").levels
    assert own[-2] == pytest.approx(1 / 1000, rel=1e-14)
    handed = made({"use_dynamic_shifting": True}, mu=0.0, handed="1/steps").levels
    assert handed[-2] == pytest.approx(1 / 10, rel=1e-14)


def test_qwen_image_and_ltx_end_where_they_are_told():
    for name, terminal in (("qwen-image", 0.02), ("ltx-video", 0.1)):
        levels = of_model(name, 20, tokens=4096).levels
        assert levels[0] == 1.0
        assert levels[-2:] == pytest.approx((terminal, 0.0), rel=1e-12)


def test_wan_starts_below_1_and_the_network_is_told_whole_times():
    got = of_model("wan2.1", 50)
    assert got.levels[0] == 1 - 1e-6
    assert got.told[0] == 999.0
    assert all(time == math.floor(time) for time in got.told)
    assert any("looks for equality" in line for line in got.remarks)


def test_sana_starts_below_pure_noise():
    levels = of_model("sana", 20).levels
    assert levels[0] == pytest.approx(grids.shift(0.999, 3.0), rel=1e-12)


def test_given_timesteps_are_shifted_as_levels_and_told_as_they_are():
    got = made({"shift": 3.0}, 3, timesteps=(900.0, 400.0, 100.0))
    assert got.levels[:-1] == pytest.approx([grids.shift(t, 3.0) for t in (0.9, 0.4, 0.1)])
    assert got.told == (900.0, 400.0, 100.0)
    assert any("off by up to 0.27" in line for line in got.remarks)
    plain = made({"shift": 1.0}, 3, timesteps=(900.0, 400.0, 100.0))
    assert plain.remarks == ()


def test_an_inverted_schedule_tells_the_other_clock():
    got = made({"invert_sigmas": True}, 4, handed="open")
    assert got.told == (0.0, 250.0, 500.0, 750.0)
    assert got.levels == (1.0, 0.75, 0.5, 0.25, 0.0)


def test_spacings_have_the_ends_of_the_shifted_grid():
    ends = made({"shift": 3.0}, 8, handed="1/steps").levels
    for kind in config.SPACINGS:
        levels = made({"shift": 3.0, f"use_{kind}_sigmas": True}, 8, handed="1/steps").levels
        assert levels[0] == pytest.approx(ends[0], rel=1e-12)
        assert levels[-2] == pytest.approx(ends[-2], rel=1e-9)
        assert (np.diff(levels) < 0).all()
        assert np.abs(np.subtract(levels, ends)).max() > 0.05


def test_tokens_beyond_the_longest_go_on_along_the_line():
    got = of_model("flux.1-dev", 4, tokens=8192)
    assert math.log(got.shift) == pytest.approx(1.84333, abs=1e-5)
    assert any("lie beyond max_image_seq_len" in line for line in got.remarks)


def test_steps_without_length_are_told():
    for entries, words in ((UNIPC, "repeats the last level"), (DPM, "no level of this grid")):
        got = made(entries | {"final_sigmas_type": "sigma_min"}, 4)
        assert any(words in line for line in got.remarks)
        assert got.levels[-1] == 0.0


@pytest.mark.parametrize("name", config.models())
def test_every_model_at_hand_makes_a_grid_and_names_its_source(name):
    tokens = 4096.0 if config.read(config.model(name)["config"]).dynamic else None
    for steps in (2, 10, 50):
        grids.from_levels(of_model(name, steps, tokens=tokens).levels)  # raises unless it falls
    assert len(config.model(name)["source"]) > 20


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([1, 2], "is a JSON object, got a list"),
        ({"shift": 3.0}, "no _class_name"),
        ({"_class_name": "FlowMatchEulerDiscreteSchedular"}, "did you mean FlowMatchEulerDiscrete"),
        ({"_class_name": "DDPMScheduler"}, "'DDPMScheduler' is not read"),
        ({"_class_name": EULER, "shfit": 3.0}, "no setting 'shfit'; did you mean shift"),
        ({"_class_name": EULER, "shift": "3"}, "shift must be a number, got '3'"),
        ({"_class_name": EULER, "shift": -1.0}, "shift must be positive, got -1.0"),
        ({"_class_name": EULER, "shift": float("nan")}, "shift must be a number, got nan"),
        ({"_class_name": EULER, "use_dynamic_shifting": 1}, "must be true or false, got 1"),
        ({"_class_name": EULER, "shift_terminal": 1.0}, "shift_terminal must lie in"),
        ({"_class_name": EULER, "time_shift_type": "square"},
         "is exponential or linear, got 'square'"),
        ({"_class_name": EULER, "use_karras_sigmas": True, "use_beta_sigmas": True},
         "use_karras_sigmas and use_beta_sigmas contradict each other"),
        ({"_class_name": EULER, "use_dynamic_shifting": True, "max_image_seq_len": 256},
         "max_image_seq_len must lie above base_image_seq_len"),
        ({"_class_name": "UniPCMultistepScheduler"}, "a diffusion schedule, not a flow's"),
        (UNIPC | {"final_sigmas_type": "last"}, "is zero or sigma_min, got 'last'"),
        ({"_class_name": EULER, "shift": [3.0]}, r"shift must be a number, got \[3.0\]"),
        (UNIPC | {"use_beta_sigmas": True}, "use_beta_sigmas and use_flow_sigmas contradict"),
        (DPM | {"use_karras_sigmas": True}, "use_karras_sigmas and use_flow_sigmas contradict"),
        (DPM | {"use_lu_lambdas": True}, "use_lu_lambdas and use_flow_sigmas contradict"),
    ],
)  # fmt: skip
def test_what_is_no_configuration_of_a_flow_is_refused_by_name(entries, words):
    with pytest.raises(ValueError, match=words):
        config.read(entries)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: of_model("flux.1-dev"), "use_dynamic_shifting is true, so the shift needs tokens"),
        (lambda: of_model("flux.1-dev", tokens=256, mu=1.0), "tokens and mu contradict"),
        (lambda: of_model("sd3.5", mu=1.0), "mu = 1.0 is not used"),
        (lambda: of_model("sd3.5", 0), "steps must be a whole number, 1 or more, got 0"),
        (lambda: of_model("qwen-image", 1, tokens=256), "^shift_terminal needs two steps or more"),
        (lambda: made({"shift": 1e18}, 4, handed="open"),
         r"^a grid must fall, and the levels of this one meet: shift = 1e\+18$"),
        (lambda: shipped.spaced("even", 3, 0.1, 1.0),
         "^a spacing is karras, exponential or beta, got 'even'$"),
        (lambda: shipped.of_name("flux.1-dev", 4),
         "^flux.1-dev's shift is dynamic: name the tokens, such as 'flux.1-dev 4096'$"),
        (lambda: shipped.of_name("flux.1-dev many", 4), "^'flux.1-dev many' ends with no number$"),
        (lambda: shipped.of_name("1/1000, shift", 4), "^'1/1000, shift' ends with no number$"),
        (lambda: made({}, 3, handed="even"), "handed is one of own, 1/steps, open"),
        (lambda: made({}, 3, handed=(0.9, 0.5)), "2 levels for 3 steps"),
        (lambda: made({}, 2, handed=(0.5, 0.9)), r"levels must fall within \(0, 1\]"),
        (lambda: made({}, 2, timesteps=(1500.0, 3.0)), "timesteps must fall within"),
        (lambda: made(DPM, 2, handed=(0.9, 0.5)), "makes its levels itself"),
        (lambda: made({"use_dynamic_shifting": True, "time_shift_type": "linear"}, mu=-1.0),
         "takes μ itself for the shift"),
        (lambda: config.model("sd35"), "no model is called 'sd35'; did you mean sd3.5"),
    ],
)  # fmt: skip
def test_what_makes_no_grid_is_refused_with_its_value(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_sanas_levels_fall_evenly_from_999_thousandths_before_the_shift():
    even = (0.999, 0.666, 0.333, 0.0)
    assert of_model("sana", 3).levels == pytest.approx([3 * t / (1 + 2 * t) for t in even])


def test_karras_levels_fall_evenly_to_the_power_of_a_seventh():
    root = shipped.spaced("karras", 6, 0.01, 0.9) ** (1 / 7)
    assert np.diff(root) == pytest.approx([(0.01 ** (1 / 7) - 0.9 ** (1 / 7)) / 5] * 5)


def test_beta_spacings_are_quantiles_of_their_law():
    levels = shipped.spaced("beta", 9, 0.1, 0.9)
    below = stats.beta(0.6, 0.6, loc=0.1, scale=0.8).cdf(levels)
    assert below == pytest.approx(np.linspace(1, 0, 9), abs=1e-12)


def test_whole_times_are_told_as_they_are():
    assert made(UNIPC, 3, handed=(0.75, 0.5, 0.125)).told == (750.0, 500.0, 125.0)


def test_a_short_name_stands_for_a_models_grid():
    assert shipped.of_name("wan2.1", 6) == of_model("wan2.1", 6)
    assert shipped.of_name(" flux.1-dev 4096 ", 6) == of_model("flux.1-dev", 6, tokens=4096)
    assert shipped.of_name("sd3.5 4096", 6).remarks[0].startswith("The shift is static")


@pytest.mark.parametrize("name", ["1/1000, shift 3", " 1/1000, shift 3 "])
def test_or_for_one_from_1_to_a_thousandth_that_is_shifted_once(name):
    got = shipped.of_name(name, 4)
    even = (1.0, 0.667, 0.334, 0.001)
    levels = [3 * t / (1 + 2 * t) for t in even]
    assert got.levels == pytest.approx([*levels, 0.0], rel=1e-12)
    assert got.told == pytest.approx([1000 * t for t in levels], rel=1e-12)
    assert (got.shift, got.remarks) == (3.0, ())


PLAIN = {"_class_name": EULER}
HEUN = {"_class_name": "FlowMatchHeunDiscreteScheduler", "shift": 3.0}
DYNAMIC = {"use_dynamic_shifting": True}
TWICE = (
    "Shifted twice: the lowest level is shift(1/1000), and the even levels that end there are "
    "shifted again."
)
WHOLE = "The network is told a time without its fraction that is off by up to {:.2g} of the level."
NOT_AT_1 = "UniPC starts at .999999, not at 1: a rule for t = 1 that looks for equality is missed."


@pytest.mark.parametrize(
    ("entries", "asked", "remarks"),
    [
        (PLAIN, {}, []),
        (PLAIN | {"shift": 3.0}, {}, [TWICE]),
        (PLAIN | {"shift": 3.0}, {"handed": "1/steps"}, []),
        (PLAIN | {"shift": 2.0}, {"handed": "open", "tokens": 64.0},
         ["The shift is static: the number of tokens makes no difference."]),
        (HEUN, {}, [TWICE]),
        (PLAIN | DYNAMIC, {"mu": 0.75, "handed": "open"}, ["The shift is e^μ, μ = 0.75."]),
        (PLAIN | DYNAMIC | {"time_shift_type": "linear", "shift": 3.0}, {"mu": 0.75},
         ["The shift is μ itself, μ = 0.75.", "The static shift of 3 in the file is not used."]),
        (PLAIN | DYNAMIC, {"tokens": 4096.0, "handed": "open"}, ["The shift is e^μ, μ = 1.15."]),
        (PLAIN | DYNAMIC, {"tokens": 7936.0, "handed": "open"},
         ["The shift is e^μ, μ = 1.8.",
          "7936 tokens lie beyond max_image_seq_len 4096: μ goes on along its line, above "
          "max_shift."]),
        (PLAIN | {"shift_terminal": 0.1}, {"handed": "1/steps"},
         ["The levels are stretched after the shift, to end at 0.1."]),
        (PLAIN | {"use_beta_sigmas": True}, {"handed": "1/steps"},
         ["The beta spacing keeps the two ends of the shifted grid and nothing else."]),
        (PLAIN | {"invert_sigmas": True}, {},
         ["The network is told 1000 (1 − t): the other clock."]),
        (PLAIN | {"shift": 3.0}, {"timesteps": (900.0, 600.0, 300.0, 100.0)},
         ["The levels of the given timesteps are shifted, the times told to the network are not.",
          "The network is told a time that is off by up to 0.26 of the level."]),
        (UNIPC | {"flow_shift": 3.0}, {}, [NOT_AT_1, WHOLE]),
        (DPM | {"flow_shift": 3.0}, {},
         ["DPM++ starts at 0.999666, below pure noise.", WHOLE]),
        (UNIPC | {"use_karras_sigmas": True}, {},
         ["Karras' σ run between the ends of DDPM's betas; no shift is applied.",
          WHOLE]),
    ],
)  # fmt: skip
def test_settings_say_about_each_other_what_matters_and_nothing_else(entries, asked, remarks):
    got = shipped.made(config.read(entries), 4, **asked)
    off = max(abs(told / 1000 - t) for told, t in zip(got.told, got.levels[:-1], strict=True))
    assert list(got.remarks) == [remark.format(off) for remark in remarks]


def test_karras_in_unipc_are_converted_from_the_ends_of_the_betas():
    c = config.read(UNIPC | {"use_karras_sigmas": True})
    made = shipped.made(c, 5)
    low, high = c.ends
    sigma = shipped.spaced("karras", 5, low, high)
    assert made.levels[:-1] == pytest.approx([s / (1 + s) for s in sigma], rel=1e-14)
    assert made.levels[-1] == 0.0


def test_shifts_that_are_asked_for_and_missing_or_contradictory():
    dynamic = config.read(PLAIN | DYNAMIC)
    for c, given, told in (
        (dynamic, {}, "use_dynamic_shifting is true, so the shift needs tokens or mu"),
        (config.read(UNIPC | DYNAMIC), {}, "use_dynamic_shifting is true, so the shift needs mu"),
        (dynamic, {"tokens": 64.0, "mu": 0.5},
         "tokens and mu contradict each other: μ follows from the tokens"),
        (config.read(PLAIN | DYNAMIC | {"time_shift_type": "linear"}), {"mu": 0.0},
         "time_shift_type linear takes μ itself for the shift, got μ = 0.0"),
    ):  # fmt: skip
        with pytest.raises(ValueError) as error:  # noqa: PT011  (the whole message is compared)
            shipped.made(c, 4, **given)
        assert str(error.value) == told
    linear = config.read(PLAIN | DYNAMIC | {"time_shift_type": "linear"})
    assert shipped.made(linear, 4, mu=0.5).shift == 0.5
    assert shipped.made(dynamic, 4, mu=0.5).shift == pytest.approx(np.exp(0.5), rel=1e-15)


@pytest.mark.parametrize(
    ("levels", "good"),
    [((1.0, 0.5), True), ((1.0, 0.0), False), ((1.5, 0.5), False), ((0.5, 0.5), False)],
)
def test_handed_levels_fall_within_the_unit_interval(levels, good):
    c = config.read(PLAIN)
    if good:
        assert shipped.made(c, 2, handed=levels).levels == (1.0, 0.5, 0.0)
    else:
        with pytest.raises(ValueError, match=r"levels must fall within \(0, 1\] as levels"):
            shipped.made(c, 2, handed=levels)


@pytest.mark.parametrize("entries", [HEUN, DPM])
def test_schedulers_that_make_their_levels_themselves_take_none(entries):
    kind = config.read(entries).kind.replace("+", r"\+")
    with pytest.raises(ValueError, match=rf"this scheduler \({kind}\) makes its levels itself"):
        shipped.made(config.read(entries), 2, handed=(1.0, 0.5))
