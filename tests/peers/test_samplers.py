"""The laws of whole samplers: how they are read off, and what is found in the libraries."""

import inspect
import math
from itertools import pairwise
from typing import get_args

import pytest
import torch

from refimpl.conformance.checks.register import Differs
from refimpl.conformance.kit import judge as judge_adapter
from refimpl.equations import ode, sde
from refimpl.peers import INSTALLED, OPTIONAL, known
from refimpl.peers.diffusers.samplers import NOT_ASKED, OPTIONS, churned
from refimpl.peers.facts import facts
from refimpl.peers.judging import Facts
from refimpl.peers.repair import repairs
from refimpl.peers.samplers.chain import Law, read
from refimpl.peers.samplers.sampler import Sampler, judge
from refimpl.peers.samplers.target import DATA, denoised, marginal, noise_of, velocity

V = velocity()


def levels(steps):
    return [1 - i / steps for i in range(steps + 1)]


def euler(x, steps, noises):
    """Euler's steps of the flow."""
    for t, s in pairwise(levels(steps)):
        x = ode.euler(V, x, sde.Step(t, s))
    return x


def with_noise(width):
    """Flow-GRPO's step, with noise of another width than its own."""

    def run(x, steps, noises):
        for t, s in pairwise(levels(steps)):
            step = sde.Step(t, s)
            g = sde.flow_grpo_g(t, 0.7, sde.next_level(step))
            kernel = sde.transition(_linear(t), x, V(x, t), g, step)
            x = kernel.mean + width * kernel.std * noises.like(x)
        return x

    return run


def _linear(t):
    from refimpl.equations import paths

    return paths.linear(t)


# ---------------------------------------------------------------- the target, and the chain


def test_the_field_is_the_regression_of_noise_minus_data_on_x():
    torch.manual_seed(0)
    data = DATA.mean + DATA.std * torch.randn(400_000, dtype=torch.float64)
    noise, t = torch.randn_like(data), 0.6
    x = (1 - t) * data + t * noise
    for x_at, left in ((x, noise - data - V(x, t)), (torch.ones_like(x), noise - data - V(x, t))):
        # the regression's remainder is uncorrelated with every function that is linear in x
        z = (x_at * left).mean() / ((x_at * left).std() / math.sqrt(len(data)))
        assert abs(float(z)) < 4.5, "false alarms: 7e-6"
    assert torch.allclose(x, (1 - t) * denoised(x, 1 - t, t) + t * noise_of(x, 1 - t, t))


def test_a_chain_tells_its_coefficients_and_its_law():
    def run(x, steps, noises):
        for _ in range(steps):
            x = 0.5 * x + 3.0 + 0.25 * noises.like(x)
        return x

    chain = read(run, 3)
    assert chain.scale == 0.125
    assert chain.offset == 5.25
    assert chain.noises.tolist() == [0.0625, 0.125, 0.25]
    law = chain.law(8.0, 2.0)
    assert law.mean == 6.25
    assert law.std == pytest.approx(math.sqrt(0.25**2 + 0.0625**2 + 0.125**2 + 0.25**2))
    square = read(run, 3, square=True)
    assert square.same(chain, 1e-15)


def test_samples_have_the_law_that_a_chain_tells():
    chain = read(with_noise(1.0), 10)

    class Drawn:
        def like(self, x):
            return torch.randn_like(x)

    torch.manual_seed(1)
    n = 200_000
    end = with_noise(1.0)(torch.randn(n, dtype=torch.float64), 10, Drawn())
    law = chain.law(0.0, 1.0)
    assert abs(float(end.mean()) - law.mean) < 4.5 * law.std / math.sqrt(n), "false alarms: 7e-6"
    assert abs(float(end.std()) / law.std - 1) < 4.5 / math.sqrt(2 * n), "false alarms: 7e-6"


def test_a_sampler_that_is_not_affine_or_draws_too_much_is_refused():
    with pytest.raises(Differs, match="not affine"):
        read(lambda x, steps, noises: x * x + noises.like(x), 2)
    with pytest.raises(Differs, match="NaN"):
        read(lambda x, steps, noises: x / 0, 2)
    with pytest.raises(Differs, match="more than 1 noises"):
        read(lambda x, steps, noises: noises.like(x) + noises.like(x), 2, most=1)


# ---------------------------------------------------------------- the judgement


def test_right_samplers_pass_and_wrong_ones_do_not():
    assert judge(Sampler("euler", euler)).gap == 0
    assert judge(Sampler("sde", with_noise(1.0))).gap == 0
    for width in (0.9, 1.1):
        with pytest.raises(Differs, match="does not approach"):
            judge(Sampler("sde", with_noise(width)))


