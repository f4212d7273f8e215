"""Validation: what every equation refuses, with the argument's name, the value and the remedy."""

from itertools import product

import numpy as np
import pytest
import sympy as sp
import torch

from refimpl.equations import domain, equations, find, kinds
from refimpl.evidence.calls import arguments, cast, flat_names
from refimpl.evidence.inputs import inputs, reduces

EVERY = [pytest.param(id, marks=pytest.mark.covers(id), id=id) for id in equations()]

# what an equation carries along in its coefficients without using it
UNUSED = {
    "paths.interpolate": {"d_alpha", "d_sigma"},
    "paths.conditional": {"d_alpha", "d_sigma"},
    "paths.velocity": {"alpha", "sigma"},
    "conversions.score_from_noise": {"alpha", "d_alpha", "d_sigma"},
    "conversions.noise_from_score": {"alpha", "d_alpha", "d_sigma"},
    "conversions.data_from_noise": {"d_alpha", "d_sigma"},
    "conversions.noise_from_data": {"d_alpha", "d_sigma"},
    "conversions.score_from_data": {"d_alpha", "d_sigma"},
    "conversions.data_from_score": {"d_alpha", "d_sigma"},
    "tilting.memoryless_drift": {"d_sigma"},
    "kernels.preserving": {"d_alpha", "d_sigma"},
    "accuracy.left": {"d_alpha", "d_sigma"},
    "adjoint.memory": {"d_alpha", "d_sigma"},
    "adjoint.carried": {"d_alpha", "d_sigma"},
    "adjoint.quadratic": {"d_alpha", "d_sigma"},
}
# arguments of the test's own field: what reaches the equation is the velocity v
THROUGH_THE_FIELD = {"rate", "slope"}


def used(equation_id):
    return [
        name for name, x in inputs(equation_id)[0].items()
        if isinstance(x, np.ndarray) and name not in UNUSED.get(equation_id, ())
    ]  # fmt: skip


SEVERAL = [p for p in EVERY if len(used(p.id)) > 1]


def refusal(equation_id, case):
    """The error's message; the test fails if there is none."""
    with pytest.raises((ValueError, TypeError)) as caught:
        find(equation_id).function(**arguments(equation_id, case))
    return str(caught.value)


def scalar_case(equation_id):
    return inputs(equation_id)[0 if reduces(equation_id) else 1]


def named(name, message):
    if name in THROUGH_THE_FIELD and "v " in message:
        return True
    return name.removeprefix("p_").removeprefix("data_law_") in message


@pytest.mark.parametrize("equation_id", EVERY)
def test_one_bad_entry_is_refused_by_name(equation_id):
    bad_entries = [float("nan"), float("inf"), float("-inf")]
    for name, system, bad in product(used(equation_id), ("numpy64", "torch32"), bad_entries):
        case = cast(inputs(equation_id)[0], system)
        case[name][(-1,) * case[name].ndim] = bad
        message = refusal(equation_id, case)
        assert named(name, message), (name, message)
        assert "nan" in message or "inf" in message


@pytest.mark.parametrize("equation_id", SEVERAL)
def test_shapes_that_would_broadcast_by_accident_are_refused(equation_id):
    for name in used(equation_id):
        case = cast(inputs(equation_id)[0], "torch64")
        case[name] = case[name].reshape(-1)[: case[name].shape[-1]]  # (W,) against (B, C, H, W)
        if name in THROUGH_THE_FIELD or (equation_id.startswith("ode") and name == "x"):
            continue  # there the caller's own field meets x first
        message = refusal(equation_id, case)
        assert "shape" in message


@pytest.mark.parametrize("equation_id", [p for p in SEVERAL if not p.id.startswith("ode")])
def test_two_dtypes_and_two_frameworks_are_refused(equation_id):
    case = inputs(equation_id)[0]
    for name in used(equation_id):
        assert "dtype" in refusal(equation_id, {**case, name: case[name].astype(np.float32)})
        with pytest.raises((TypeError, ValueError)):
            find(equation_id).function(
                **arguments(equation_id, {**case, name: torch.tensor(case[name])})
            )


@pytest.mark.parametrize(
    "equation_id",
    [
        p
        for p in EVERY
        if set(flat_names(p.id)) & {"t", "inside"} and not p.id.startswith("dynamics")
    ],
)
@pytest.mark.parametrize("bad", [-0.125, 1.125, 500.0])
def test_levels_outside_0_and_1_are_refused(equation_id, bad):
    case = inputs(equation_id)[1]
    name = "t" if "t" in case else "inside"
    message = refusal(equation_id, {**case, name: bad})
    assert "noise level in [0, 1]" in message
    assert repr(bad) in message
    assert "conventions" in message


