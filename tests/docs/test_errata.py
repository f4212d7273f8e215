"""Each slip on the page of errata: what is printed is refuted, what is right is proved.

Identities go to the engine of the proofs (`holds`, `fails`); loops and shapes are run.
"""

import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from derivations.engine import Verdict, decide
from derivations.engine.algebra.moments import expectation, variance
from derivations.engine.algebra.symbols import symbol, t
from refimpl.equations import (
    Coefficients,
    Gaussian,
    Step,
    conversions,
    coupling,
    ddpm,
    density,
    dynamics,
    gaussian,
    grpo,
    guidance,
    kl,
    langevin,
    likelihood,
    objectives,
    ode,
    paths,
    sde,
    tilting,
)

PAGE = Path(__file__).parents[2] / "docs" / "errata.md"

x, y, z, eps, eps_2, w, score, noise = sp.symbols("x y z eps eps_2 w score noise", real=True)
std, std_2, theta, h, g = sp.symbols("std std_2 theta h g", positive=True)
C = Coefficients(*sp.symbols("alpha sigma", positive=True), *sp.symbols("d_alpha d_sigma"))
WEIGHTS = np.array([sp.Rational(1, 2), sp.Rational(1, 3), sp.Rational(1, 6)], dtype=object)
TARGETS = np.array(sp.symbols("y_1:4", real=True), dtype=object)


def holds(left: sp.Expr, right: sp.Expr) -> None:
    """left = right is an identity."""
    assert decide(left, right).verdict is Verdict.PROVED


def fails(left: sp.Expr, right: sp.Expr) -> None:
    """left = right is refuted by a point."""
    assert decide(left, right, doubtful=True).verdict is Verdict.REFUTED


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text("utf-8")))
    assert named
    assert named <= set(globals())


@pytest.mark.covers("grpo.surrogate")
def test_a_clip_without_its_ratio_is_right_for_one_sign_at_most() -> None:
    """A, 4.1: clip(1 − ε, 1 + ε) has no r; whichever end it means, it fails for one sign of A."""
    ratios = (0.5, 1.0, 2.0)
    for end, fails_for in ((0.8, 1.0), (1.2, -1.0)):
        printed = [min(r * fails_for, end * fails_for) for r in ratios]
        assert printed != [grpo.surrogate(r, fails_for, 0.2) for r in ratios]


@pytest.mark.covers("grpo.advantage")
def test_a_mean_that_starts_at_i_is_no_baseline() -> None:
    """A, 4.1: over i = i..G the baseline depends on the order; advantages do not add up to 0."""
    rewards = np.array([[1.0, 2.0, 6.0]])
    centred = grpo.advantage(rewards, std="none", ddof=0, eps=0.0)
    assert centred.sum() == 0
    printed = [rewards[0, i] - rewards[0, i:].mean() for i in range(3)]
    assert sum(printed) != 0


@pytest.mark.covers("sde.euler_maruyama")
def test_the_root_of_a_falling_time_is_not_real() -> None:
    """A, Eq. 2: sampling has Δt < 0, so √Δt does not exist; √h does."""
    step = Step(t=0.75, s=0.5)
    with pytest.raises(ValueError, match=r"math domain|nonnegative"):
        math.sqrt(step.s - step.t)
    assert sde.euler_maruyama(0.0, 0.0, 2.0, step.h).std == 1.0


@pytest.mark.covers("kl.flow_grpo")
def test_a_divergence_with_a_negative_time_is_negative() -> None:
    """A, Eq. 3: with Δt = −h the printed second form is negative, the first is not."""
    c, x, step = paths.linear(0.75), 0.25, Step(t=0.75, s=0.5)
    one, other = (sde.transition(c, x, v, 0.5, step) for v in (1.0, 1.5))
    first = kl.of_means(one.mean, other.mean, one.std)
    printed = -step.h / 2 * (0.5 * 0.25 / 1.5 + 1 / 0.5) ** 2 * 0.5**2
    assert printed < 0 < first
    assert kl.flow_grpo(1.0, 1.5, 0.5, 0.75, step.h) == pytest.approx(first, rel=1e-14)


@pytest.mark.covers("density.continuity", "sde.forward_drift")
def test_the_drift_with_given_marginals_is_not_unique() -> None:
    """A, Eq. 9: add a rotation to the drift: ∂_t p of a round Gaussian stays as it was."""
    for x, y in ((0.5, -1.25), (2.0, 0.75), (-1.5, -0.5)):
        p = math.exp(-(x**2 + y**2) / 2) / (2 * math.pi)
        dp = (-x * p, -y * p)
        rotation = (-y, x)  # ∂_x(−y) = ∂_y(x) = 0
        change = sum(density.continuity(p, d, b, 0.0) for d, b in zip(dp, rotation, strict=True))
        assert change == 0.0
        assert max(map(abs, rotation)) > 0


