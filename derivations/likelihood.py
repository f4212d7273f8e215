"""Likelihood: how a map changes a density, from one map to infinitely many small ones."""

from refimpl.equations.likelihood import LogDensity

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, density, field, function, matrix, number, point, vector

log_p = of(LogDensity, "log_p")
delta = symbol("delta", r"\delta", low="0.01", high="0.2", positive=True)

INVERTIBLE = "φ smooth and invertible, so its determinant vanishes nowhere"


@derivation("likelihood.change_of_variables", rows=("NF-1",), assumes=(INVERTIBLE,))
def change_of_variables(production: Production) -> Lines:
    """The density of y = φ(x): mass is kept, so density falls where the map stretches.

    For every set A the mass ∫_A p_0 dx is the mass of its image, ∫_{φ(A)} p_1 dy, which the
    substitution y = φ(x) makes ∫_A p_1(φ(x)) |det ∂φ/∂x| dx. The first chain is the equality of the
    integrands, in d dimensions.
    """
    w = Writing(p=density("p_0(x)"), phi=field(r"\varphi"), A=matrix(), B=matrix())
    w.bind(D=number(real=True, nonzero=True), F=number("D'", real=True, nonzero=True))
    w.let("J", "jac(phi)", "J")
    yield w.chain(
        "exp(likelihood.change_of_variables(log(p), det(J))) * abs(det(J))",
        ("p/abs(det(J)) * abs(det(J))", "½ log a² = log |a|"),
        ("p", "the determinant does not vanish"),
        states="The density at y = φ(x), times the volume that dx becomes.",
    )
    yield w.chain(
        "likelihood.change_of_variables(log_p, D)",
        ("log_p - log(abs(D))", "½ log a² = log |a|"),
        ("log_p + log(abs(1/D))", "log |1/D| = −log |D|"),
        states="Both forms: by the determinant D of the map, or 1/D of its inverse.",
    )
    yield w.chain(
        "likelihood.change_of_variables(likelihood.change_of_variables(log_p, D), 1/D)",
        ("log_p - log(abs(D)) - log(abs(1/D))", "½ log a² = log |a|, twice"),
        ("log_p", "log |1/D| = −log |D|"),
        states="A map and then its inverse: nothing has changed.",
    )
    yield w.chain(
        "likelihood.change_of_variables(likelihood.change_of_variables(log_p, D), F)",
        ("log_p - (log(abs(D)) + log(abs(F)))", "½ log a² = log |a|, twice"),
        ("likelihood.change_of_variables(log_p, F*D)", "logarithms of a product"),
        states="Two maps one after the other: their determinants multiply, ...",
    )
    yield w.chain(
        "det(matmul(B, A))",
        ("det(B) * det(A)", "the product rule of determinants"),
        states="... as does the determinant of the product of their Jacobians.",
        so="The rule for $\\varphi_2\\circ\\varphi_1$ is the rule for $\\varphi_1$ and then for "
        "$\\varphi_2$.",
    )


@derivation("likelihood.residual_step", rows=("NF-2",), assumes=("u smooth",))
def residual_step(production: Production) -> Lines:
    """A residual block is one Euler step; its log-determinant tends to the divergence."""
    w = Writing(x=point(), u=field())
    yield w.chain(
        "(likelihood.residual_step(x, u, delta) - x)/delta",
        ("u", "x drops out, and δ cancels"),
        states="A block moves a point by δ u: a step of Euler's method for dx/dt = u.",
        so="Euler's method has order 1, so n = 1/δ blocks tend to the flow of u.",
    )
    yield w.chain(
        "jac(likelihood.residual_step(x, u, delta))",
        ("identity() + delta*jac(u)", "∂x/∂x = I"),
        states="Its Jacobian.",
    )
    yield w.chain(
        "at(d(log(det(jac(likelihood.residual_step(x, u, delta)))), delta), delta, 0)",
        (
            "at(d(det(identity() + delta*jac(u)), delta), delta, 0)",
            "the derivative of a logarithm, and det I = 1",
        ),
        (
            "tr(jac(u))",
            "at first order in δ only the diagonal's product contributes: Π (1 + δ ∂_i u_i)",
        ),
        ("div(u)", "Σ_i ∂_i u_i"),
        states="The rate at which its log-determinant grows, at δ = 0.",
    )


