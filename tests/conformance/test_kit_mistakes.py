"""The kit finds mistakes, and calls them by their name."""

from dataclasses import replace

import pytest
import torch
import wild
from torch.distributions import Normal

from refimpl.conformance import mistakes
from refimpl.conformance.checks import checks
from refimpl.conformance.running import Runner
from refimpl.equations import registry
from refimpl.peers import own as reference

APPLICABLE = set()


def _note(id):
    APPLICABLE.add(id)
    return registry.find(id).function


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def answered():
    """The kit keeps the right answers that it has computed: let it, before anything is planted."""
    runner = Runner(reference.Refimpl)
    assert "differs" not in {runner.result(id).verdict for e in USED for id in designated(e)}


def designated(equation_id):
    """The checks that speak for an equation, each after the basic one of its capability."""
    asked = [c for c in checks().values() if equation_id in c.covers]
    return [id for c in asked for id in (f"{c.needs[0]}.basic", c.id)]


COVERED = {id for c in checks().values() for id in c.covers}
USED = {
    "paths.linear", "paths.interpolate", "paths.velocity", "conventions.network_time", "ode.euler",
    "ode.heun", "sde.flow_grpo_g", "sde.transition", "gaussian.sample", "gaussian.log_prob",
    "policy.total", "policy.ratio", "kl.of_means", "grpo.advantage", "grpo.surrogate",
    "grpo.objective", "guidance.classifier_free",
    *(id for id in COVERED if id.startswith("conversions.")),
}  # fmt: skip


def test_the_list_of_equations_is_what_the_reference_adapter_uses(monkeypatch):
    monkeypatch.setattr(reference, "_f", _note)
    runner = Runner(reference.Refimpl)
    for check in checks().values():
        if check.id.endswith((".value", ".basic")):
            runner.result(check.id)
    assert APPLICABLE == USED


@pytest.mark.parametrize(
    "mistake", [m for m in mistakes() if m.equation in USED], ids=lambda m: m.title
)
def test_a_mistake_planted_in_the_reference_is_found_and_named(mistake, answered, monkeypatch):
    right = registry.find(mistake.equation)
    monkeypatch.setitem(
        registry._REGISTER, mistake.equation, replace(right, function=mistake.wrong)
    )
    runner = Runner(reference.Refimpl)
    asked = (runner.result(id) for id in designated(mistake.equation))
    found = next(r for r in asked if r.verdict == "differs")
    assert mistake.name in {e.name for e in found.explanations}, found.cause
    assert mistake.name in found.cause
    assert "Remedy:" in found.cause


@pytest.mark.parametrize("name", wild.WILD)
def test_a_mistake_seen_in_the_wild_is_found_and_named(name):
    _, _, _, check, says = wild.WILD[name]
    result = Runner(wild.adapter(name)).result(check)
    assert result.verdict == "differs", result
    assert says in result.cause


class Parts:
    """Each function right by itself, with the std that it expects."""

    conventions = {"std": "g", "kl": "eq3", "dtype": "float64"}  # noqa: RUF012

    def sde_step(self, x, v, t, s, noise):
        mean, g, h = wild.stepped(x, v, t, s)
        return mean + g * h.sqrt() * noise, mean, g

    def kl(self, mean, mean_ref, std, h):
        return wild.summed((mean - mean_ref) ** 2 / (2 * std**2 * wild.col(h, mean)))

    def log_prob(self, x_s, mean, std, h):
        return wild.summed(Normal(mean, std * wild.col(h, mean).sqrt()).log_prob(x_s))


def test_parts_of_one_convention_compose():
    runner = Runner(Parts)
    for id in ("kl.value", "kl.of_own_step", "log_prob.of_own_step"):
        assert runner.result(id).verdict == "agrees", runner.result(id).cause


def test_a_composition_that_is_off_by_h_is_found_though_each_part_is_right():
    class Apart(Parts):
        conventions = {"dtype": "float64"}  # noqa: RUF012

        def kl(self, mean, mean_ref, std):
            return wild.summed((mean - mean_ref) ** 2 / (2 * std**2))

    runner = Runner(Apart)
    assert runner.result("kl.value").verdict == "agrees"
    result = runner.result("kl.of_own_step")
    assert result.verdict == "differs"
    assert "one name for g and for std" in result.cause


def test_two_explanations_of_the_same_numbers_are_both_given():
    result = Runner(wild.adapter("mean for sum")).result("log_prob.value")
    assert {"mean for sum", "log_prob = 'mean'"} <= {e.name for e in result.explanations}


def test_an_unknown_error_is_not_explained_away():
    def ratio(log_prob, log_prob_old):
        return torch.exp(log_prob - log_prob_old) + 0.5 * torch.sin(log_prob)

    result = Runner({"ratio": ratio}).result("ratio.value")
    assert result.verdict == "differs"
    assert result.explanations == ()


def test_the_size_of_rounded_latents_is_told():
    result = Runner(wild.adapter("rounded after scoring")).result("sde_step.stored")
    assert "shifts the log-probability by" in result.told
    assert 1e-4 < result.gap < 1
