"""Steps that remember: which polynomial in λ each integrates exactly, and what it leaves out."""

from refimpl.equations import multistep

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, function, number

before = of(multistep.DataBefore, "data_before")
after = of(multistep.DataAfter, "data_after")
H = of(multistep.Reach, "H")
r = of(multistep.Relative, "r_steps")
lower = symbol("lower", "u", low="0.9", high="0.95", positive=True)
A_CURVE = "data(λ) three times continuously differentiable along the trajectory"


def _along(**more: object) -> Writing:
    """A step of length H in λ from t: where it ends, and the share E = 1 − e^{−H}."""
    w = Writing(H=H, r=r, data_u=before, data_s=after, **more)
    w.let("s_H", "t*exp(-H)/(1 - t + t*exp(-H))", "s")
    return w


@derivation("multistep.reach", rows=("DYN-10",))
def reach(production: Production) -> Lines:
    """The length of a step in λ: a difference of half log signal-to-noise ratios."""
    w = Writing(u=lower, H=H)
    yield w.chain(
        "exp(multistep.reach(Step(t, s)))",
        ("t*(1 - s)/(s*(1 - t))", "the exponential of a logarithm"),
        ("(1 - s)/s / ((1 - t)/t)", "one quotient by another"),
        ("exp(schedules.log_snr(s))/exp(schedules.log_snr(t))", "each is the odds of data"),
        states="H = λ_s − λ_t.",
    )
    yield w.chain(
        "exp(multistep.reach(Step(u, t)))*exp(multistep.reach(Step(t, s)))",
        ("u*(1 - s)/(s*(1 - u))", "t and 1 − t cancel"),
        ("exp(multistep.reach(Step(u, s)))", "as the code writes it"),
        states="Lengths of consecutive steps add up.",
    )


@derivation("multistep.first", rows=("DYN-10",))
def first(production: Production) -> Lines:
    """Exact while the predicted data stand still: Euler's step of the flow, and DDIM without noise.

    With data(λ) in the place of E[data | x] the flow is ẋ = (x − data)/t; a solver that is exact
    for a constant leaves out only what data do within the step.
    """
    w = Writing(v=function(lambda x, t: (x - w("data")) / t, r"\tfrac{x-\mathrm{data}}{t}"))
    w.let("y", "multistep.first(x, data, Step(t, s))", "x_s")
    yield w.chain(
        "d(y, s)",
        ("x/t - data/t", "both terms are straight lines in s"),
        ("(y - data)/s", "x_s − data = (s/t)(x − data)"),
        states="As s runs, the step itself is the flow ẋ = (x − data)/s.",
        so="At s = t it is x: so it is the exact solution for constant data.",
    )
    yield w.chain(
        "ode.euler(v, x, Step(t, s))",
        (
            "x - (t - s)*(x - data)/t",
            "the velocity noise − data, with noise = (x − (1 − t) data)/t",
        ),
        ("multistep.first(x, data, Step(t, s))", "collect x and data"),
        states="It is Euler's step of the flow.",
    )
    w = Writing()
    w.let("x_t", "(1 - t)*data + t*noise")
    yield w.chain(
        "multistep.first(x_t, data, Step(t, s))",
        ("(1 - s)*data + s*noise", "(s/t)(1 − t) + 1 − s/t = 1 − s"),
        (
            "kernels.preserving(paths.linear(s), data, noise, 0).mean",
            "without fresh noise all of the predicted noise is retained",
        ),
        states="In predicted data and noise it is DDIM's step with η = 0.",
    )


@derivation("multistep.dpmpp_2m", rows=("DYN-10",), assumes=(A_CURVE,))
def dpmpp_2m(production: Production) -> Lines:
    """DPM-Solver++(2M): the line through the last two data, taken half a step ahead; order 2.

    With D(y) the data at λ_t + y, the flow has the solution
    x_s = (s/t) x_t + (1 − s) ∫ e^{y − H} D(y) dy, y from 0 to H (variation of constants). Two
    terms are left out at order H³: the line's mean lies at H/2 only up to the weight e^{y−H}, and
    the curve departs from its line.
    """
    w = _along()
    yield w.chain(
        "(1 - s_H)*(1 - exp(-H))*data",
        ("(1 - s_H/t)*data", "1 − e^{−H} = (t − s)/(t (1 − s))"),
        ("multistep.first(0, data, Step(t, s_H))", "without its term in x"),
        states="The whole weight of the data: $(1-s)\\int_0^H e^{y-H}\\,dy$.",
    )
    yield w.chain(
        "multistep.dpmpp_2m(x, data, data, r, Step(t, s))",
        ("multistep.first(x, data, Step(t, s))", "the difference vanishes"),
        states="While the data stand still it is the first step, and exact.",
    )
    w = Writing(a=number(), b=number(), c=number(), H=H, r=r)
    w.let("s_H", "t*exp(-H)/(1 - t + t*exp(-H))", "s")
    w.let("behind", "a - b*r*H + c*r**2*H**2", r"\mathrm{data}_u")
    w.let("y", "multistep.dpmpp_2m(0, a, behind, r, Step(t, s_H))", "x_s")
    w.let(
        "X",
        "(1 - s_H)*(a*(1 - exp(-H)) + b*(H - 1 + exp(-H)) + c*(H**2 - 2*H + 2 - 2*exp(-H)))",
        "X",
    )
    w.let("U", "H - 1 + exp(-H) - H/2*(1 - exp(-H))", "U")
    w.let("V", "H**2 - 2*H + 2 - 2*exp(-H) + r*H**2/2*(1 - exp(-H))", "V")
    yield w.chain(
        "limit((X - y)/H**3, H, 0)",
        (
            "(1 - t)*limit((b*U + c*V)/H**3, H, 0)",
            "a cancels, and s → t",
        ),
        ("(1 - t)*(b/12 + (1/3 + r/2)*c)", "e^{−H} = 1 − H + H²/2 − H³/6 + ..."),
        states="Local error on D(y) = a + b y + c y², whose exact step (without x) is X, the "
        "integral of e^{y−H} D(y).",
        so="One step errs by a multiple of $H^3$: order 2. With $b=D'$ and $c=\\frac12D''$ the "
        "constant is $(1-t)\\left(\\frac{D'}{12}+\\frac{2+3r}{12}D''\\right)$.",
    )


