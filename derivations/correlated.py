"""Correlated Gaussians: a regression, a KL by moments, a root by Cayley–Hamilton."""

from refimpl.equations import correlated

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, number

c_xx, c_xy, c_yy = (of(getattr(correlated, n), f"c_{n.lower()}") for n in ("XX", "XY", "YY"))
m_x, m_y = of(correlated.MeanX, "mean_x"), of(correlated.MeanY, "mean_y")
gap_x, gap_y = of(correlated.GapX, "gap_x"), of(correlated.GapY, "gap_y")
y = of(correlated.Other, "y")
q_xx, q_xy, q_yy = (of(getattr(correlated, f"Q{n}"), f"q_{n.lower()}") for n in ("XX", "XY", "YY"))
eta = symbol("eta_y", r"\eta", real=True)
DEFINITE = "covariances are positive definite"


@derivation("correlated.velocity", rows=("DYN-11",), assumes=(DEFINITE,))
def velocity(production: Production) -> Lines:
    """The best affine guess of noise − data from both coordinates: on Gaussians there is no better.

    What is left over must be uncorrelated with either coordinate. With jointly Gaussian data, noise
    and x it is then independent of x, so the guess is E[noise − data | x].
    """
    w = Writing(x=number("x"), y=y, m_x=m_x, m_y=m_y, c_xx=c_xx, c_xy=c_xy, c_yy=c_yy)
    w.let("v", "correlated.velocity(x, y, m_x, m_y, c_xx, c_xy, c_yy, t)", "v")
    w.let("S_xx", "(1 - t)**2*c_xx + t**2", "S_{xx}")
    w.let("S_xy", "(1 - t)**2*c_xy", "S_{xy}")
    w.let("S_yy", "(1 - t)**2*c_yy + t**2", "S_{yy}")
    yield w.chain(
        "at(at(v, x, (1 - t)*m_x), y, (1 - t)*m_y)",
        ("-m_x", "nothing is off the mean"),
        states="At the mean of x_t: E[noise] − E[data].",
    )
    yield w.chain(
        "d(v, x)*S_xx + d(v, y)*S_xy",
        ("t - (1 - t)*c_xx", "the determinant of S cancels"),
        states="Its covariance with x: that of noise − data, t Var(noise) − (1 − t) Var(data).",
    )
    yield w.chain(
        "d(v, x)*S_xy + d(v, y)*S_yy",
        ("-(1 - t)*c_xy", "the determinant of S cancels"),
        states="Its covariance with y: that of noise − data, −(1 − t) Cov(data).",
        so="So noise − data − v is uncorrelated with x and y.",
    )
    yield w.chain(
        "correlated.velocity(x, y, m_x, m_y, c_xx, 0, c_yy, t)",
        (
            "-m_x + (t - (1 - t)*c_xx)*(x - (1 - t)*m_x)/S_xx",
            "S_yy cancels, and y with it",
        ),
        states="Without correlation it is the one-dimensional velocity.",
    )


@derivation("correlated.kl", rows=("DYN-11",), assumes=(DEFINITE,))
def kl(production: Production) -> Lines:
    """The mean of log p − log q, by moments: p drawn through its triangular root."""
    w = Writing(
        a=number(positive=True), b=number(), c=number(positive=True),
        q_xx=q_xx, q_xy=q_xy, q_yy=q_yy, d_x=gap_x, d_y=gap_y, eta=eta,
    )  # fmt: skip
    w.let("X", "d_x + a*eps", "X")
    w.let("Y", "d_y + b*eps + c*eta", "Y")
    w.let("det", "q_xx*q_yy - q_xy**2", r"\det Q")
    yield w.chain(
        "E(eps, E(eta, (q_yy*X**2 - 2*q_xy*X*Y + q_xx*Y**2)/det - eps**2 - eta**2))"
        " + log(det/(a*c)**2)",
        (
            "(q_yy*(a**2 + d_x**2) - 2*q_xy*(a*b + d_x*d_y) + q_xx*(b**2 + c**2 + d_y**2))/det - 2"
            " + log(det/(a*c)**2)",
            "E[ε] = E[η] = 0, E[ε²] = E[η²] = 1, and both are independent",
        ),
        (
            "2*correlated.kl(d_x, d_y, a**2, a*b, b**2 + c**2, q_xx, q_xy, q_yy)",
            "P has a², ab and b² + c², so its determinant is a²c²",
        ),
        states="p = N(d, P) is drawn as (X, Y); twice log p − log q is a quadratic form in it.",
    )
    yield w.chain(
        "exp(2*correlated.kl(d_x, d_y, a**2, a*b, b**2 + c**2, q_xx, q_xy, q_yy))*(a*c)**2",
        (
            "det*exp((q_yy*(a**2 + d_x**2) - 2*q_xy*(a*b + d_x*d_y)"
            " + q_xx*(b**2 + c**2 + d_y**2))/det - 2)",
            "the exponential of the logarithm is the quotient of both determinants",
        ),
        states="In exponential form.",
    )
    w = Writing(c_xx=c_xx, c_xy=c_xy, c_yy=c_yy)
    yield w.chain(
        "correlated.kl(0, 0, c_xx, c_xy, c_yy, c_xx, c_xy, c_yy)",
        ("(2*(c_xx*c_yy - c_xy**2)/(c_xx*c_yy - c_xy**2) - 2)/2", "log 1 = 0"),
        ("0", "the determinant cancels"),
        states="Equal laws.",
    )