@pytest.mark.covers("ode.euler")
def test_a_loop_of_n_minus_one_steps_stops_short() -> None:
    """M, Algorithm 1: n − 1 steps of 1/n end at 1 − 1/n; on a constant field it shows at once."""
    n = 8
    levels = [1 - i / n for i in range(n + 1)]
    steps = [Step(t=t, s=s) for t, s in pairwise(levels)]

    def follow(chosen: list[Step]) -> float:
        x = 0.0
        for step in chosen:
            x = ode.euler(lambda x, t: -1.0, x, step)
        return x

    assert follow(steps) == 1.0
    assert follow(steps[:-1]) == 1 - 1 / n


@pytest.mark.covers("guidance.classifier", "conversions.velocity_from_score")
def test_classifier_guidance_of_a_field_needs_its_coefficient() -> None:
    """M, 4.1.2: on a Gaussian path a classifier's gradient can be added, times a_t."""
    c, x, score, classifier = paths.linear(0.25), 0.5, -1.0, 0.75
    unguided = conversions.velocity_from_score(c, x, score)
    conditional = conversions.velocity_from_score(c, x, guidance.bayes_score(score, classifier))
    a = conversions.velocity_from_score(c, 0.0, 1.0)
    assert a < 0  # towards data, against the house clock's velocity
    assert guidance.classifier(unguided, a, classifier, 1.0) == pytest.approx(
        conditional, rel=1e-15
    )
    assert guidance.classifier(unguided, 1.0, classifier, 1.0) != pytest.approx(conditional)


@pytest.mark.covers("guidance.classifier_free")
def test_the_tilted_law_is_the_conditional_one_for_w_1_only() -> None:
    """M, 4.1.2 and 4.1.3: p(x) p(y | x)^w, normalised, is p(x | y) at w = 1 and not at w = 2."""
    prior, likelihood = np.array([0.5, 0.25, 0.25]), np.array([0.5, 0.25, 1.0])
    conditional = density.posterior(prior, likelihood)
    assert np.allclose(density.posterior(prior, likelihood**1), conditional, rtol=1e-15)
    assert abs(density.posterior(prior, likelihood**2) - conditional).max() > 0.05


@pytest.mark.covers("density.conditional_mean")
def test_the_constant_of_flow_matching_may_be_zero() -> None:
    """M, 3.2: C = −E Var(v | x); with one datum the place determines the target, and C = 0."""
    weights, targets = np.array([0.5, 0.5]), np.array([1.0, 3.0])
    mean = density.conditional_mean(weights, targets)
    assert -density.conditional_mean(weights, (targets - mean) ** 2) < 0
    alone = density.conditional_mean(np.array([1.0]), targets[:1])
    assert -density.conditional_mean(np.array([1.0]), (targets[:1] - alone) ** 2) == 0


# ---------------------------------------------------------------- A: the article on Flow-GRPO


def test_a_step_from_level_zero_asks_for_a_state_that_is_not_there() -> None:
    """A, 4.1: t = 0, …, T − 1 with x_{t−1} reads x_{−1}; Python then returns the noise x_T."""
    T = 4
    state = [f"x_{t}" for t in range(T + 1)]
    printed = [(state[t], state[t - 1]) for t in range(T)]
    assert printed[0] == ("x_0", "x_4")
    right = [(state[t], state[t - 1]) for t in range(T, 0, -1)]
    assert len(right) == T
    assert right[0] == ("x_4", "x_3")
    assert right[-1] == ("x_1", "x_0")


@pytest.mark.covers("ode.euler", "sde.transition")
def test_a_flow_gives_several_samples_and_no_density() -> None:
    """A, 4: the ODE makes another sample of another noise; what it lacks is a density of steps."""
    step = Step(t=0.75, s=0.5)
    one, other = (ode.euler(lambda x, t: 0.5 * x, start, step) for start in (0.5, -1.25))
    assert one != other
    still = sde.transition(paths.linear(0.75), 0.5, 0.25, 0.0, step)
    assert still.std == 0
    with pytest.raises(ValueError, match="std"):
        still.log_prob(still.mean)


@pytest.mark.covers("sde.transition")
def test_sigma_is_the_amount_of_chance() -> None:
    """A, 4.2: σ_t is said to control stability; it is the standard deviation per √time."""
    step = Step(t=0.75, s=0.5)
    widths = [sde.transition(paths.linear(0.75), 0.5, 0.25, g, step).std for g in (0.0, 0.5, 1.0)]
    assert widths == [0.0, 0.25, 0.5]


@pytest.mark.covers("sde.flow_grpo_g")
def test_the_noise_is_infinite_where_a_rollout_starts() -> None:
    """A, below Eq. 2: a √(t/(1 − t)) has no value at t = 1."""
    with pytest.raises(ValueError, match="singular at t = 1"):
        sde.flow_grpo_g(1.0, 0.7, inside=1.0)