@derivation("multistep.unic_1", rows=("DYN-10",))
def unic_1(production: Production) -> Lines:
    """The first corrector: the mean of the data at both ends, order 2 from a first-order guess."""
    w = _along()
    yield w.chain(
        "multistep.unic_1(x, data, data_s, Step(t, s))",
        (
            "(multistep.first(x, data, Step(t, s)) + multistep.first(x, data_s, Step(t, s)))/2",
            "the step is affine in the data",
        ),
        states="The mean of two first steps, with the data of either end.",
    )
    w = Writing(a=number(), b=number(), H=H)
    w.let("s_H", "t*exp(-H)/(1 - t + t*exp(-H))", "s")
    w.let("y", "multistep.unic_1(0, a, a + b*H, Step(t, s_H))", "x_s")
    w.let("X", "(1 - s_H)*(a*(1 - exp(-H)) + b*(H - 1 + exp(-H)))", "X")
    yield w.chain(
        "limit((X - y)/H**3, H, 0)",
        (
            "(1 - t)*limit((H - 1 + exp(-H) - H/2*(1 - exp(-H)))/H**3, H, 0)*b",
            "a cancels; s → t",
        ),
        ("(1 - t)*b/12", "e^{−H} = 1 − H + H²/2 − H³/6 + ..."),
        states="Local error on D(y) = a + b y, whose exact step (without x) is X.",
        so="It is of order $H^3$.",
    )


@derivation("multistep.unic_2", rows=("DYN-10",), assumes=(A_CURVE,))
def unic_2(production: Production) -> Lines:
    """UniPC's corrector: exact for parabolas in λ; order 3.

    Its two weights are what makes $y$ and $y^2$ come out right; the data weigh $1-e^{-H}$.
    """
    w = _along()
    w.let("E", "1 - exp(-H)", "E")
    yield w.chain(
        "multistep.unic_2(x, data, data_u, data_s, r, H, Step(t, s))",
        (
            "multistep.first(x, data, Step(t, s))"
            " + multistep.unic_2(0, 0, data_u - data, data_s - data, r, H, Step(t, s))",
            "x stands in one term, and differences do not see what is subtracted from all",
        ),
        states="The first step, and what the data do within it.",
    )
    yield w.chain(
        "multistep.unic_2(0, data, data, data, r, H, Step(t, s_H))",
        ("(1 - s_H/t)*data", "both differences vanish"),
        states="Constant data: the whole weight.",
    )
    yield w.chain(
        "multistep.unic_2(0, 0, -r*H, H, r, H, Step(t, s_H))",
        ("(1 - s_H/t)*H*(1/E - 1/H)", "both quotients are H: the weights add up"),
        ("(1 - s_H)*(H - E)", "1 − s/t = (1 − s) E"),
        ("(1 - s_H)*(H - 1 + exp(-H))", "E = 1 − e^{−H}"),
        states="Data that are y: −rH behind, H ahead.",
        so="This is $(1-s)\\int_0^H e^{y-H}y\\,dy$.",
    )
    yield w.chain(
        "multistep.unic_2(0, 0, r**2*H**2, H**2, r, H, Step(t, s_H))",
        (
            "(1 - s_H/t)*H**2*(1/E - 2/(E*H) + 2/H**2)",
            "the weights are those that solve the second equation",
        ),
        ("(1 - s_H)*(H**2 - 2*H + 2*E)", "1 − s/t = (1 − s) E"),
        ("(1 - s_H)*(H**2 - 2*H + 2 - 2*exp(-H))", "E = 1 − e^{−H}"),
        states="Data that are y².",
        so="This is $(1-s)\\int_0^H e^{y-H}y^2\\,dy$: every parabola is integrated exactly.",
    )
    yield w.chain(
        "limit(((1 - s_H)*(H**3 - 3*H**2 + 6*H - 6 + 6*exp(-H))"
        " - multistep.unic_2(0, 0, -r**3*H**3, H**3, r, H, Step(t, s_H)))/H**4, H, 0)",
        ("-(1 - t)*(1 + 2*r)/12", "e^{−H} = 1 − H + H²/2 − ...; s → t"),
        states="What it leaves out of y³, whose exact step is the integral of e^{y−H} y³.",
        so="One step errs by $-(1-t)\\frac{1+2r}{72}D'''H^4$: order 3, if the guess behind "
        "$\\mathrm{data}_s$ is good to $H^3$.",
    )