@derivation(
    "likelihood.instantaneous",
    rows=("NF-3",),
    assumes=("p > 0, smooth, obeys the continuity equation", "dx/dt = v"),
)
def instantaneous(production: Production) -> Lines:
    """Along a trajectory the log-density changes by minus the divergence."""
    w = Writing(p=density(), v=field())
    w.let(
        "rate",
        "over_coordinates(density.continuity(p, di(p), comp(v), di(comp(v))))",
        r"\partial_t p_t",
    )
    yield w.chain(
        "(rate + dot(v, grad(p)))/p",
        ("(-div(p*v) + dot(v, grad(p)))/p", "the continuity equation"),
        ("(-p*div(v) - dot(v, grad(p)) + dot(v, grad(p)))/p", "the product rule"),
        ("likelihood.instantaneous(div(v))", "⟨v, ∇p⟩ cancels, then p"),
        states="By the chain rule $\\frac{\\mathrm d}{\\mathrm dt}\\log p_t(x_t)$ is "
        "$(\\partial_tp_t+\\langle v,\\nabla p_t\\rangle)/p_t$.",
        so="Along the trajectory from $x_0$ to $x_1$: "
        "$\\log p_1(x_1)=\\log p_0(x_0)-\\int_0^1\\nabla\\cdot v(x_t,t)\\,\\mathrm dt$.",
    )
    w = Writing(x=point(), v=field())
    w.let("block", "likelihood.residual_step(x, v, delta)", r"\varphi_\delta")
    yield w.chain(
        "at(d(likelihood.change_of_variables(log_p, det(jac(block))), delta), delta, 0)",
        (
            "-at(d(det(identity() + delta*jac(v)), delta), delta, 0)",
            "the derivative of a logarithm, and det I = 1",
        ),
        ("likelihood.instantaneous(div(v))", "the determinant's rate is the trace"),
        states="The same from blocks x + δ v: the rate at which one changes the log-density.",
    )


@derivation(
    "likelihood.hutchinson",
    rows=("NF-3",),
    assumes=("ε has independent standard normal coordinates",),
)
def hutchinson(production: Production) -> Lines:
    """One random vector estimates a trace without bias; its variance is 2‖J‖² if J = Jᵀ."""
    w = Writing(e=vector(r"\varepsilon"), y=vector(), J=matrix())
    yield w.chain(
        "likelihood.hutchinson(entries(e), entries(y))",
        ("dot(e, y)", "the inner product of two vectors"),
        states="The estimate, for y = J ε.",
    )
    w.let("T", "likelihood.hutchinson(entries(e), entries(matmul(J, e)))")
    yield w.chain(
        "E(e, T)",
        ("E(e, dot(e, matmul(J, e)))", "the inner product"),
        ("tr(J)", "E[ε_i ε_j] is 1 for i = j and 0 otherwise"),
        states="Its mean is the trace.",
    )
    yield w.chain(
        "Var(e, T)",
        (
            "tr(matmul(J, transpose(J))) + tr(matmul(J, J))",
            "E[ε_i ε_j ε_k ε_l] counts the three ways to pair the indices; one is tr(J)²",
        ),
        (
            "tr(matmul(J + transpose(J), J + transpose(J)))/2",
            "multiply out; tr(Jᵀ Jᵀ) = tr(J J)",
        ),
        states="Its variance.",
        so="For $J=J^\\top$ it is $2\\operatorname{tr}(J^2)=2\\Vert J\\Vert^2$.",
    )


def _block() -> Writing:
    """Two coordinates; the block reads s and b off the first and moves the second."""
    w = Writing(z=number("x_1"), y=number("x_2"))
    return w.bind(s=function(time_alone=True), b=function(time_alone=True))


@derivation("likelihood.coupled", rows=("NF-5",))
def coupled(production: Production) -> Lines:
    """The identity where s = 0 and b = 0, and a map that rises in what it moves."""
    w = _block()
    yield w.chain(
        "likelihood.coupled(y, 0*s(z), 0*b(z))",
        ("y", "e⁰ = 1"),
        states="A block that has learnt nothing.",
    )
    yield w.chain(
        "d(likelihood.coupled(y, s(z), b(z)), y)",
        ("exp(s(z))", "s and b do not depend on the coordinate that is moved"),
        states="Its slope is positive, whatever s is.",
    )
    yield w.chain(
        "at(likelihood.coupled(y, s(z), b(z)), y, 0)",
        ("b(z)", "0 times e^s"),
        states="And 0 goes to b.",
        so="A line of that slope through that point: there is no other.",
    )


@derivation("likelihood.uncoupled", rows=("NF-5",))
def uncoupled(production: Production) -> Lines:
    """The inverse, from both sides, without inverting the networks that make s and b."""
    w = _block()
    yield w.chain(
        "likelihood.uncoupled(likelihood.coupled(y, s(z), b(z)), s(z), b(z))",
        ("y*exp(s(z))*exp(-s(z))", "b cancels"),
        ("y", "e^s e^{−s} = 1"),
        states="Through the block and back.",
    )
    yield w.chain(
        "likelihood.coupled(likelihood.uncoupled(y, s(z), b(z)), s(z), b(z))",
        ("y - b(z) + b(z)", "e^s e^{−s} = 1"),
        ("y", "b cancels"),
        states="Back and through the block.",
    )


@derivation("likelihood.through_block", rows=("NF-5",))
def through_block(production: Production) -> Lines:
    """A triangular Jacobian: whatever s and b depend on, the determinant is e^s."""
    w = _block()
    w.let("u", "likelihood.coupled(y, s(z), b(z))", "y_2")
    yield w.chain(
        "d(z, z)*d(u, y) - d(z, y)*d(u, z)",
        ("1*exp(s(z)) - 0*d(u, z)", "the first coordinate passes unchanged"),
        ("exp(s(z))", "the corner is multiplied by 0"),
        states="The determinant of the block.",
    )
    yield w.chain(
        "likelihood.change_of_variables(log_p, exp(s(z)))",
        ("log_p - log(exp(2*s(z)))/2", "the square of the exponential"),
        ("likelihood.through_block(log_p, s(z))", "the logarithm of an exponential"),
        states="The density after the block.",
    )