@pytest.mark.covers("kl.gaussian", "kl.of_means")
def test_the_square_alone_is_the_divergence_for_equal_widths() -> None:
    """A, Eq. 3: for two policies with their own widths the logarithm and the ratio stay."""
    same = kl.gaussian(Gaussian(x, std), Gaussian(y, std))
    holds(same, kl.of_means(x, y, std))
    fails(kl.gaussian(Gaussian(x, std), Gaussian(y, std_2)), kl.of_means(x, y, std_2))


@pytest.mark.covers("conversions.velocity_from_score", "conversions.score_from_noise")
def test_the_conversions_of_the_article_need_both_ends() -> None:
    """A, after Eq. 14: x_0 = (x_t − t x_1)/(1 − t) needs t < 1; Eq. 12 needs t > 0."""
    with pytest.raises(ValueError, match="alpha"):
        conversions.velocity_from_score(paths.linear(1.0), 0.5, -0.5)
    with pytest.raises(ValueError, match="sigma"):
        conversions.score_from_noise(paths.linear(0.0), 0.5)


# ---------------------------------------------------------------- B: notes on flow matching


@pytest.mark.covers("paths.conditional")
def test_a_conditional_path_starts_at_noise_and_ends_at_its_datum() -> None:
    """B and M 2.1.5: noise becomes the datum, z is where the path ends; the clocks reverse both."""
    noise_end, data_end = (paths.conditional(paths.linear(t), 3.0) for t in (1.0, 0.0))
    assert (noise_end.mean, noise_end.std) == (0.0, 1.0)  # time 0 of the notes
    assert (data_end.mean, data_end.std) == (3.0, 0.0)  # time 1 of the notes


@pytest.mark.covers("dynamics.root_flow")
def test_a_continuous_field_need_not_have_a_flow() -> None:
    """B: 'continuous' is asked of the network; two solutions from one start satisfy it."""
    stay, leave = dynamics.root_flow(1.0, 1.0), dynamics.root_flow(1.0, 0.0)
    assert (stay, leave) == (0.0, 0.25)
    late = dynamics.root_flow(t + std, std)  # a time t after any delay
    holds(sp.diff(late, t), sp.sqrt(late))


@pytest.mark.covers("density.continuity")
def test_the_continuity_equation_does_not_know_where_it_started() -> None:
    """B, theorem 12: with u = 0 every constant p_t solves it; X_t has the law of X_0."""
    wide = sp.exp(-(x**2) / 8)
    holds(density.continuity(wide, sp.diff(wide, x), sp.Integer(0), sp.Integer(0)), sp.Integer(0))
    fails(sp.diff(sp.log(wide), x), sp.diff(-(x**2) / 2, x))


@pytest.mark.covers("density.posterior")
def test_a_marginal_field_needs_mass() -> None:
    """B, Eq. 19: it divides by p_t(x); where no datum leads there is no field."""
    with pytest.raises(ValueError, match="density must be positive"):
        density.posterior(np.array([0.5, 0.5]), np.array([0.0, 0.0]))


# ---------------------------------------------------------------- G: notes on guidance


@pytest.mark.covers("density.posterior")
def test_a_label_reweighs_the_data_and_need_not_select() -> None:
    """G: p_t(x | y) is not p_t(x) of a subset, unless the label is a function of the datum."""
    prior = np.array([0.25, 0.25, 0.5])
    soft = density.posterior(prior, np.array([0.5, 0.25, 0.75]))
    assert soft.min() > 0
    assert abs(soft - prior).max() > 0.05
    hard = density.posterior(prior, np.array([1.0, 0.0, 1.0]))
    assert hard.tolist() == [1 / 3, 0.0, 2 / 3]


@pytest.mark.covers("guidance.classifier_free", "conversions.score_from_velocity")
def test_an_sde_is_guided_in_its_field_and_in_its_score() -> None:
    """G, end: with u(x | y) for u and the score left as it was, the drift is another one."""
    v, v_y = sp.symbols("v v_y", real=True)
    guided = guidance.classifier_free(v, v_y, w)
    plain, labelled = (conversions.score_from_velocity(C, x, u) for u in (v, v_y))
    whole = sde.drift(guided, conversions.score_from_velocity(C, x, guided), g)
    holds(whole, sde.drift(guided, guidance.classifier_free(plain, labelled, w), g))
    fails(whole, sde.drift(guided, plain, g))


# ---------------------------------------------------------------- M: lecture notes of MIT 6.S184


def test_an_image_has_a_width() -> None:
    """M, 1.1: H × R × 3 names no width; a picture that is not square has H W 3 numbers."""
    picture = np.zeros((4, 6, 3))
    height, width, colours = picture.shape
    assert picture.size == height * width * 3
    assert colours == 3
    assert picture.size != height * height * 3


