'''A written language for proofs: what the page prints is what the engine decides.

A derivation is handed production functions and yields *chains*. A chain is what one would write
with a pencil: a first line, then lines that each begin with = (or ≤, ⇒), each with its rule.

    from .engine import Lines, Production, derivation
    from .engine.written import Writing, density, field, of_time

    @derivation("sde.forward_drift", rows=("SC-4",), assumes=("p smooth", "g depends on t alone"))
    def forward_drift(production: Production) -> Lines:
        """The title: one sentence.

        The lecture: what is worth saying besides the lines.
        """
        w = Writing(p=density(), v=field("v_t"), g=of_time())
        w.bind(s="grad(log(p))")
        yield w.chain(
            "-div(p * sde.forward_drift(v, s, g)) + g**2/2 * lap(p)",
            ("-div(p*v) - div(p * (g**2/2) * s) + g**2/2 * lap(p)", "∇· is linear"),
            ("-div(p*v) - div(g**2/2 * grad(p)) + g**2/2 * lap(p)", "p ∇log p = ∇p"),
            ("-div(p*v)", "∇·∇ = Δ, and g does not depend on x: the two cancel"),
            states="The Fokker–Planck equation of the SDE is the flow's continuity equation.",
            so="Both move $p_t$ alike.",
        )

**Lines** are text in Python's syntax, printed in the order in which they are written and never
evaluated for printing. `(line, rule)`, or `(line, rule, long_form)`: the long form folds behind the
line and is decided too. A line may start with `=` (understood), `<=` (the difference must be seen
to be ≥ 0 by its form: the line before is at most this one) or
`=>` (both lines are equations `a == b`, the second follows from the first). Between two lines
`a == b`, or two `SDE(...)`, "=" prints as ⟺.

**Rules** are what a mathematician would say: "E[ε] = 0 and E[ε²] = 1", "put the score into
the drift", "collect data and noise". Plain text with Unicode signs; never a label, never "algebra".

**Code.** Call production by its id inside a line: `sde.drift(v, s, g)`, `kl.gaussian(p, q)`,
`sde.transition(C, x, v, g, Step(t, s)).mean`. It prints as the formula in the function's source
under a brace with the id, and expands by calling the function (the wrong neighbour, in a control).
Vectors are handed over coordinate by coordinate, arrays over an index whole. Every id of `of=` must
stand in a line; other registered equations may.

**Names** in a line are, in this order: letters of the `Writing`, `pi`, `C` (the coefficients of any
path), the symbols of all proofs (`x v g t s h eps data noise score std alpha sigma ...`, and what
`symbol(...)` adds). Letters of one's own:

    number(tex, positive=True)    vector(tex)     d numbers
    indexed(tex, n=3)  R_1..R_3, summed by sum(...); n=(2, 3), index="t i" for r_{t,i}
    alike(tex)  n equal numbers     number(of="theta"), indexed(of="theta")  functions of θ
    of_time(tex)  α(t), g(t) > 0  point(tex)      x itself, the d coordinates
    scalar(tex)   φ(x, t)         density(tex)    p(x, t) > 0
    field(tex)    v(x, t) ∈ R^d   weights(tex), densities(tex), fields(tex)   one an atom
    matrix(tex)   d × d numbers   scalars(tex)    one an atom, of any sign
    atoms_at(tex) where the atoms lie, a constant vector each
    function()    v itself, for a step to call: v(x, t) at a point and a time

A `Writing` also takes nodes, sympy symbols, whole numbers, dataclasses of the equations, functions
from nodes to nodes, and text: `Writing(p="N(mean, std**2)")` puts the text in wherever p stands.
`w.let("m", "x - h*b", tex)` names it instead: the line prints m, and "where m = x − h b" stands
below the chain. `w.bind(...)` adds to the `Writing` later.

**Operators** in a line:

    div grad lap dt            ∇· ∇ Δ ∂_t, in coordinates of d = 1, 2, 3, 4
    d(a, s)  d(a, s, 2)        derivatives by a letter       integral(a, s, low, high)
    at(a, s, 0)                a at s = 0                    limit(a, s, 1)
    over_coordinates(a)        Σ_i, with comp(f) = f_i, di(a) = ∂_i a, dii(a) = ∂_i² a inside
    dot(a, b)  norm2(a)        ⟨a, b⟩, ‖a‖²
    jac(u)  matmul(A, B)       ∂u/∂x, A B (or A u); transpose(A), tr(A), det(A), identity()
    entries(u)                 a vector as an array over i, for functions that sum over an axis
    stacked(u)                 vectors over an index as one array, a row for each
    along(u, f)                (u·∇) f, the derivative along u
    hess(p, a)                 ⟨a, ∇²p a⟩ = Σ_ij a_i a_j ∂_i ∂_j p
    log exp sin cos sqrt abs min max clip(a, low, high)
    N(m, s**2)  Gaussian(m, s) laws; KL(p, q), log_density(x, p)
    E(eps, a)  Var(eps, a)     over ε ~ N(0, 1), by moments
    sum(a) prod(a) mean(a) std(a)   over an index (a group, steps, atoms; of several t first)
    groups(R, Q)               groups of rewards, a row each
    SDE(drift, g)              dx = [drift] dt + g dw̄, read as the pair (drift, g)
    Step(t, s)  Coefficients(alpha, sigma, d_alpha, d_sigma)     records; `.h`, `.alpha` are parts
    bracket(a)                 (a), brackets where it should be seen as one

and expectations over finitely many atoms, bound by name:

    w = Writing(pi=weights(), k=densities())
    w.bind(E=posterior_mean(w("pi"), w("k"), given="x_t"))      E(f) prints E[f | x_t]
    w.bind(E_all=expectation_over(w("pi"), r"\\mathbb E_{x_0, t}"))

**Checked.** Neighbouring lines are decided by the engine; wrong neighbours of production must break
one. The build fails on a line that prints like the one before (braces and brackets aside), a line
without a rule, a line wider than the page (`width`), an id that stands in no line. To shorten a
line, `let` a part of it; never leave it out. Numbers are whole: write `1/2`, not 0.5. A scalar
chain is decided once, one with vectors or operators of space in d = 1..4; `dimensions=(1,)` says
otherwise (and the page says so).

Look at `derivations/kl.py` (scalars, laws, moments), `derivations/sde.py` (fields in d dimensions)
and `derivations/flow_grpo.py` (atoms, expectations, a long chain) before writing one.
`python -m derivations.run kl.` proves those that start so.
'''

from .chain import Chain, Line, Writing
from .chance import expectation_over, gaussian_mean, posterior_mean
from .code import Code, handed
from .functions import function
from .letters import (
    Letter,
    alike,
    atoms_at,
    densities,
    density,
    field,
    fields,
    indexed,
    matrix,
    number,
    of_time,
    point,
    scalar,
    scalars,
    vector,
    weights,
)
from .node import Node
from .reading import NotWritten
from .settle import glance, pairs, settle, taken_at
from .space import SPACES
from .width import PAGE, width

__all__ = [
    "PAGE",
    "SPACES",
    "Chain",
    "Code",
    "Letter",
    "Line",
    "Node",
    "NotWritten",
    "Writing",
    "alike",
    "atoms_at",
    "densities",
    "density",
    "expectation_over",
    "field",
    "fields",
    "function",
    "gaussian_mean",
    "glance",
    "handed",
    "indexed",
    "matrix",
    "number",
    "of_time",
    "pairs",
    "point",
    "posterior_mean",
    "scalar",
    "scalars",
    "settle",
    "taken_at",
    "vector",
    "weights",
    "width",
]