def test_an_option_that_does_nothing_is_found():
    plain = Sampler("euler", euler)
    with pytest.raises(Differs, match="every number is what it is without") as found:
        judge(Sampler("euler", euler, {"s_churn": 1.0}, plain=plain))
    assert found.value.explanations[0].name == "does nothing"


def test_a_sampler_that_takes_the_batch_for_the_sample_is_found():
    def run(x, steps, noises):
        v = V(x, 1.0)
        return euler(x, steps, noises) + (v.mean(dim=0) if len(x) > 1 else 0.0)

    with pytest.raises(Differs, match="as many samples as coordinates"):
        judge(Sampler("mean over the batch", run))


def test_a_last_level_above_zero_is_found():
    def early(x, steps, noises):
        for t, s in pairwise(levels(steps)[:-1]):
            x = ode.euler(V, x, sde.Step(t, s))
        return x

    with pytest.raises(Differs, match=r"end at level 0.1, with N\(1.8") as found:
        judge(Sampler("early", early, levels=lambda n: levels(n)[:-1], exact=marginal))
    assert found.value.explanations[0].name == "stops before the data"


def test_churn_that_stays_on_the_path_reaches_the_data():
    grid = lambda steps: levels(steps)  # noqa: E731
    right = Sampler("right", churned(grid, 10.0, flow=True))
    assert judge(right).gap == 0
    wrong = Sampler("wrong", churned(grid, 10.0), readings={"as it is": churned(grid, 10.0)})
    with pytest.raises(Differs) as found:
        judge(wrong)
    assert [e.name for e in found.value.explanations] == ["as it is"]
    assert read(wrong.run, 40).law(0.0, 1.0).mean > 3


def test_gaps_are_in_standard_deviations_of_the_law_that_is_wanted():
    assert Law(2.5, 0.5).gap(DATA) == 1.0
    assert Law(2.0, 1.0).gap(DATA) == 1.0


# ---------------------------------------------------------------- one edit that makes it right


def planted(x, y):
    z = x * y
    return z + x / y


def test_the_edit_that_makes_a_claim_hold_is_found_and_the_function_is_put_back():
    def left():
        wrong = (abs(planted(x, y) - (x * y - x / y)) for x, y in ((3.0, 2.0), (0.7, -1.3)))
        return 0.0 if max(wrong) < 1e-12 else float("inf")

    before = planted.__code__
    found = repairs([planted], left)
    assert [(r.was, r.now) for r in found] == [("z + x / y", "z - x / y")]
    assert planted.__code__ is before
    assert repairs([planted], left, kept=lambda: False) == ()


# ---------------------------------------------------------------- the libraries


def test_every_option_of_every_scheduler_is_varied_or_said_not_to_be():
    diffusers = pytest.importorskip("diffusers")
    for name, options in OPTIONS.items():
        kind = getattr(diffusers, name)
        own = {
            **inspect.signature(kind.__init__).parameters,
            **inspect.signature(kind.step).parameters,
        }
        own = {n for n, p in own.items() if len(get_args(p.annotation)) != 1}  # with one value
        varied = {option for option, _ in options}
        heun = {"s_noise", "s_tmin", "s_tmax"} if "Heun" in name else set()  # see heun.limits
        assert own - {"self"} <= varied | set(NOT_ASKED) | heun, name


@pytest.mark.parametrize("name", [*INSTALLED[1:], *OPTIONAL])
def test_samplers_are_registered_as_facts(name):
    pytest.importorskip("diffusers")
    from refimpl.peers.known import register_facts

    register_facts(name)
    laws = [f for f in facts(name).values() if f.id.startswith("law.")]
    assert laws or name == "torchcfm", "torchcfm ships no sampler"
    assert all("approaches the data's" in f.statement for f in laws)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONAL)
def test_the_laws_of_optional_libraries_hold(name):
    pytest.importorskip(name)
    (own,) = [target for target in known(name) if isinstance(target, Facts)]
    assert [r.cause for r in own.results() if r.verdict == "differs"] == []


def test_sbi_conforms_but_for_the_singular_end_and_its_floor_of_noise():
    pytest.importorskip("sbi")
    adapter, own = known("sbi")
    report = judge_adapter(adapter)
    assert report.conforms, [f"{r.check}: {r.cause}" for r in report.failures]
    assert [r.check for r in report.results if r.verdict == "differs by design"] == [
        "sde_step.boundary"
    ]
    found = {r.check: r for r in own.results()}
    score = found["score.of_its_path"]
    assert score.verdict == "differs by design"
    assert [e.name for e in score.explanations] == ["1 + σ_min left out"]
    assert score.gap == pytest.approx(1e-3, rel=0.2)
