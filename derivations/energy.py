"""Contrastive divergence on a Gaussian: the gradient, where it vanishes, and the temperature."""

from refimpl.equations import energy as equations
from refimpl.equations.arguments import Mean
from refimpl.equations.langevin import StepSize

from .engine import Lines, Production, derivation
from .engine.algebra.symbols import of, symbol
from .engine.written import Writing, number, scalar

mean = of(Mean, "mean")
precision = of(equations.Precision, "precision")
samples_v = of(equations.Spread, "samples_v")
moved_v = of(equations.Moved, "moved_v")
heat = of(equations.Heat, "heat")
ULA = of(StepSize, "ula", "h")
rest = symbol("rest", "r", low="0", high="1", positive=True)

GAUSSIAN = "data N(0, std²), the energy θ x²/2"


@derivation("energy.after", rows=("SM-5",), assumes=(GAUSSIAN,))
def after(production: Production) -> Lines:
    """A Langevin step scales a sample and adds noise."""
    w = Writing(b=precision, V=samples_v, h=ULA, z=number(r"\zeta"))
    w.let("n", "langevin.step(sqrt(V)*z, -b*sqrt(V)*z, h)", "p'")
    yield w.chain(
        "d(n.mean, z)**2 + n.std**2",
        ("(sqrt(V) - h*b*sqrt(V))**2 + 2*h", "the score of the model is −θx; the root, squared"),
        ("energy.after(b, V, h)", "V out of the square"),
        states="Variance carried over from x = √V ζ, and variance drawn.",
    )
    yield w.chain(
        "energy.after(b, V, h) - V",
        ("2*h*(1 - b*V) + h**2*b**2*V", "multiply out"),
        states="What a step changes: at V = 1/θ not nothing, but h² θ.",
    )


@derivation("energy.contrastive", rows=("SM-5",), assumes=(GAUSSIAN,))
def contrastive(production: Production) -> Lines:
    """Push down the energy of the data, up that of the samples, by the energy's slope in θ."""
    w = Writing(b=precision, V=moved_v)
    yield w.chain(
        "E(eps, objectives.energy_gradient((std*eps)**2/2, V/2))",
        ("-(std**2/2) + V/2", "E[ε²] = 1"),
        ("energy.contrastive(V, std)", "one fraction"),
        states="∂_θ of the energy is x²/2; its mean over the samples is V/2.",
    )
    yield w.chain(
        "energy.contrastive(1/b, std)",
        ("d(log(b)/2 - b*std**2/2, b)", "two slopes"),
        states="With the model's own variance 1/θ it is the slope of the expected log-likelihood.",
    )


@derivation("energy.resting", rows=("SM-5",), assumes=(GAUSSIAN, "2ε < std²"))
def resting(production: Production) -> Lines:
    """At rest a step from the data's variance leads back to it, and so do k of them.

    The model that CD finds is narrower than the data, because its chain is wider than itself.
    """
    w = Writing(r=rest)
    w.let("h", "std**2*(1 - r**2)/2", r"\varepsilon")
    w.let("b", "energy.resting(std, h)", r"\theta")
    yield w.chain(
        "b",
        ("2/(std**2*(1 + r))", "1 − 2ε/std² is r², and r > 0"),
        states="With r for the root of 1 − 2ε/std², so that ε is std² (1 − r²)/2.",
    )
    yield w.chain(
        "1 - h*b",
        ("1 - (1 - r**2)/(1 + r)", "std² and 2 cancel"),
        ("r", "1 − r² = (1 − r)(1 + r)"),
        states="What a step multiplies a sample by.",
    )
    yield w.chain(
        "energy.after(b, std**2, h)",
        ("r**2*std**2 + 2*h", "1 − εθ is r, as above"),
        ("std**2", "2ε = std² (1 − r²)"),
        states="A step from the data.",
        so="By induction $V_k=s^2$ for every k: the gradient vanishes.",
    )
    yield w.chain(
        "(1 - r)/h",
        ("2*(1 - r)/(std**2*(1 - r**2))", "ε in terms of r"),
        ("energy.resting(std, h)", "1 − r² = (1 − r)(1 + r)"),
        states="The same, solved for θ in the usual way.",
        so="As r < 1 it lies above 1/std².",
    )


@derivation("energy.tempered", rows=("SM-5",))
def tempered(production: Production) -> Lines:
    """p^{1/T} is e^{−E/T} up to its constant; on N(μ, std²) it has T times the variance."""
    w = Writing(f=scalar("E"), T=heat, Z=number("Z", positive=True))
    yield w.chain(
        "grad(log(exp(-f/T)/Z))",
        ("-grad(f)/T", "the constant does not depend on x"),
        ("energy.tempered(objectives.energy_score(grad(f)), T)", "the score at T = 1, over T"),
        states="Any energy.",
    )
    w = Writing(T=heat)
    yield w.chain(
        "energy.tempered(d(log_density(x, N(mean, std**2)), x), T)",
        ("-(x - mean)/(T*std**2)", "the score of a Gaussian"),
        ("d(log_density(x, N(mean, T*std**2)), x)", "again the score of a Gaussian"),
        states="A Gaussian.",
    )