@pytest.mark.covers("dynamics.linear_flow")
def test_a_flow_is_the_identity_at_time_zero_only() -> None:
    """M, 2.1.3: the initial condition is printed for ψ_t; it holds for ψ_0."""
    holds(dynamics.linear_flow(x, theta, sp.Integer(0)), x)
    fails(dynamics.linear_flow(x, theta, t), x)


def test_smooth_and_lipschitz_are_not_ordered() -> None:
    """M, 2.1.2: x² is smooth and blows up at time 1; |x| is Lipschitz and has a corner."""
    holds((x**2 - y**2) / (x - y), x + y)  # a quotient without a bound
    solution = 1 / (1 - t)
    holds(sp.diff(solution, t), solution**2)
    assert sp.limit(solution, t, 1, "-") == sp.oo
    quotient = sp.Abs(h) / h, sp.Abs(-h) / -h
    assert quotient == (1, -1)  # two one-sided slopes at 0, both bounded by 1


@pytest.mark.covers("paths.conditional_velocity")
def test_a_conditional_field_is_not_lipschitz_at_its_datum() -> None:
    """M, 2.1.2 and 2.2.2: the theorem's constant is σ̇/σ, which is infinite where data begin."""
    slope = sp.diff(paths.conditional_velocity(paths.linear(t), z, x), x)
    holds(slope, 1 / t)
    assert sp.limit(slope, t, 0, "+") == sp.oo


@pytest.mark.covers("dynamics.euler_on_linear")
def test_the_short_loop_has_the_right_order_and_the_wrong_sign() -> None:
    """M, Algorithm 1: on dx/dt = −x both errors are e^{−1}/(2n) to first order; signs differ."""
    steps = sp.Symbol("n", positive=True)
    for n in (100, 1000):
        right = float(dynamics.euler_on_linear(1.0, 1.0, 1.0, n)) - math.exp(-1)
        printed = (1 - 1 / n) ** (n - 1) - math.exp(-1)
        assert n * right == pytest.approx(-math.exp(-1) / 2, rel=2 / n)
        assert n * printed == pytest.approx(math.exp(-1) / 2, rel=2 / n)
    fails(
        dynamics.euler_on_linear(x, theta, sp.Integer(1), steps),
        (1 - theta / steps) ** (steps - 1) * x,
    )


@pytest.mark.covers("dynamics.brownian", "sde.euler_maruyama")
def test_euler_maruyama_with_a_step_less_loses_variance() -> None:
    """M, Algorithm 2: n − 1 increments of 1/n add up to the variance 1 − 1/n."""
    n = 8
    one = sde.euler_maruyama(0.0, 0.0, 1.0, 1 / n).std ** 2
    assert n * one == pytest.approx(1.0, rel=1e-15)
    assert (n - 1) * one == pytest.approx(1 - 1 / n, rel=1e-15)
    for steps, total in ((n, sp.Integer(1)), (n - 1, sp.Rational(n - 1, n))):
        holds(sum(dynamics.brownian(x, sp.Rational(1, n)).std ** 2 for _ in range(steps)), total)


@pytest.mark.covers("dynamics.brownian")
def test_it_is_the_size_of_increments_that_makes_paths_rough() -> None:
    """M, 2.2.1: independence does not: over a short time a Poisson process mostly rests."""
    quotient = (dynamics.brownian(x, h).sample(eps) - x) / h
    holds(variance(quotient, eps), 1 / h)  # grows
    rate = sp.Symbol("rate", positive=True)
    assert sp.limit(1 - sp.exp(-rate * h), h, 0) == 0  # the chance of any jump within h


def test_the_remainder_of_an_sde_needs_more_than_a_continuous_sigma() -> None:
    """M, 2.2.1: (1/h)∫(σ_s − σ_0) dW has variance ½ for σ_s = √s at every h; h/3 for σ_s = s."""
    r = sp.Symbol("r", positive=True)
    rough = sp.integrate(sp.sqrt(r) ** 2, (r, 0, h)) / h**2
    smooth = sp.integrate(r**2, (r, 0, h)) / h**2
    holds(rough, sp.Rational(1, 2))
    holds(smooth, h / 3)
    assert sp.limit(smooth, h, 0) == 0


@pytest.mark.covers("dynamics.ornstein_uhlenbeck", "dynamics.stationary")
def test_mean_reversion_needs_a_positive_rate() -> None:
    """M, 2.2.4: with θ ≤ 0 nothing reverts; with θ < 0 the variance grows for ever."""
    for rate in (0.0, -1.0):
        with pytest.raises(ValueError, match="theta"):
            dynamics.stationary(rate, 1.0)
    spread = (1 - sp.exp(-2 * theta * t)) / (2 * theta)
    assert sp.limit(spread.subs(theta, -1), t, sp.oo) == sp.oo


