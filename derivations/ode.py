"""ODE steps: what one step leaves out, and how the errors of many steps add up.

An arbitrary velocity v(x, t) is an arbitrary smooth function: in one and two dimensions where it is
differentiated, else in up to four. The order of a method is also shown where it can be seen at a
glance: on dx/dt = λx a step is the beginning of the exponential series, on dx/dt = v(t) it is a
quadrature rule.
"""

from .engine import Lines, Production, derivation
from .engine.written import Node, Writing, function, number, point, vector

TAYLOR = "x(t) is twice continuously differentiable, with ‖ẍ‖ ≤ M"
LIPSCHITZ = "v is Lipschitz in x, with constant L, and continuous"
SMOOTH_FIELD = "v is twice continuously differentiable"


def _growth() -> Writing:
    """dx/dt = λx, whose solution is x(t − h) = exp(−λh) x(t), with q = λh."""
    w = Writing(rate=number(r"\lambda"))
    w.let("q", "rate*h")
    return w.bind(growth=function(lambda x, t: w("rate") * x, r"\lambda x"))


def _around_the_middle(degree: int) -> Writing:
    """dx/dt = p(r), a polynomial, on a step from r = k to r = −k: its length is 2k."""
    w = Writing(a=number(), b=number(), c=number(), e=number(), r=number(), k=number())
    terms = ("a", "b*r", "c*r**2", "e*r**3")

    def value(x: Node, r: Node) -> Node:
        return w.bind(r=r)(" + ".join(terms[: degree + 1]))

    return w.bind(p=function(value))


@derivation("ode.euler", rows=("DYN-4",), assumes=(TAYLOR, LIPSCHITZ))
def euler(production: Production) -> Lines:
    """Euler's method: one step errs by ½ h² ẍ, and n = 1/h steps by a multiple of h.

    Two things make up the error after a step: the error before it, which the step stretches by at
    most 1 + hL, and what the step itself leaves out, at most ½ h² M. Adding them up gives order 1
    for every Lipschitz field. On dx/dt = λx one step errs by ½ h² λ² x and no less, so the order is
    not better than 1.
    """
    w = Writing(v=function(), x=point(), y=vector(), R=vector())
    w.let("X", "x - h*v(x, t) + h**2/2*R", "x(t-h)")
    yield w.chain(
        "ode.euler(v, x, Step(t, t - h)) - X",
        ("-h**2/2*R", "x and h v(x, t) cancel"),
        states="Local error. Taylor's formula: x(t − h) = x − h ẋ + ½ h² R, where ẋ = v(x, t) and "
        "R is a weighted mean of ẍ over the step.",
        so=r"$\Vert R\Vert\le M$, so one step errs by at most $\frac{h^2}{2}M$.",
    )
    yield w.chain(
        "ode.euler(v, y, Step(t, t - h)) - X",
        (
            "bracket(y - x) - h*bracket(v(y, t) - v(x, t)) - h**2/2*R",
            "the step from y, and Taylor's formula from x",
        ),
        states="One step from y, while the solution passes through x.",
        so=r"$\Vert v(y,t)-v(x,t)\Vert\le L\Vert y-x\Vert$ and the triangle inequality: an error "
        r"$e_k=\Vert y-x\Vert$ becomes $e_{k+1}\le(1+hL)\,e_k+\frac{h^2}{2}M$.",
    )
    w = Writing(L=number(positive=True), M=number(positive=True), k=number(positive=True))
    w.let("B", "h*M/(2*L) * ((1 + h*L)**k - 1)", "B_k")
    yield w.chain(
        "(1 + h*L)*B + h**2/2*M",
        (
            "h*M/(2*L) * ((1 + h*L)**(k + 1) - (1 + h*L)) + h**2/2*M",
            "1 + hL taken into the bracket",
        ),
        (
            "h*M/(2*L) * ((1 + h*L)**(k + 1) - (1 + h*L) + h*L)",
            "h²M/2 is hM/(2L) times hL",
        ),
        ("h*M/(2*L) * ((1 + h*L)**(k + 1) - 1)", "hL cancels"),
        states="Global error, by induction: if e_k is at most B_k, the next is at most B_{k+1}.",
        so=r"$e_0=0=B_0$. With $n=1/h$ steps and $1+hL\le\mathrm e^{hL}$, "
        r"$e_n\le\frac{hM}{2L}(\mathrm e^{L}-1)$: order 1.",
    )
    w = _growth()
    yield w.chain(
        "ode.euler(growth, x, Step(t, t - h))",
        ("(1 - q)*x", "q = λh"),
        states="On dx/dt = λx: the exponential series up to order 1.",
    )
    yield w.chain(
        "limit((exp(-q)*x - ode.euler(growth, x, Step(t, t - h)))/h**2, h, 0)",
        ("limit((exp(-q) - 1 + q)/h**2, h, 0) * x", "factor out x"),
        ("rate**2/2*x", "e^{−q} = 1 − q + ½ q² − ..., and q = λh"),
        states="What it leaves out, relative to h².",
    )
    w = _around_the_middle(0)
    yield w.chain(
        "ode.euler(p, x, Step(k, -k))",
        ("x - integral(a, r, -k, k)", "a constant integrates to 2k a"),
        states="It is exact for a constant velocity.",
    )


