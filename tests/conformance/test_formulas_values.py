"""What a capability must return, by numbers that are computed here; and its forms, written out."""

import statistics

import numpy as np
import pytest

from refimpl.conformance.adapter.conventions import Conventions
from refimpl.conformance.formulas import values
from refimpl.conformance.formulas.apart import apart
from refimpl.conformance.formulas.values import Formulas, column, named, planted, trusting
from refimpl.conformance.formulas.written import begins, forms
from refimpl.equations import paths
from refimpl.evidence.mistakes import mistakes
from refimpl.evidence.planting import plant

CLOSE = dict(rtol=1e-13, atol=1e-14)
"""A few roundings of numbers of order one, in float64."""


def told(name, given, ways=2, **conventions):
    """The value, which every form that is written out gives as well; so many forms there are."""
    c = Conventions(conventions)
    got = getattr(values, name)(Formulas(), given, c)["value"]
    written = forms(name)([given], c)
    taken = apart(name)([given], c) if name in APART else ()
    assert len(written) + len(taken) == ways
    for program in (*written, *taken):
        np.testing.assert_allclose(program.run(begins(given, c))["value"], got, **CLOSE)
    return got


APART = ("advantages", "surrogate", "objective", "guidance")

# ---------------------------------------------------------------- the equations by id


HALF, OTHER = (next(m for m in mistakes() if m.equation == e) for e in ("sde.drift", "kl.k3"))


def test_equations_are_handed_out_by_id_and_remembered():
    f = Formulas()
    assert f.used == f.replaced == set()
    assert f("paths.linear")(0.25) == paths.linear(0.25)
    assert f.used == {"paths.linear"}
    assert Formulas().used == set()


def test_a_mistake_takes_its_equations_place_and_no_other():
    f = Formulas(HALF, OTHER)
    assert f.replaced == {"sde.drift", "kl.k3"}
    assert f("sde.drift") is HALF.wrong
    assert f("kl.k3") is OTHER.wrong
    assert f("kl.k1")(0.5) == -0.5


def test_a_planted_mistake_is_in_all_formulas_for_a_while():
    with planted(HALF):
        assert Formulas()("sde.drift") is HALF.wrong
        assert Formulas(OTHER).replaced == {"sde.drift", "kl.k3"}
        with planted(OTHER):
            assert Formulas().replaced == {"kl.k3"}
        assert Formulas().replaced == {"sde.drift"}
    assert Formulas().replaced == set()
    with pytest.raises(ZeroDivisionError), planted(HALF):
        1 / 0  # noqa: B018
    assert Formulas().replaced == set()


def test_formulas_validate_unless_their_inputs_are_trusted():
    def trusts(f):
        try:
            return f("paths.linear")(2.0).alpha == -1
        except ValueError:
            return False

    assert not trusts(Formulas())
    assert trusts(Formulas(quick=True))
    with trusting():
        assert trusts(Formulas())
        with trusting():
            pass
        assert trusts(Formulas())
    assert not trusts(Formulas())
    with pytest.raises(ZeroDivisionError), trusting():
        1 / 0  # noqa: B018
    assert not trusts(Formulas())


def test_what_is_planted_in_the_register_does_not_reach_the_formulas(monkeypatch):
    monkeypatch.setattr(values, "_TRUE", {})
    assert Formulas()("sde.drift")(1.0, 2.0, 0.5) == 0.75
    with plant(HALF):
        assert Formulas()("sde.drift")(1.0, 2.0, 0.5) == 0.75


def test_mistakes_are_found_by_their_equations():
    found = named({"sde.drift", "kl.k3"})
    assert {m.equation for m in found} == {"sde.drift", "kl.k3"}
    assert set(found) >= {HALF, OTHER}


def test_a_number_a_sample_is_shaped_to_meet_the_state():
    x = np.zeros((2, 3, 4))
    assert column(np.array([1, 2]), x).tolist() == [[[1.0]], [[2.0]]]
    assert column([1, 2], x).dtype == np.float64
    assert column(3, x).shape == ()
    assert column(np.ones((2, 1, 1)), x).shape == (2, 1, 1)
    assert column(np.array([1, 2]), np.zeros(2)).shape == (2,)


# ---------------------------------------------------------------- grids and the network's time


def of_grid(ways, steps=4, **conventions):
    return told("schedule", {"steps": steps}, ways, **conventions).tolist()


def test_a_grid_falls_from_noise_to_data_on_each_clock():
    even = [1, 0.75, 0.5, 0.25, 0]
    assert of_grid(1) == of_grid(1, grid="any") == even
    assert of_grid(1, time="noise at 1000") == [1000, 750, 500, 250, 0]
    assert of_grid(1, time="data at 1") == [0, 0.25, 0.5, 0.75, 1]
    assert of_grid(1, time="data at 1000") == [0, 250, 500, 750, 1000]


