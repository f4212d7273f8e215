"""The score, the tilted law, and which evidence sees which mistake."""

import numpy as np
import torch

from refimpl.equations import paths, tilting
from refimpl.equations.gaussian import Gaussian, log_prob
from refimpl.toy.examples import mixture_2d
from refimpl.verify import matrix

from .style import Drawn, Look, Told, canvas, label, picture

LEVELS = (0.25, 0.5, 0.9)
"""Where the score is drawn."""


@picture("score-field")
def score_field(look: Look) -> Drawn:
    """Where the score points at three levels: to the nearest mode, then to the middle."""
    figure, (row,) = canvas(look, columns=3, height=2.7)
    fine, coarse = np.linspace(-3.4, 3.4, 44), np.linspace(-3, 3, 13)
    for axes, t in zip(row, LEVELS, strict=True):
        law = mixture_2d().at(paths.linear(t))
        axes.contourf(
            fine, fine, law.log_density(_grid(fine)).exp().numpy(), 6, cmap=look.density, alpha=0.55
        )
        arrows = law.score(_grid(coarse)).numpy()
        size = np.linalg.norm(arrows, axis=-1, keepdims=True)
        shown = arrows / size * np.minimum(size, np.quantile(size, 0.8))
        axes.quiver(coarse, coarse, shown[..., 0], shown[..., 1], color=look.ink, width=0.006)
        label(axes, title=f"$t = {t:g}$: longest {size.max():.0f}")
        axes.set(aspect="equal", xticks=[], yticks=[])
    return figure, Told(
        "Eight modes on a ring and the score as arrows at three levels: near the data the arrows "
        "point to the nearest mode and are long, near noise all of them point to the middle.",
        "The score of eight Gaussians on a ring, at three levels. Near the data it points to the "
        "nearest mode, and its size grows like $1/t^2$ off the modes; near noise it knows one "
        "thing, where the middle is. The longest arrows are cut.",
    )


def _grid(line: np.ndarray) -> torch.Tensor:
    """The points of a square, rows by y."""
    x, y = np.meshgrid(line, line)
    return torch.as_tensor(np.stack([x, y], axis=-1), dtype=torch.float64)


@picture("tilted-law")
def tilted_law(look: Look) -> Drawn:
    """The tilted law, and where tuning ends if the end remembers its start."""
    figure, ((axes,),) = canvas(look, height=2.5)
    data, slope, beta = Gaussian(mean=np.array(0.0), std=np.array(1.0)), 2.0, 1.0
    x = np.linspace(-3.5, 6, 400)
    laws = {
        "reference": (data, look.faint, "-"),
        "tilted": (tilting.linear(data, slope, beta), look.blue, "-"),
        r"reached, $\rho = 0.5$": (tilting.fixed_start(data, slope, beta, 0.5), look.orange, "--"),
        r"reached, $\rho = 0.9$": (tilting.fixed_start(data, slope, beta, 0.9), look.red, ":"),
    }
    for name, (law, colour, line) in laws.items():
        axes.plot(x, np.exp(log_prob(x, law.mean, law.std)), color=colour, ls=line, label=name)
    axes.legend()
    label(axes, x="$x$", y="density")
    return figure, Told(
        "A reference N(0, 1), the law tilted by a linear reward, shifted by 2, and two laws that "
        "tuning reaches if the end of the sampler remembers its start: the more it remembers, the "
        "less of the shift they have.",
        r"The reward $2x$ with $\beta = 1$ shifts $N(0, 1)$ by two. A sampler whose end has "
        r"correlation $\rho$ with its start can be tuned to only $1 - \rho^2$ of that: three "
        "quarters at a half, a fifth at nine tenths.",
    )


@picture("kill-matrix")
def kill_matrix(look: Look) -> Drawn:
    """The share of planted mistakes that each layer of evidence sees, topic by topic."""
    topics: dict[str, list[dict[str, object]]] = {}
    for planted in matrix.published():
        topics.setdefault(str(planted["mistake"]).partition(".")[0], []).append(planted)
    asked = np.array(
        [[sum(p[c] != "not asked" for p in of) for c in matrix.COLUMNS] for of in topics.values()]
    )
    seen = np.array(
        [[sum(p[c] == "seen" for p in of) for c in matrix.COLUMNS] for of in topics.values()]
    )
    share = np.where(asked > 0, seen / np.maximum(asked, 1), np.nan)
    figure, ((axes,),) = canvas(look, height=0.6 + 0.21 * len(topics))
    axes.imshow(share, cmap=look.density, vmin=-0.3, vmax=1.3, aspect="auto")
    axes.set_xticks(range(len(matrix.COLUMNS)), matrix.COLUMNS)
    axes.set_yticks(range(len(topics)), list(topics))
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for (i, j), count in np.ndenumerate(asked):
        if count:
            full = look.paper if look.name == "dark" else "#ffffff"
            colour = full if share[i, j] > 0.6 else look.ink
            axes.text(j, i, f"{seen[i, j]}/{count}", ha="center", va="center", color=colour, size=7)
    total = {c: f"{seen[:, j].sum()} of {asked[:, j].sum()}" for j, c in enumerate(matrix.COLUMNS)}
    return figure, Told(
        "A table of topics against layers of evidence with the number of planted mistakes that "
        f"each layer sees: proofs {total['proof']}, numbers {total['number']}, tests of marginal "
        f"laws {total['marginal']}.",
        f"Mistakes seen, of those asked, by topic and layer. Proofs see {total['proof']}, numbers "
        f"{total['number']}; tests that look at marginal laws alone see {total['marginal']}: a "
        "sampler whose noise and score carry the same error keeps its marginals.",
    )