@pytest.mark.covers("objectives.flow_matching", "objectives.gap")
def test_equal_gradients_are_not_equal_noise() -> None:
    """M, 3.2.3: SGD is 'the same' on average; a step on L_CFM has 4 Var(target | x) more noise."""
    slopes = np.array(
        [sp.diff(objectives.flow_matching(x, target), x) for target in TARGETS], dtype=object
    )
    wanted = sp.diff(objectives.flow_matching(x, density.conditional_mean(WEIGHTS, TARGETS)), x)
    mean = (WEIGHTS * slopes).sum()
    holds(mean, wanted)
    holds((WEIGHTS * slopes**2).sum() - mean**2, -4 * objectives.gap(WEIGHTS, TARGETS))
    fails((WEIGHTS * slopes**2).sum() - mean**2, sp.Integer(0))


@pytest.mark.covers("objectives.gap")
def test_the_two_squares_do_not_cancel() -> None:
    """M, 3.2.7: E‖u(x)‖² and E‖u(x | z)‖² are free of θ and differ by C."""
    marginal = density.conditional_mean(WEIGHTS, TARGETS) ** 2
    conditional = density.conditional_mean(WEIGHTS, TARGETS**2)
    holds(marginal - conditional, objectives.gap(WEIGHTS, TARGETS))
    fails(marginal, conditional)


@pytest.mark.covers("coupling.gaussian_cost", "coupling.cost")
def test_the_conditional_transport_path_is_not_optimal() -> None:
    """M, 3.2.6: independent ends cost 2ss′ more than the optimal coupling of two Gaussians."""
    p, q = Gaussian(x, std), Gaussian(y, std_2)
    apart = coupling.cost(p.sample(eps), q.sample(eps_2))
    mean = expectation(expectation(sp.expand(apart), eps), eps_2)
    holds(mean - coupling.gaussian_cost(p, q), 2 * std * std_2)
    fails(mean, coupling.gaussian_cost(p, q))


@pytest.mark.covers("paths.ve", "paths.vp")
def test_variance_exploding_lines_are_straight() -> None:
    """M, 3.2.6: z + σ_t ε keeps its direction; it is its speed that varies. VP lines do bend."""
    low, high = sp.symbols("sigma_min sigma_max", positive=True)
    ends = (x, noise), (y, eps)  # data and noise of two coordinates

    def turn(c: Coefficients) -> sp.Expr:
        (u, v) = (paths.velocity(c, *end) for end in ends)
        (a, b) = (sp.diff(speed, t) for speed in (u, v))
        return u * b - v * a  # velocity across acceleration: 0 on a straight line

    exploding = paths.ve(t, low, low + high)
    holds(turn(exploding), sp.Integer(0))
    holds(turn(paths.linear(t)), sp.Integer(0))
    fails(turn(paths.vp(t, sp.Rational(1, 10), sp.Integer(20))), sp.Integer(0))
    fails(sp.diff(exploding.d_sigma, t), sp.Integer(0))


@pytest.mark.covers("objectives.denoising", "objectives.weighted_denoising")
def test_denoising_at_all_levels_has_no_finite_loss() -> None:
    """M, Algorithm 6: with t uniform even the exact score's loss is infinite; weighted, finite."""
    c = paths.linear(t)
    point = paths.interpolate(c, eps_2, eps)  # standard normal data
    spread = variance_of(point)
    exact = -point / spread
    plain = expectation(
        expectation(sp.expand(objectives.denoising(exact, eps, c.sigma)), eps), eps_2
    )
    holds(plain, (1 - t) ** 2 / (t**2 * spread))
    assert sp.limit(plain * t**2, t, 0, "+") == 1  # so that ∫ diverges like ∫ dt/t²
    weighted = expectation(
        expectation(sp.expand(objectives.weighted_denoising(exact, eps, c.sigma)), eps), eps_2
    )
    holds(weighted, (1 - t) ** 2 / spread)
    assert sp.limit(weighted, t, 0, "+") == 1


def variance_of(point: sp.Expr) -> sp.Expr:
    """Variance over eps and eps_2, both standard normal; the mean is zero."""
    return expectation(expectation(sp.expand(point**2), eps), eps_2)


@pytest.mark.covers("conversions.score_from_noise")
def test_a_score_network_is_no_noise_predictor() -> None:
    """M, 3.3.5 and Algorithm 6: they differ by −1/σ."""
    holds(-C.sigma * conversions.score_from_noise(C, noise), noise)
    fails(conversions.score_from_noise(C, noise), noise)


@pytest.mark.covers("density.conditional_mean")
def test_a_guided_network_must_be_told_the_label() -> None:
    """M, 4.1.1 and 4.1.4: printed with u(x), the objective's minimiser is the unguided field."""
    joint = np.array([[0.25, 0.25], [0.375, 0.125]])  # P(y, z | x): rows are labels
    targets = np.array([1.0, 5.0])
    blind = density.conditional_mean(joint.sum(axis=0), targets)
    told = [density.conditional_mean(row / row.sum(), targets) for row in joint]
    assert told == [3.0, 2.0]
    assert blind == 2.5