def test_a_grid_is_shifted_as_declared():
    for time, end in (("noise at 1", 1), ("noise at 1000", 1000)):
        got = of_grid(1, grid="shift 3", time=time)
        assert got == pytest.approx([end, 0.9 * end, 0.75 * end, 0.5 * end, 0])
    assert of_grid(1, grid="shift 0.5") == pytest.approx([1, 0.6, 1 / 3, 1 / 7, 0])


def test_a_model_s_grid_is_the_one_that_it_ships():
    got = of_grid(0, 10, grid="sd35 as shipped")
    assert got[:3] == pytest.approx([1, 0.9601, 0.9133], abs=5e-5)  # as diffusers prints them
    assert got[-2:] == pytest.approx([0.0089, 0], abs=5e-5)
    lowest = 3e-3 / 1.002
    even = 1 - (1 - lowest) / 3 * np.arange(4)
    assert of_grid(0, grid="sd35 as shipped") == pytest.approx(
        [*3 * even / (1 + 2 * even), 0], rel=1e-14)  # fmt: skip
    even = np.array([1, 667 / 1000, 334 / 1000, 1 / 1000])
    for time, end in (("noise at 1", 1), ("noise at 1000", 1000)):
        got = of_grid(0, grid="1/1000, shift 3", time=time)
        assert got == pytest.approx([*end * 3 * even / (1 + 2 * even), 0], rel=1e-14)


@pytest.mark.parametrize(
    ("what", "want", "ways"),
    [("1000 t", [750, 1.5], 1), ("t", [0.75, 0.0015], 1), ("1 - t", [0.25, 0.9985], 1),
     ("int(1000 t)", [750, 1], 0)],
)  # fmt: skip
def test_the_network_is_given_the_declared_time(what, want, ways):
    for time, t in (("noise at 1", [0.75, 0.0015]), ("noise at 1000", [750, 1.5]),
                    ("data at 1", [0.25, 0.9985])):  # fmt: skip
        got = told("model_time", {"t": np.array(t)}, ways, model_time=what, time=time)
        np.testing.assert_allclose(got, want, rtol=1e-12)  # 1 − 0.9985 loses three digits


# ---------------------------------------------------------------- advantages

R = np.array([[1.0, 2.0, 6.0, 3.0], [-1.0, 0.0, 4.0, 1.0], [2.0, 2.0, 2.0, 2.0]])
CENTRED = [[-2, -1, 3, 0], [-2, -1, 3, 0], [0, 0, 0, 0]]
LIVE = R[:2]
GROUP = {0: (14 / 4) ** 0.5, 1: (14 / 3) ** 0.5}
BATCH = {0: statistics.pstdev(R.ravel()), 1: statistics.stdev(R.ravel())}


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("eps", [0.0, 0.25])
@pytest.mark.parametrize(("std", "spread"), [("group", GROUP), ("batch", BATCH)])
def test_advantages_are_centred_over_the_declared_spread(std, spread, eps, ddof):
    given = {"advantage_std": std, "advantage_ddof": ddof, "advantage_eps": eps}
    ways = 2 if std == "batch" or eps else 0
    rewards = R if ways else LIVE  # 0/0 where a group has no spread: the equation says 0
    got = told("advantages", {"rewards": rewards}, 2, **given)
    want = np.array(CENTRED)[: len(rewards)] / (spread[ddof] + eps)
    np.testing.assert_allclose(got, want, rtol=1e-14)


def test_a_group_without_spread_has_no_advantage():
    c = Conventions()
    assert values.advantages(Formulas(), {"rewards": R}, c)["value"][2].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("std", ["group", "others", "batch"])
def test_a_group_without_spread_has_none_whatever_rounding_leaves(std):
    """0.1 less the mean of three others that are 0.1 is not 0 in float64."""
    rewards = np.array([[0.1] * 4, [0.0] * 4, [1.0, 2.0, 6.0, 3.0]])
    c = Conventions({"advantage_mean": "others", "advantage_std": std})
    got = values.advantages(Formulas(), {"rewards": rewards}, c)["value"]
    np.testing.assert_array_equal(got[:2], np.zeros((2, 4)))
    assert (got[2] != 0).sum() == 3


def test_a_sample_whose_others_have_no_spread_is_divided_by_nothing():
    c = Conventions({"advantage_std": "others"})
    got = values.advantages(Formulas(), {"rewards": np.array([[1.0, 1, 1, 5]])}, c)["value"]
    assert got[0, 3] == 3
    assert got[0, 0] == pytest.approx(-1 / (32 / 9) ** 0.5, rel=1e-14)


def test_advantages_may_be_centred_alone():
    np.testing.assert_allclose(told("advantages", {"rewards": R}, 2, advantage_std="none"), CENTRED)


def test_advantages_are_bounded_as_declared():
    for given in ({"advantage_std": "none"}, {}, {"advantage_mean": "others"}):
        plain = told("advantages", {"rewards": LIVE}, 2, **given)
        assert (abs(plain) > 1.25).any()
        got = told("advantages", {"rewards": LIVE}, 2, advantage_clip=1.25, **given)
        np.testing.assert_allclose(got, plain.clip(-1.25, 1.25), rtol=1e-14)


