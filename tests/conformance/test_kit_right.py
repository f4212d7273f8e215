"""Right implementations pass, in every convention, shape and precision."""

from itertools import pairwise

import numpy as np
import pytest
import strangers
import torch

from refimpl.conformance.adapter.capabilities import CAPABILITIES
from refimpl.conformance.adapter.conventions import KEYS, Conventions
from refimpl.conformance.adapter.subject import Subject
from refimpl.conformance.checks import checks
from refimpl.conformance.checks.table import OFFERS
from refimpl.conformance.formulas.operations import ROUNDINGS, size
from refimpl.conformance.formulas.values import Formulas
from refimpl.conformance.kit import judge
from refimpl.peers.own import Refimpl

DRAWS = 1000


def shown(report):
    return "\n".join(f"{r.check}: {r.cause}" for r in report.failures)


def test_the_reference_passes_everything_and_leaves_little_out():
    report = judge(Refimpl)
    assert report.conforms, shown(report)
    left_out = {r.check for r in report.results if r.verdict != "agrees"}
    assert left_out == {"advantages.order", "sde_step.noise"}


@pytest.mark.parametrize("seed", [*range(6), 152, 313, 366])  # the last in float16, by others' std
def test_a_right_implementation_in_random_conventions_passes(seed):
    report = judge(strangers.right(seed))
    assert report.conforms, shown(report)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, DRAWS, 50))
def test_no_false_alarm_in_a_thousand_draws(start):
    torch.set_num_threads(1)
    for seed in range(start, start + 50):
        chosen = strangers.right(seed)
        report = judge(chosen)
        assert report.conforms, f"{seed} {chosen.conventions}\n{shown(report)}"


def test_the_draws_reach_every_value_of_every_convention():
    reached = {(k, v) for seed in range(400) for k, v in strangers.right(seed).conventions.items()}
    for key, known in KEYS.items():
        if key in strangers.CHOICES:
            absent = {w for w in known.words if (key, w) not in reached}
            assert absent <= {
                "jax",
                "any",
                "refuse",
                "finite",
                "none",
                "frozen data",
                "frozen data, constant",
                "int(1000 t)",
            }, key


class Frozen:
    """The SDE of one g with the predicted data held: the noise is an Ornstein–Uhlenbeck process."""

    conventions = {"g": "frozen data, constant", "a": 0.3}  # noqa: RUF012

    def __init__(self, exponent=2.0):
        self.exponent = exponent

    def sde_step(self, x, v, t, s, noise):
        t, s = (y.reshape(-1, *[1] * (x.ndim - 1)) for y in (t, s))
        held = torch.exp(-(0.3**self.exponent) / 2 * (1 / s - 1 / t))  # 0 at s = 0
        mean = (1 - s) * (x - t * v) + s * held * (x + (1 - t) * v)
        std = s * torch.sqrt(1 - held**2)
        return {"x_s": mean + std * noise, "mean": mean, "std": std}


def test_the_exact_step_of_a_constant_g_can_be_declared():
    assert judge(Frozen()).conforms
    wrong = judge(Frozen(exponent=1.0))
    assert "sde_step.value" in {r.check for r in wrong.results if r.verdict == "differs"}


def test_a_sampler_that_draws_its_own_noise_passes_by_its_law():
    class Own:
        conventions = {"dtype": "float32"}  # noqa: RUF012

        def sde_step(self, x, v, t, s, generator):
            t, s = (u.view(-1, *[1] * (x.ndim - 1)) for u in (t, s))
            g = 0.7 * torch.sqrt(t / (1 - torch.where(t == 1, s, t)))
            mean = x - (t - s) * (v + g**2 / (2 * t) * (x + (1 - t) * v))
            noise = torch.randn(x.shape, generator=generator)
            return mean + g * torch.sqrt(t - s) * noise

        def sde_sampler(self, field, x, levels):
            for t, s in pairwise(levels):
                x = self.sde_step(x, field(x, t), t[None], s[None], None)
            return x

    report = judge(Own)
    verdicts = {r.check: r.verdict for r in report.results}
    assert report.conforms, shown(report)
    assert verdicts["sde_step.noise"] == verdicts["sde_sampler.law"] == "agrees"


@pytest.mark.parametrize(
    ("t", "sign"), [("noise at 1", 1), ("data at 1", -1), ("data at 1000", -1)]
)
def test_the_velocity_has_the_sign_of_the_clock_unless_declared(t, sign):
    c = Conventions({"time": t})
    assert c.velocity(1.0) == sign
    assert c.level(c.clock(0.25)) == 0.25
    assert Conventions({"time": t, "velocity": "noise - data"}).velocity(1.0) == 1


@pytest.mark.parametrize(
    ("key", "value"), [("boundary", "clamp 0.9999999"), ("grid", "shift 3.158192909689768")]
)
def test_a_declared_number_keeps_all_its_digits(key, value):
    assert Conventions({key: value})[key] == value
    word, _, number = value.partition(" ")
    assert Conventions({key: f"{word}({number})"})[key] == value


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_no_tolerance_hides_one_per_cent_in_float32(capability):
    checks()  # fills the table
    subject, (op, cases) = Subject(Refimpl), vars(OFFERS[capability]).values()
    for case in cases(subject):
        values = op.evaluate(Formulas(), case.inputs, subject.conventions)
        sizes = size(op, case.inputs, subject.conventions)
        for part, x in values.items():
            if (x != 0).any():  # an advantage of 0 has a surrogate of 0
                seen = ROUNDINGS * 2.0**-24 * np.max(sizes[part]) / np.max(np.abs(x))
                assert seen <= 0.01, (part, case.label)