@derivation("correlated.wasserstein", rows=("DYN-11",), assumes=(DEFINITE,))
def wasserstein(production: Production) -> Lines:
    """A symmetric positive map takes P to Q at the least cost; Cayley–Hamilton writes its trace.

    That gradients of convex functions are optimal maps is Brenier's theorem, cited and not proved
    here. A linear map is one if its matrix M is symmetric and positive definite.
    """
    w = Writing(
        a=number(positive=True), b=number(), c=number(positive=True),
        k=number(positive=True), l=number(), n=number(positive=True), d_x=gap_x, d_y=gap_y,
    )  # fmt: skip
    w.let("P_xx", "a**2", "p_{xx}")
    w.let("P_xy", "a*b", "p_{xy}")
    w.let("P_yy", "b**2 + c**2", "p_{yy}")
    w.let("M_xx", "k**2", "m_{xx}")
    w.let("M_xy", "k*l", "m_{xy}")
    w.let("M_yy", "l**2 + n**2", "m_{yy}")
    w.let("B_xx", "M_xx**2*P_xx + 2*M_xx*M_xy*P_xy + M_xy**2*P_yy", "q_{xx}")
    w.let("B_xy", "M_xx*M_xy*P_xx + (M_xx*M_yy + M_xy**2)*P_xy + M_xy*M_yy*P_yy", "q_{xy}")
    w.let("B_yy", "M_xy**2*P_xx + 2*M_xy*M_yy*P_xy + M_yy**2*P_yy", "q_{yy}")
    w.let("T", "M_xx*P_xx + 2*M_xy*P_xy + M_yy*P_yy", r"\operatorname{tr}MP")
    w.let("W", "correlated.wasserstein(d_x, d_y, P_xx, P_xy, P_yy, B_xx, B_xy, B_yy)", "W_2^2")
    w.let("cost", "d_x**2 + d_y**2 + P_xx + P_yy + B_xx + B_yy", "S")
    yield w.chain(
        "bracket(cost - W)**2",
        (
            "4*(P_xx*B_xx + 2*P_xy*B_xy + P_yy*B_yy + 2*(a*c*k*n)**2)",
            "det P = a²c², and det Q = det M² det P = k⁴n⁴a²c²",
        ),
        ("4*T**2", "Cayley–Hamilton for A = MP: tr(A²) + 2 det A = (tr A)²"),
        states="P = (a² ab; ab b² + c²), M = (k² kl; kl l² + n²) and Q = MPM, all positive.",
        so="tr MP is positive: $W_2^2=S-2\\operatorname{tr}MP=\\mathbb E\\Vert X-d-MX\\Vert^2$, "
        "the cost of the map.",
    )
    w = Writing(k=number(positive=True), c=number(positive=True), d_x=gap_x, d_y=gap_y)
    yield w.chain(
        "correlated.wasserstein(d_x, d_y, c, 0, c, k**2*c, 0, k**2*c)",
        ("d_x**2 + d_y**2 + 2*(1 + k**2)*c - 2*sqrt(4*k**2*c**2)", "the roots, inside out"),
        ("d_x**2 + d_y**2 + 2*(1 - k)**2*c", "(1 − k)² = 1 − 2k + k²"),
        states="For round laws the map is k along every axis: the sign of the last term.",
    )