@pytest.mark.covers("guidance.classifier_free")
def test_guidance_beyond_one_is_no_compromise() -> None:
    """M, 4.1.3: for w > 1 the guided field lies beyond the conditional one, not between the two."""
    assert guidance.classifier_free(1.0, 2.0, 0.5) == 1.5
    assert guidance.classifier_free(1.0, 2.0, 3.0) == 4.0


@pytest.mark.covers("guidance.classifier", "guidance.classifier_free")
def test_the_two_guidances_are_one() -> None:
    """M, 4.1.2: one is called theory and the other a heuristic; they are one field, for every w."""
    score_y = sp.Symbol("score_y", real=True)
    a = sp.diff(conversions.velocity_from_score(C, x, score), score)
    plain, labelled = (conversions.velocity_from_score(C, x, s) for s in (score, score_y))
    with_classifier = guidance.classifier(plain, a, score_y - score, w)
    holds(guidance.classifier_free(plain, labelled, w), with_classifier)
    fails(with_classifier, labelled)  # and neither is the conditional field for w other than 1


@pytest.mark.covers("tilting.weights")
def test_the_log_of_a_tilted_law_has_a_constant() -> None:
    """M, lecture 1: log p* = log p + r lacks −log Z; without it p* does not add up to one."""
    prior, reward = np.array([0.5, 0.25, 0.25]), np.array([1.0, 0.0, 2.0])
    tilted = tilting.weights(prior, reward, 1.0)
    missing = np.log(tilted) - np.log(prior) - reward
    z = (prior * np.exp(reward)).sum()
    assert missing == pytest.approx(-math.log(z), rel=1e-14)
    assert (prior * np.exp(reward)).sum() > 3


@pytest.mark.covers("gaussian.score")
def test_the_middle_of_the_conditional_score_lost_its_minus() -> None:
    """A, 7.1: −(x_t − α x_0)/β² = β x_1/β² = −x_1/β is printed; the middle is −β x_1/β²."""
    data = sp.Symbol("x_0", real=True)
    here = paths.interpolate(C, data, noise)
    score_here = gaussian.score(here, C.alpha * data, C.sigma)
    holds(score_here, -(here - C.alpha * data) / C.sigma**2)
    holds(score_here, -C.sigma * noise / C.sigma**2)
    fails(score_here, C.sigma * noise / C.sigma**2)  # as printed
    holds(score_here, -noise / C.sigma)


@pytest.mark.covers("density.fokker_planck", "density.continuity", "sde.forward_drift")
def test_noise_added_to_a_flow_changes_its_law() -> None:
    """B, diffusion model: u dt + σ dW does not move p_t as u dt does; ½σ²∇log p_t must be added."""
    p, u = sp.Function("p", positive=True)(x), sp.Function("u", real=True)(x)

    def diffuses(f: sp.Expr) -> sp.Expr:
        return density.fokker_planck(p, sp.diff(p, x), sp.diff(p, x, 2), f, sp.diff(f, x), g)

    flows = density.continuity(p, sp.diff(p, x), u, sp.diff(u, x))
    fails(diffuses(u), flows)  # as printed
    holds(diffuses(u) - flows, g**2 / 2 * sp.diff(p, x, 2))
    holds(diffuses(sde.forward_drift(u, sp.diff(sp.log(p), x), g)), flows)


@pytest.mark.covers("density.posterior", "gaussian.score")
def test_a_classifier_must_be_told_the_level() -> None:
    """G: "predict y from this x" has no t; p_t(y | x) is steep at low noise and flat at high."""
    here, middle = 0.5, 1.0  # two labels, whose data are the points −1 and 1

    def chance(level: float) -> float:
        c = paths.linear(level)
        logs = [gaussian.log_prob(here, c.alpha * m, c.sigma) for m in (-middle, middle)]
        return float(density.posterior(np.array([0.5, 0.5]), np.exp(np.array(logs)))[1])

    told = {level: chance(level) for level in (0.2, 0.5, 0.8)}
    assert told[0.2] > 0.999 > told[0.5] > 0.85 > 0.6 > told[0.8] > 0.5
    c = paths.linear(t)
    slope = gaussian.score(x, c.alpha, c.sigma) - gaussian.score(x, -c.alpha, c.sigma)
    holds(slope, 2 * (1 - t) / t**2)  # ∇ log p_t(1 | x)/p_t(−1 | x), which guidance adds
    fails(slope, slope.subs(t, sp.Rational(1, 2)))