@pytest.mark.parametrize("ddof", [0, 1])
def test_trainers_divide_by_a_spread_that_is_not_less_than_declared(ddof):
    given = {"advantage_floor": 1.9, "advantage_ddof": ddof, "advantage_eps": 0.1}
    got = told("advantages", {"rewards": R}, 2, **given)
    spread = max(1.9, GROUP[ddof]) + 0.1  # of group 3 the floor itself
    np.testing.assert_allclose(got, np.array(CENTRED) / spread, rtol=1e-14)


@pytest.mark.parametrize("ddof", [0, 1])
def test_advantages_may_be_centred_on_the_others(ddof):
    others = 4 / 3 * np.array(CENTRED)
    got = told("advantages", {"rewards": R}, 2, advantage_mean="others", advantage_std="none")
    np.testing.assert_allclose(got, others, rtol=1e-14)
    for std, spread in (("group", GROUP), ("batch", BATCH)):
        given = {"advantage_std": std, "advantage_ddof": ddof, "advantage_eps": 0.5}
        got = told("advantages", {"rewards": R}, 2, advantage_mean="others", **given)
        np.testing.assert_allclose(got, others / (spread[ddof] + 0.5), rtol=1e-14)


@pytest.mark.parametrize(("ddof", "spread"), [(0, statistics.pstdev), (1, statistics.stdev)])
def test_advantages_may_be_divided_by_the_others_spread(ddof, spread):
    given = {"advantage_std": "others", "advantage_ddof": ddof}
    got = told("advantages", {"rewards": R}, 0, **given)
    for group, centred, row in zip(R, CENTRED, got, strict=True):
        for k, x in enumerate(row):
            rest = spread([*group[:k], *group[k + 1 :]])
            assert x == pytest.approx(centred[k] / rest if rest else 0.0, rel=1e-14)


# ---------------------------------------------------------------- the objective

RATIO = {"ratio": np.array([1.5, 1.5, 0.5, 0.5, 1.1]), "advantage": np.array([2.0, -2, 2, -2, 1])}
CLIP = {"clip": 0.2, "clip_low": 0.2, "clip_high": 0.2}
CLIPPED = np.array([2.4, -3.0, 1.0, -1.6, 1.1])
KL = {"kl": np.array([0.5, 0.0, 1.0, 2.0, 4.0]), "beta": 0.25}


@pytest.mark.parametrize(("what", "sign"), [("objective", 1), ("loss", -1)])
def test_the_smaller_of_two_products_is_kept(what, sign):
    got = told("surrogate", RATIO | CLIP, sign=what)
    np.testing.assert_allclose(got, sign * CLIPPED, rtol=1e-14)
    got = told("objective", RATIO | CLIP | KL, sign=what)
    np.testing.assert_allclose(got, sign * (CLIPPED - KL["kl"] / 4), rtol=1e-14)


# ---------------------------------------------------------------- guidance

U, V = np.array([[[1.0, 2.0]], [[-3.0, 0.5]]]), np.array([[[2.0, -1.0]], [[1.0, 4.0]]])


@pytest.mark.parametrize(("what", "by", "ways"), [("w", 3.0, 3), ("omega", 4.0, 3)])
def test_guidance_goes_beyond_what_is_conditioned_by_the_declared_scale(what, by, ways):
    got = told("guidance", {"v_uncond": U, "v_cond": V, "w": 3.0}, ways, guidance=what)
    np.testing.assert_allclose(got, U + by * (V - U), rtol=1e-14)


def test_cfg_zero_star_projects_the_unconditioned_velocity_first():
    given = {"v_uncond": U.astype("f4"), "v_cond": V.astype("f4"), "w": 3.0}
    got = told("guidance", given, 0, guidance="zero-star")
    s = np.array([0 / (5 + 1e-8), -1 / (9.25 + 1e-8)]).reshape(2, 1, 1)
    np.testing.assert_allclose(got, -2 * s * U + 3 * V, rtol=1e-14)


def test_several_inputs_are_served_by_the_longest_of_their_forms():
    c, levels = Conventions(), ([1.0, 0.5], [0.75, 0.5])
    cases = [{"t": np.array(t), "s": np.array([0.25, 0.125])} for t in levels]
    one, other = forms("diffusion")(cases[:1], c), forms("diffusion")(cases[1:], c)
    assert [len(p.lines) for p in (*one, *other)] == [2, 1]
    for order in (cases, cases[::-1]):
        assert forms("diffusion")(order, c) == one
    assert forms("ode_sampler")(cases, c) == ()
    means = {"mean": U, "mean_ref": V, "t": 0.5, "s": 0.25}
    assert len(forms("kl")([{**means, "std": 0.5}], c)) == 1
    assert forms("kl")([{**means, "std": 0.5}, means], c) == ()  # one of them has no form
    assert apart("kl")([{**means, "std": 0.5}, means], c) == ()