@derivation("ode.heun", rows=("DYN-5",), assumes=(SMOOTH_FIELD,))
def heun(production: Production) -> Lines:
    """Heun's method: order 2, for every smooth velocity; the trapezoidal rule where v = v(t).

    The solution through x has ẋ = v(x, t), and by the chain rule ẍ = ∂_t v + (v·∇) v; so
    x(t − h) = x − h v + ½ h² (∂_t v + (v·∇) v) up to terms in h³. The step has the same derivatives
    in h at h = 0, up to the second.
    """
    w = Writing(v=function(), x=point())
    w.let("y", "ode.heun(v, x, Step(t, t - h))")
    yield w.chain(
        "at(d(y, h), h, 0)",
        ("-(v(x, t) + v(x, t))/2", "the derivative of h times the bracket, at h = 0"),
        ("-v(x, t)", "half of twice"),
        states="The first derivative of the step by h is that of the solution, −ẋ.",
        dimensions=(1, 2),
    )
    yield w.chain(
        "at(d(y, h, 2), h, 0)",
        (
            "-at(d(v(x - h*v(x, t), t - h), h), h, 0)",
            "(h f)″ = 2 f′ at h = 0, and of f only the second slope depends on h",
        ),
        (
            "dt(v(x, t)) + along(v(x, t), v(x, t))",
            "the chain rule: the point moves with −v, the time with −1",
        ),
        states="The second derivative is that of the solution, ẍ.",
        so="One step errs by a multiple of $h^3$, and as for Euler's method $n=1/h$ of them by a "
        "multiple of $h^2$: order 2.",
        dimensions=(1, 2),
    )
    w = _growth()
    yield w.chain(
        "ode.heun(growth, x, Step(t, t - h))",
        ("x - (q*x + q*(1 - q)*x)/2", "q = λh"),
        ("(1 - q + q**2/2)*x", "collect powers of q"),
        states="On dx/dt = λx: the exponential series up to order 2.",
    )
    w = Writing(v=function(time_alone=True), r=number())
    yield w.chain(
        "ode.heun(v, x, Step(t, t - h))",
        (
            "x - integral(v(t) + r/h * (v(t - h) - v(t)), r, 0, h)",
            "the area under the straight line from v(t) to v(t − h)",
        ),
        states="Where v depends on t alone it is the trapezoidal rule.",
    )
    w = _around_the_middle(1)
    yield w.chain(
        "ode.heun(p, x, Step(k, -k))",
        ("x - 2*k*a", "b k and −b k cancel"),
        ("x - integral(a + b*r, r, -k, k)", "r integrates to zero"),
        states="It is exact for p(r) = a + b r, r counted from the middle of the step.",
    )