@pytest.mark.covers("dynamics.stationary")
def test_the_stationary_variance_knows_the_rate() -> None:
    """Holderrieth & Erives, Example 6: N(0, σ²) is printed; it is N(0, σ²/(2θ))."""
    sigma = sp.Symbol("sigma", positive=True)
    settled = dynamics.stationary(theta, sigma).std ** 2
    holds(settled, sigma**2 / (2 * theta))
    fails(settled, sigma**2)
    later = dynamics.ornstein_uhlenbeck(x, theta, sigma, t)  # from any start
    assert sp.limit(later.std**2, t, sp.oo) == settled


@pytest.mark.covers("objectives.denoising", "conversions.score_from_noise")
def test_noise_and_place_are_one_draw() -> None:
    """M, 3.3.5 and Algorithm 6: with ε and x_t drawn apart the best score is 0 everywhere."""
    slope = sp.Symbol("slope", real=True)
    place = paths.interpolate(C, z, eps)

    def best(where: sp.Expr) -> sp.Expr:
        """The slope k of s(x) = k (x − α z) that minimises the loss at places `where`."""
        loss = objectives.denoising(slope * (where - C.alpha * z), eps, C.sigma)
        risk = expectation(expectation(sp.expand(loss), eps), eps_2)
        (found,) = sp.solve(sp.diff(risk, slope), slope)
        return found

    holds(best(place), -1 / C.sigma**2)  # the conditional score
    apart = paths.interpolate(C, z, eps_2)  # as printed: x_t from p_t, ε from nowhere
    holds(best(apart), sp.Integer(0))
    fails(best(apart), -1 / C.sigma**2)
    holds(conversions.score_from_noise(C, eps), -(place - C.alpha * z) / C.sigma**2)


@pytest.mark.covers("gaussian.score", "guidance.bayes_score")
def test_guidance_takes_the_scores_of_noisy_laws() -> None:
    """M, 4.1.3: ∇log p of the data is printed; at the level t the field has ∇log p_t."""

    def noisy(m: sp.Expr, s: sp.Expr) -> sp.Expr:
        """∇log p_t for data N(m, s²)."""
        return gaussian.score(x, C.alpha * m, sp.sqrt(C.alpha**2 * s**2 + C.sigma**2))

    fails(noisy(y, std), gaussian.score(x, y, std))  # as printed
    # p(x) = N(0, s²), and the label's likelihood makes p(x | y) = N(m, r²)
    gap = noisy(y, std_2) - noisy(sp.Integer(0), std)
    clean = gaussian.score(x, y, std_2) - gaussian.score(x, sp.Integer(0), std)
    fails(gap, clean)
    holds(guidance.bayes_score(noisy(sp.Integer(0), std), gap), noisy(y, std_2))


@pytest.mark.covers("conversions.velocity_from_score", "guidance.classifier_free")
def test_one_pair_of_coefficients_serves_both_fields() -> None:
    """M, 4.1.3: u = a s + b x, with one a and b for both fields, and weights that add up to 1."""
    score_y = sp.Symbol("score_y", real=True)
    plain, labelled = (conversions.velocity_from_score(C, x, s) for s in (score, score_y))
    mixed = (1 - w) * score + w * score_y
    wanted = conversions.velocity_from_score(C, x, mixed)
    holds(guidance.classifier_free(plain, labelled, w), wanted)
    other = Coefficients(*sp.symbols("alpha_2 sigma_2", positive=True), *sp.symbols("d_2 e_2"))
    elsewhere = conversions.velocity_from_score(other, x, score_y)  # the label on another path
    fails(guidance.classifier_free(plain, elsewhere, w), wanted)
    fails(
        (1 - w) * plain + (w + 1) * labelled, conversions.velocity_from_score(C, x, mixed + score_y)
    )


# ---------------------------------------------------------------- P: from DDPM to flow matching


@pytest.mark.covers("ddpm.reverse_variance", "ddpm.posterior")
def test_beta_is_one_of_two_reverse_variances() -> None:
    """P, DDPM: σ² = β is exact for standard normal data; for a single datum it is β̃."""
    beta = symbol("errata_beta", low="0.05", high="0.9", positive=True)
    a_prev = symbol("errata_a_prev", low="0.05", high="0.95", positive=True)
    holds(ddpm.reverse_variance(beta, a_prev, sp.Integer(1)), beta)
    fails(ddpm.reverse_variance(beta, a_prev, std), beta)
    holds(
        ddpm.reverse_variance(beta, a_prev, sp.Integer(0)),
        ddpm.posterior(x, y, beta, a_prev).std ** 2,
    )


@pytest.mark.covers("objectives.implicit")
def test_implicit_score_matching_is_half_the_squared_error() -> None:
    """P, score matching: one line has no ½, the next has one; they differ by the factor 2."""
    p, s = sp.Function("p", positive=True)(x), sp.Function("s", real=True)(x)
    target = sp.diff(sp.log(p), x)
    loss = p * objectives.implicit(s, sp.diff(s, x))
    flux = sp.diff(p * s, x)  # integrates to zero
    error = p * (s - target) ** 2
    holds(loss, error / 2 - p * target**2 / 2 + flux)
    fails(loss, error - p * target**2 + flux)