POSITIVE = {
    "gaussian.log_prob": "std", "gaussian.score": "std", "kl.of_means": "std",
    "kl.gaussian": "p_std q_std", "kl.flow_grpo": "g t h", "kl.without_h": "g",
    "sde.flow_grpo_drift": "t", "sde.euler_maruyama": "h", "sde.transition": "sigma",
    "paths.vp": "t beta_min beta_max", "paths.ve": "t sigma_min",
    "paths.conditional_velocity": "sigma",
    "conversions.score_from_noise": "sigma", "conversions.data_from_noise": "alpha",
    "conversions.noise_from_data": "sigma", "conversions.velocity_from_noise": "alpha",
    "conversions.velocity_from_data": "sigma", "conversions.score_from_data": "sigma",
    "conversions.data_from_score": "alpha", "conversions.velocity_from_score": "alpha",
    "conversions.score_from_velocity": "sigma",
    "conventions.beta_for_mean_without_h": "dimensions", "objectives.denoising": "sigma",
    "dynamics.brownian": "h", "dynamics.ornstein_uhlenbeck": "theta",
    "dynamics.stationary": "theta", "dynamics.euler_on_linear": "steps",
    "ddpm.forward": "beta", "ddpm.marginal": "alpha_bar",
    "ddpm.posterior": "beta alpha_bar_prev", "ddpm.reverse_variance": "beta alpha_bar_prev",
    "langevin.step": "eps", "langevin.stationary_variance": "std eps",
    "langevin.annealed_eps": "eps sigma sigma_min", "langevin.perturbed_weight": "sigma",
    "langevin.noise_rate": "alpha", "coupling.correlated_velocity_variance": "std",
    "tilting.linear": "p_std beta", "tilting.quadratic": "p_std beta",
    "tilting.weights": "beta", "tilting.value": "beta",
    "tilting.memoryless_drift": "alpha sigma",
    "grpo.bounded": "limit", "kernels.kept_flow_grpo": "a", "kernels.kept_constant": "s",
    "kernels.noise_variance": "t", "kernels.moment_matched": "t",
    "weights.lever": "t h", "weights.levelled": "std lever",
    "weights.guard_log_ratio": "std", "weights.guard": "h", "weights.guard_lever": "lever",
    "forward_process.optimality": "limit", "forward_process.positive_velocity": "b",
    "forward_process.negative_velocity": "b", "forward_process.nft": "b",
}  # fmt: skip
NONNEGATIVE = {
    "gaussian.sample": "std", "density.fokker_planck": "g", "sde.forward_drift": "g",
    "sde.reverse_drift": "g", "sde.drift": "g", "sde.probability_flow": "g",
    "sde.flow_grpo_drift": "g", "sde.flow_grpo_g": "a", "sde.euler_maruyama": "g",
    "sde.transition": "g", "grpo.advantage": "eps", "grpo.surrogate": "ratio clip",
    "grpo.objective": "beta", "conventions.beta_for_mean_without_h": "beta h",
    "dynamics.linear_flow": "t", "dynamics.root_flow": "t delay",
    "dynamics.picard_bound": "previous lipschitz t", "dynamics.ornstein_uhlenbeck": "t sigma",
    "dynamics.stationary": "sigma", "dynamics.euler_on_linear": "t",
    "ddpm.reverse_variance": "data_variance",
    "coupling.gaussian_map": "data_law_std", "coupling.gaussian_cost": "p_std q_std",
    "kernels.preserving": "std", "kernels.kept_constant": "g",
    "kernels.posterior_variance": "t gap", "kernels.moment_matched": "std variance",
    "kernels.noise_variance": "variance g", "weights.lever": "g",
    "weights.guard_log_ratio": "divergence", "weights.divergence_mask": "ratio divergence limit",
}  # fmt: skip


@pytest.mark.parametrize(("equation_id", "names"), POSITIVE.items())
@pytest.mark.parametrize("bad", [0.0, -0.5])
def test_what_is_divided_by_must_be_positive(equation_id, names, bad):
    for name in names.split():
        message = refusal(equation_id, {**scalar_case(equation_id), name: bad})
        assert named(name.removeprefix("q_"), message)
        assert repr(bad) in message


@pytest.mark.parametrize(("equation_id", "names"), NONNEGATIVE.items())
def test_scales_may_vanish_but_not_be_negative(equation_id, names):
    for name in names.split():
        case = scalar_case(equation_id)
        message = refusal(equation_id, {**case, name: -0.5})
        assert named(name, message)
        assert "-0.5" in message
        find(equation_id).function(**arguments(equation_id, {**case, name: 0.0}))


SYMBOLIC = [p for p in EVERY if not reduces(p.id)]


@pytest.mark.parametrize("equation_id", SYMBOLIC)
def test_symbols_pass_and_evaluate_to_the_same_numbers(equation_id):
    case = inputs(equation_id)[2]
    symbols = {n: x if isinstance(x, int) else sp.Symbol(n, positive=True) for n, x in case.items()}
    formula = find(equation_id).function(**arguments(equation_id, symbols))
    values = find(equation_id).function(**arguments(equation_id, case))
    named_parts = vars(formula) if hasattr(formula, "__dataclass_fields__") else {"": formula}
    numbers = vars(values) if hasattr(values, "__dataclass_fields__") else {"": values}
    for part, expression in named_parts.items():
        assert not sp.sympify(expression).atoms(sp.Float), "a formula must stay exact"
        exact = sp.sympify(expression).subs({symbols[k]: sp.Rational(x) for k, x in case.items()})
        # some ten operations in float64, at the size of terms below 100
        assert float(exact.evalf(30)) == pytest.approx(float(numbers[part]), rel=1e-13, abs=1e-13)


def test_what_is_unread_is_not_scanned_and_shapes_are_refused_as_ever():
    """For inner loops; and outside of it, whatever happened inside, everything is read again."""
    spoilt, whole = torch.tensor([1.0, float("nan")]), torch.ones(2)
    with kinds.unread():
        domain.fields(x=spoilt)
        with kinds.unread():
            domain.positive(x=-whole)
        domain.positive(x=-whole)  # still
        with pytest.raises(ValueError, match="positive"):
            domain.positive(x=-1.0)  # a plain number costs nothing
        with pytest.raises(ValueError, match="shape"):
            domain.fields(x=whole, y=torch.ones(3))
        with pytest.raises(TypeError, match="dtype"):
            domain.fields(x=whole, y=whole.double())
    with pytest.raises(ValueError, match="x must be finite, got nan"):
        domain.fields(x=spoilt)
    with pytest.raises(RuntimeError, match="inside"), kinds.unread():
        raise RuntimeError("inside")
    with pytest.raises(ValueError, match="x must be finite, got nan"):
        domain.fields(x=spoilt)
