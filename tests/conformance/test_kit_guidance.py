"""CFG-Zero*: declared it conforms, undeclared it is named, and with a mistake it is not it."""

import pytest

from refimpl.conformance.kit import judge


class Star:
    """Guidance with the unconditional branch rescaled by its least-squares projection."""

    wrong = False

    def guidance(self, v_uncond, v_cond, w):
        c, u = v_cond.flatten(1), v_uncond.flatten(1)
        below = 1e-8 + ((c * c).sum(1) if self.wrong else (u * u).sum(1))
        s = ((c * u).sum(1) / below).view(-1, *[1] * (v_cond.ndim - 1))
        return (1 - w) * s * v_uncond + w * v_cond


def of(subject, check="guidance.value"):
    (result,) = [r for r in judge(subject).results if r.check == check]
    return result


def declared(grid="zero-star", wrong=False):
    return type("Mine", (Star,), {"conventions": {"guidance": grid}, "wrong": wrong})


def test_cfg_zero_star_conforms_when_it_is_declared():
    assert of(declared()).verdict == "agrees"


def test_it_is_named_when_it_is_not():
    result = of(declared("w"))
    assert result.verdict == "differs"
    assert "guidance = 'zero-star'" in result.cause


@pytest.mark.parametrize("name", ["projected on the wrong one"])
def test_another_projection_is_not_it(name):
    assert of(declared(wrong=True)).verdict == "differs", name


def test_plain_guidance_declared_as_cfg_zero_star_is_told_apart():
    plain = type(
        "Plain", (), {
            "conventions": {"guidance": "zero-star"},
            "guidance": lambda self, v_uncond, v_cond, w: v_uncond + w * (v_cond - v_uncond),
        },
    )  # fmt: skip
    result = of(plain)
    assert result.verdict == "differs"
    assert "guidance = 'w'" in result.cause or "projection forgotten" in result.cause
