"""The interactive pictures of the lectures compute what the package does, and are on the pages."""

import re
import shutil
import sys
from math import log
from pathlib import Path
from statistics import NormalDist
from types import ModuleType

import pytest
import torch

from refimpl.equations import kl, ode, weights
from refimpl.simulate import grids
from refimpl.simulate.ode import solve
from refimpl.toy import field
from refimpl.toy.examples import mixture

from .scripts import INTERACTIVE, ROOT, held, node

DOCS = ROOT / "docs"
DATA = mixture([0.35, 0.65], [[-1.6], [1.2]], [[0.25], [0.4]])

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")


def script(name: str) -> Path:
    return INTERACTIVE / f"{name}.js"


@pytest.fixture(scope="module")
def worked() -> ModuleType:
    sys.path.insert(0, str(DOCS / "tools"))
    try:
        import worked
    finally:
        sys.path.remove(str(DOCS / "tools"))
    return worked


@needs_node
@pytest.mark.parametrize(
    ("id", "name", "call", "order"),
    [
        ("guidance.gaussian_std", "guidance", "m.gaussianStd(...r)", "std_uncond std_cond w"),
        ("guidance.tilted_std", "guidance", "m.tiltedStd(...r)", "std_uncond std_cond w"),
        ("kl.flow_grpo", "kl", "m.stepKL(r[0] - r[1], r[2], r[3], r[4])", "v v_ref g t h"),
        ("grpo.surrogate", "clip", "m.surrogate(...r)", "ratio advantage clip"),
    ],
)
def test_a_closed_form_gives_the_test_vectors(id: str, name: str, call: str, order: str) -> None:
    """To 1e-12: inputs are exact, and a form has up to ten operations, one of them a difference."""
    assert held(id, script(name), call, order.split(), rtol=1e-12) > 10


@needs_node
@pytest.mark.parametrize(("T", "a"), [(10, 0.7), (7, 1.2)])
def test_the_weight_of_each_step_is_that_of_the_paper_s_kl(
    T: int, a: float, worked: ModuleType
) -> None:
    got = node("m.steps(...given)", [T, a, 3], script("kl"))
    trained = grids.sd35_once_shifted(T).steps[:-1]
    assert len(got) == len(trained) == T - 1
    for mine, step in zip(got, trained, strict=True):
        g = worked.g(step.t, a, step.s)
        moved = weights.lever(g, step.t, step.h)
        assert mine["kl"] == pytest.approx(float(kl.of_means(moved, 0.0, g * step.h**0.5)))
        assert mine["without"] == pytest.approx(float(kl.without_h(moved, 0.0, g)))


@needs_node
@pytest.mark.parametrize("d", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("clip", [1e-3, 0.2, 0.5])
def test_the_share_that_is_clipped_is_that_of_a_lognormal_ratio(d: float, clip: float) -> None:
    """log r is N(−d²/2, d²) under the old policy, so that the mean of r is one."""
    got = node("['sum', 'mean'].map(k => m.outside(...given, k))", [d, clip], script("clip"))
    D = node("m.D", None, script("clip"))
    for told, n in zip(got, (1, D), strict=True):
        law = NormalDist(-(d**2) / 2 / n, d / n)
        assert told["above"] == pytest.approx(1 - law.cdf(log(1 + clip)), abs=1e-12)
        assert told["below"] == pytest.approx(law.cdf(log(1 - clip)), abs=1e-12)


@needs_node
@pytest.mark.parametrize("rule", ["next_level", "clamp"])
@pytest.mark.parametrize(("T", "a", "width"), [(10, 0.7, 0.5), (33, 1.3, 0.1), (5, 0.0, 1.2)])
def test_the_chain_s_end_is_its_exact_law(
    T: int, a: float, width: float, rule: str, worked: ModuleType
) -> None:
    got = node("m.end(m.chain(...given))", [T, a, width, rule], script("chain"))
    law = worked.law(1.5, width, T, a, remedy="next" if rule == "next_level" else "clamp")
    assert got["std"] == pytest.approx(float(law.std[-1]), rel=1e-12)
    assert got["memory"] == pytest.approx(float(law.correlation_with_start[-1]), rel=1e-9)


@needs_node
def test_a_wrong_sign_in_the_chain_is_noticed(tmp_path: Path, worked: ModuleType) -> None:
    source = script("chain").read_text("utf-8")
    assert "h * (k + (g ** 2" in source
    (tmp_path / "stage.js").write_text(script("stage").read_text("utf-8"), "utf-8")
    wrong = tmp_path / "chain.js"
    wrong.write_text(source.replace("h * (k + (g ** 2", "h * (k - (g ** 2"), "utf-8")
    got = node("m.end(m.chain(10, 0.7, 0.5, 'next_level'))", None, wrong)
    assert got["std"] != pytest.approx(worked.end_std(10, 0.7), rel=0.1)


@needs_node
def test_a_trajectory_is_heun_s_and_none_cross() -> None:
    starts = [-1.5, -0.3, 0.4, 1.7]
    got = node("given.map(x => m.trajectory(x).at(-1)[1])", starts, script("crossing"))
    grid = grids.uniform(120, start=1.0, end=0.002)
    x = torch.tensor(starts, dtype=torch.float64)[:, None]
    right = solve(ode.heun, field(DATA), x, grid)[:, 0]
    assert got == pytest.approx(right.tolist(), rel=1e-9)
    assert got == sorted(got)


@needs_node
def test_crossings_are_counted_and_pairs_in_order_have_none() -> None:
    count = "m.crossings(given)"
    assert node(count, [[0, 0], [1, -1], [2, 5]], script("crossing")) == 1
    both = node(
        "['random', 'matched'].map(k => m.crossings(m.pairs(30, k, 4)))", None, script("crossing")
    )
    assert both[0] > 100
    assert both[1] == 0


@needs_node
def test_ticks_are_round_and_lie_inside() -> None:
    got = node(
        "[m.ticks(0.501, 1.499), m.ticks(-2.9, 2.9), m.decades(0.5, 200)]", None, script("stage")
    )
    assert got[0] == pytest.approx([0.6, 0.8, 1.0, 1.2, 1.4])
    assert got[1] == pytest.approx([-2, 0, 2])
    assert got[2] == [1, 10, 100]


PAGES = [page for page in DOCS.rglob("*.md") if "data-interactive" in page.read_text("utf-8")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(DOCS).as_posix())
def test_a_page_has_the_scripts_that_its_pictures_need(page: Path) -> None:
    text = page.read_text("utf-8")
    loaded = re.findall(r'<script src="([^"]+)" defer>', text)
    assert all((page.parent / address).is_file() for address in loaded)
    names = [Path(address).stem for address in loaded]
    assert len(names) == len(set(names))
    for picture in re.findall(r'data-interactive="(\w+)"', text):
        needs = {picture}
        if picture not in ("marginals", "refute"):
            needs.add("stage")
        source = script(picture).read_text("utf-8")
        needs |= set(re.findall(r'require\("\./(\w+)\.js"\)', source))
        assert needs <= set(names), picture
        assert max(map(names.index, needs)) == names.index(picture), "what it needs comes first"


def test_both_languages_have_the_same_pictures() -> None:
    def pictures(page: Path) -> list[str]:
        return re.findall(r'data-interactive="(\w+)"', page.read_text("utf-8"))

    chinese = [page for page in PAGES if "zh" in page.parts]
    assert len(chinese) * 2 == len(PAGES)
    for page in chinese:
        assert pictures(page) == pictures(DOCS / page.relative_to(DOCS / "zh"))
