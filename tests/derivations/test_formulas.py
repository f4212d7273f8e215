"""Formulas from the source: printed as their author wrote them, and read back they are the code."""

import pytest

from derivations.engine.formula import Argument, formula
from derivations.engine.read_back import problems
from derivations.engine.written import PAGE, width
from derivations.engine.written.reading import NotWritten
from derivations.engine.written.tex import read_tex
from refimpl.equations import equations


@pytest.mark.parametrize("id", equations())
def test_a_printed_formula_read_back_is_the_function(id):
    assert problems(id) == []


@pytest.mark.parametrize("id", equations())
def test_a_formula_fits_on_the_page(id):
    printed = formula(id)
    lines = [f"{line.left} {line.relation} {line.tex}" for line in printed.lines]
    lines += [f"{local.left} = {local.tex}" for local in printed.where]
    assert [line for line in lines if width(line) > PAGE] == []


RIGHT = {
    "grpo.bounded": r"\min\left(\max\left(A,\ -A_{\max}\right),\ A_{\max}\right)",
    "dynamics.picard_bound": r"\frac{\Delta_{n-1} L t}{n}",
    "kl.k2": r"\frac{(\log r)^{2}}{2}",
    "likelihood.change_of_variables": r"\log p_0(x) - \frac{\log\left((\det J)^{2}\right)}{2}",
    "langevin.step": r"\mathcal N\left(x + \epsilon \nabla\log p_t,\ 2 \epsilon\right)",
    "objectives.implicit": r"\partial_x s_\theta + \frac{s_\theta^{2}}{2}",
    "objectives.denoising": r"\left(s_\theta + \frac{\mathrm{noise}}{\sigma_t}\right)^{2}",
    "objectives.weighted_denoising": r"(\sigma_t s_\theta + \mathrm{noise})^{2}",
    "conventions.flip_velocity": "-v",
    "weights.tempflow": r"\frac{\mathrm{std}_{k} T}{\sum_{k} \mathrm{std}_{k}}",
    "ode.euler": "x - (t - s) v_t",
    "ode.heun": r"x - \frac{(t - s) (k_1 + k_2)}{2}",
    "ode.rk4": r"x - \frac{h (k_1 + 2 k_2 + 2 k_3 + k_4)}{6}",
    "sde.flow_grpo_drift": r"v + \frac{g^{2}}{2t} (x + (1 - t) v)",
    "sde.flow_grpo_g": r"a \sqrt{\frac{t}{1 - t_{\mathrm{in}}}}",
}
"""What stands on the page, for functions whose print was once wrong or misread."""


@pytest.mark.parametrize("id", RIGHT)
def test_formulas_that_were_printed_wrongly_are_printed_in_their_author_s_order(id):
    said = formula(id).lines[0].tex
    assert _bare(said) == _bare(RIGHT[id])


def _bare(tex):
    return tex.replace(r"\left", "").replace(r"\right", "").replace(" ", "")


def test_the_advantage_is_printed_with_the_mean_and_the_deviation_over_the_group():
    printed = formula("grpo.advantage")
    by_choice = {line.choice: line.tex for line in printed.lines}
    assert set(by_choice) == {"group", "batch", "none"}
    assert r"R_{i} - \operatorname{mean}_{i} R_{i}" in by_choice["group"]
    assert {local.left for local in printed.where} == {
        r"\operatorname{var}_i R",
        r"\operatorname{var}_{b,i} R",
    }
    assert "R_{1} = " in by_choice["none"]


WRONG = [
    ("grpo.bounded", r"\min\left(A,\ A_{\max}\right)"),  # the lower clip is lost
    ("grpo.bounded", r"\max\left(\min\left(A,\ -A_{\max}\right),\ A_{\max}\right)"),
    ("dynamics.picard_bound", r"\Delta_{n-1} L t"),  # its 1/n is lost
    ("kl.k2", r"\frac{\log r^{2}}{2}"),  # no letter of the formula: log(r²)/2
    ("kl.k2", r"\frac{\log(r^{2})}{2}"),
    ("kl.k2", r"(\log r)^{2}"),
    ("likelihood.change_of_variables", r"\log p_0(x) - \log(\det J)"),  # complex for a negative one
    ("langevin.step", r"\mathcal N\left(x + \varepsilon \nabla\log p_t,\ 2 \varepsilon\right)"),
    ("langevin.step", r"\mathcal N\left(x + \epsilon \nabla\log p_t,\ \sqrt{2 \epsilon}\right)"),
    ("objectives.implicit", r"\partial_x s_\theta + \frac{(\nabla\log p_t)^{2}}{2}"),
    ("objectives.denoising", r"\left(\nabla\log p_t + \frac{\mathrm{noise}}{\sigma_t}\right)^{2}"),
    ("conventions.flip_velocity", "v"),
    ("weights.tempflow", r"\frac{\mathrm{std}_{k}}{\sum_{k} \mathrm{std}_{k}}"),
    ("sde.drift", r"v - g^{2} \nabla\log p_t"),
    ("sde.drift", r"v - \frac{g^{2}}{2} s_\theta"),
    ("sde.drift", r"v - \frac{g^{2}}{2} \nabla\log p_t + 0 x"),  # a letter that is no argument
    ("sde.flow_grpo_g", r"a \frac{\sqrt{t}}{1 - t_{\mathrm{in}}}"),
    ("grpo.surrogate", r"r A"),  # an argument that is not printed
    ("policy.average", r"\sum_{i} \ell_{i}"),
    ("weights.divergence_mask", r"\begin{cases} 0 & \text{if } D > D_{\max} \\ 1 & \text{else} "
     r"\end{cases}"),
]  # fmt: skip


@pytest.mark.parametrize(("id", "tex"), WRONG)
def test_a_wrong_print_is_refused(id, tex):
    assert problems(id, tex)


def test_a_print_is_read_as_a_reader_would():
    letters = {r"\log r": Argument("log_ratio", r"\log r")}
    assert read_tex(r"(\log r)^{2}", letters).tex == r"(\log r)^{2}"
    with pytest.raises(NotWritten, match="brackets are missing"):
        read_tex(r"\log r^{2}", letters)
    with pytest.raises(NotWritten, match="no letter"):
        read_tex("x + 1", {})
    with pytest.raises(NotWritten, match="left over"):
        read_tex("1)", {})