@pytest.mark.covers("objectives.implicit")
def test_a_score_network_learns_the_data() -> None:
    """P: s_θ ≈ ∇log p_θ is printed; the minimiser is the score of the data, and p_θ is gone."""
    slope = sp.Symbol("slope", real=True)
    point = std * eps  # data N(0, std²)
    loss = expectation(sp.expand(objectives.implicit(-slope * point, -slope)), eps)
    best = sp.solve(sp.diff(loss, slope), slope)
    assert len(best) == 1
    holds(-best[0] * x, -x / std**2)


@pytest.mark.covers("langevin.step", "langevin.stationary_variance")
def test_langevin_with_finite_steps_has_another_law() -> None:
    """P: the update is right, and samples p as ε → 0 only; on a Gaussian it is too wide."""
    small = symbol("errata_small", low="0.01", high="0.1", positive=True)
    width = symbol("errata_width", low="0.5", high="2", positive=True)
    settled = langevin.stationary_variance(width, small)
    here = sp.sqrt(settled) * eps
    moved = langevin.step(here, -here / width**2, small)
    holds(variance(moved.mean, eps) + moved.std**2, settled)
    fails(settled, width**2)
    assert sp.limit(settled, small, 0) == width**2


@pytest.mark.covers("langevin.noise_rate")
def test_what_becomes_an_sde_is_the_blurring() -> None:
    """P: infinitely many scales give dx = √(dσ²/dt) dw; Langevin's SDE is another."""
    low, high = sp.symbols("sigma_min sigma_max", positive=True)
    c = paths.ve(t, low, low + high)
    rate = langevin.noise_rate(sp.Integer(1), c.sigma, sp.Integer(0), c.d_sigma)
    holds(rate, sp.diff(c.sigma**2, t))
    fails(rate, sp.Integer(2))


@pytest.mark.covers("sde.reverse_drift", "density.fokker_planck")
def test_the_reverse_sde_is_driven_backwards() -> None:
    """P: printed with dw and dt; run forwards in time it does not even keep a stationary law."""
    p = sp.exp(-(x**2) / 2)
    reverse = sde.reverse_drift(-x / 2, -x, sp.Integer(1))  # of dx = −x/2 dt + dw, which keeps p

    def rate(f: sp.Expr) -> sp.Expr:
        return density.fokker_planck(
            p, sp.diff(p, x), sp.diff(p, x, 2), f, sp.diff(f, x), sp.Integer(1)
        )

    holds(rate(-reverse), sp.Integer(0))  # time falling
    fails(rate(reverse), sp.Integer(0))  # as printed


@pytest.mark.covers("likelihood.residual_step", "dynamics.linear_flow")
def test_the_quotient_of_a_flow_needs_its_limit() -> None:
    """P: (φ(x) − x)/δ = u(x) holds for one block; not for the composition, nor for the flow φ_t."""
    delta = symbol("errata_delta", low="0.01", high="0.2", positive=True)
    u = -theta * x
    block = likelihood.residual_step(x, u, delta)
    holds((block - x) / delta, u)
    composed = likelihood.residual_step(block, -theta * block, delta)
    fails((composed - x) / delta, u)
    flow = dynamics.linear_flow(x, theta, delta)
    fails((flow - x) / delta, u)
    holds(sp.limit((flow - x) / delta, delta, 0), u)


@pytest.mark.covers("likelihood.residual_step", "likelihood.change_of_variables")
def test_a_residual_block_is_invertible_for_small_steps() -> None:
    """P: x + δ u(x) needs δ times the Lipschitz constant below 1: x − x is no flow."""
    slope = sp.diff(likelihood.residual_step(x, -2 * x, sp.Rational(1, 2)), x)
    assert slope == 0
    with pytest.raises(ValueError, match="determinant"):
        likelihood.change_of_variables(0.0, float(slope))


def test_an_energy_needs_a_finite_constant() -> None:
    """P: Z > 0 is asked for; Z < ∞ is what can fail: f = 0 defines no law."""
    assert sp.integrate(sp.exp(-(x**2) / 2), (x, -sp.oo, sp.oo)) == sp.sqrt(2 * sp.pi)
    assert sp.integrate(sp.Integer(1), (x, -sp.oo, sp.oo)) == sp.oo


@pytest.mark.covers("coupling.cost", "coupling.gaussian_cost")
def test_transport_without_marginals_moves_nothing() -> None:
    """P: Π is not defined; it must be the couplings of the two laws, or the infimum is 0."""
    holds(coupling.cost(x, x), sp.Integer(0))
    assert coupling.gaussian_cost(Gaussian(0.0, 1.0), Gaussian(1.5, 0.5)) == 2.5