@derivation("ode.rk4", rows=("DYN-5",))
def rk4(production: Production) -> Lines:
    """The classical Runge–Kutta method: order 4; Simpson's rule where v depends on t alone.

    That the order is 4 for every smooth velocity is a theorem about the weights ⅙, ⅓, ⅓, ⅙ and the
    nodes 0, ½, ½, 1; its eight conditions are in Hairer, Nørsett and Wanner's book, Section II.1.
    Here it is shown for dx/dt = λx and for dx/dt = v(t).
    """
    w = Writing(v=function(), x=point())
    w.let("k_1", "v(x, t)")
    w.let("k_2", "v(x - h/2*k_1, t - h/2)")
    w.let("k_3", "v(x - h/2*k_2, t - h/2)")
    w.let("k_4", "v(x - h*k_3, t - h)")
    yield w.chain(
        "ode.rk4(v, x, Step(t, t - h))",
        (
            "x - h/6*(k_1 + 2*k_2 + 2*k_3 + k_4)",
            "four slopes: at the start, twice in the middle, at the end",
        ),
        states="One step with any velocity.",
    )
    w = _growth()
    w.let("k_1", "rate*x")
    w.let("k_2", "rate*(x - h/2*k_1)")
    w.let("k_3", "rate*(x - h/2*k_2)")
    w.let("k_4", "rate*(x - h*k_3)")
    yield w.chain(
        "ode.rk4(growth, x, Step(t, t - h))",
        ("x - h/6*(k_1 + 2*k_2 + 2*k_3 + k_4)", "the four slopes of dx/dt = λx"),
        (
            "x - x/6*(q + 2*q*(1 - q/2) + 2*q*(1 - q/2*(1 - q/2)) + q*(1 - q*(1 - q/2*(1 - q/2))))",
            "h k_1 = q x, h k_2 = q (1 − q/2) x, and so on",
        ),
        ("(1 - q + q**2/2 - q**3/6 + q**4/24)*x", "collect powers of q"),
        states="On dx/dt = λx: the exponential series up to order 4.",
    )
    w = Writing(v=function(time_alone=True))
    yield w.chain(
        "ode.rk4(v, x, Step(t, t - h))",
        (
            "x - h/6*(v(t) + 4*v(t - h/2) + v(t - h))",
            "t − h + h/2 = t − h/2: both slopes in the middle are the same",
        ),
        states="Where v depends on t alone it is Simpson's rule.",
    )
    w = _around_the_middle(3)
    yield w.chain(
        "ode.rk4(p, x, Step(k, -k))",
        ("x - k/3*(6*a + 2*c*k**2)", "p(k) + p(−k) = 2a + 2c k², and p(0) = a"),
        ("x - (2*a*k + 2*c*k**3/3)", "multiply out"),
        (
            "x - integral(a + b*r + c*r**2 + e*r**3, r, -k, k)",
            "odd powers integrate to zero, r² to 2k³/3",
        ),
        states="It is exact for cubic polynomials p(r) = a + b r + c r² + e r³, r counted from the "
        "middle of the step.",
    )


@derivation("ode.midpoint", rows=("DYN-5", "DYN-10"), assumes=(SMOOTH_FIELD,))
def midpoint(production: Production) -> Lines:
    """The midpoint rule: order 2, with half the error of Heun's rule where v depends on t alone."""
    w = Writing(v=function(), x=point())
    w.let("y", "ode.midpoint(v, x, Step(t, t - h))")
    yield w.chain(
        "at(d(y, h), h, 0)",
        ("-v(x, t)", "the derivative of h times the slope, at h = 0"),
        states="The first derivative of the step by h is that of the solution, −ẋ.",
        dimensions=(1, 2),
    )
    yield w.chain(
        "at(d(y, h, 2), h, 0)",
        (
            "-2*at(d(v(x - h/2*v(x, t), t - h/2), h), h, 0)",
            "(h f)″ = 2 f′ at h = 0",
        ),
        (
            "dt(v(x, t)) + along(v(x, t), v(x, t))",
            "the chain rule: the point moves with −v/2, the time with −1/2",
        ),
        states="The second derivative is that of the solution, ẍ.",
        so="One step errs by a multiple of $h^3$, and $n=1/h$ of them by one of $h^2$: order 2.",
        dimensions=(1, 2),
    )
    w = _growth()
    yield w.chain(
        "ode.midpoint(growth, x, Step(t, t - h))",
        ("x - q*(x - q/2*x)", "q = λh"),
        ("(1 - q + q**2/2)*x", "collect powers of q"),
        states="On dx/dt = λx: the exponential series up to order 2, as with Heun's rule.",
    )
    w = _around_the_middle(2)
    yield w.chain(
        "ode.midpoint(p, x, Step(k, -k))",
        ("x - 2*k*a", "p(0) = a, for the whole length 2k"),
        (
            "x - integral(a + b*r + c*r**2, r, -k, k) + 2*c*k**3/3",
            "r integrates to zero, r² to 2k³/3",
        ),
        states="Where v depends on t alone it misses c r², and nothing below.",
    )
    w = _around_the_middle(2)
    yield w.chain(
        "ode.heun(p, x, Step(k, -k))",
        ("x - k*(2*a + 2*c*k**2)", "p(k) + p(−k) = 2a + 2c k²"),
        (
            "x - integral(a + b*r + c*r**2, r, -k, k) - 4*c*k**3/3",
            "the integral has 2c k³/3 in the place of 2c k³",
        ),
        states="Heun's rule misses twice as much, with the other sign.",
        so="In steps of length $h=2k$: $\\frac{h^3}{24}\\ddot v$ and $-\\frac{h^3}{12}\\ddot v$.",
    )
