"""Broken and partial adapters give clear reports, and never a crash."""

import random
import sys

import numpy as np
import pytest
import torch

from refimpl.conformance.kit import CannotRun, judge
from refimpl.conformance.running import Runner


def ratio(log_prob, log_prob_old):
    return torch.exp(log_prob - log_prob_old)


def first_failure(adapter):
    report = judge(adapter)
    assert not report.conforms
    return report.failures[0]


def in_place(log_prob, log_prob_old):
    log_prob -= log_prob_old
    return log_prob.exp()


def reseeds(log_prob, log_prob_old):
    torch.manual_seed(0)
    return torch.exp(log_prob - log_prob_old)


def reseeds_numpy(log_prob, log_prob_old):
    np.random.seed(0)
    return torch.exp(log_prob - log_prob_old)


class Counts:
    calls = 0

    def ratio(self, log_prob, log_prob_old):
        self.calls += 1
        return torch.exp(log_prob - log_prob_old) + self.calls * 1e-3


BROKEN = {
    "raises": (lambda log_prob, log_prob_old: 1 / 0, "raised ZeroDivisionError"),
    "exits": (lambda log_prob, log_prob_old: sys.exit(3), "raised SystemExit"),
    "returns None": (lambda log_prob, log_prob_old: None, "returned None"),
    "returns a string": (lambda log_prob, log_prob_old: "1.0", "not numbers"),
    "returns a function": (lambda log_prob, log_prob_old: ratio, "not numbers"),
    "returns a ragged list": (lambda log_prob, log_prob_old: [[1.0], [1.0, 2.0]], "not numbers"),
    "returns complex numbers": (lambda log_prob, log_prob_old: log_prob + 0j, "not numbers"),
    "returns NaN": (lambda log_prob, log_prob_old: log_prob * float("nan"), "holds NaN"),
    "returns infinity": (lambda log_prob, log_prob_old: log_prob * float("inf"), "holds"),
    "another shape": (lambda log_prob, log_prob_old: log_prob[:3], "has shape (3,), wanted (8,)"),
    "an outer product": (
        lambda log_prob, log_prob_old: torch.exp(log_prob[:, None] - log_prob_old),
        "has shape (8, 8), wanted (8,)",
    ),
    "low precision": (
        lambda log_prob, log_prob_old: ratio(log_prob, log_prob_old).bfloat16(),
        "every number is exactly a bfloat16",
    ),
    "in place": (in_place, "changes its argument log_prob in place"),
    "reseeds": (reseeds, "seeds a global random generator"),
    "reseeds numpy": (reseeds_numpy, "seeds a global random generator"),
    "random": (
        lambda log_prob, log_prob_old: log_prob + torch.randn(8),
        "other numbers when it is called again",
    ),
    "a changing state": (Counts().ratio, "other numbers when it is called again"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_function_is_reported(name):
    function, says = BROKEN[name]
    failure = first_failure({"ratio": function})
    assert says in failure.cause
    assert failure.check.startswith("ratio.")


def test_what_fails_a_basic_check_is_not_asked_further():
    report = judge({"ratio": lambda log_prob, log_prob_old: None})
    assert [r.check for r in report.failures] == ["ratio.basic"]
    skipped = [r for r in report.results if r.verdict == "skipped"]
    assert "ratio.value" in {r.check for r in skipped}
    assert {r.told for r in skipped} == {"ratio.basic differs"}


def test_printing_and_warnings_are_swallowed_and_the_random_state_is_kept(capsys, recwarn):
    import warnings

    def noisy(log_prob, log_prob_old):
        print("hello")
        warnings.warn("hello", stacklevel=1)
        torch.set_default_dtype(torch.float64)
        torch.rand(3), np.random.rand(), random.random()
        return ratio(log_prob, log_prob_old)

    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    expected = torch.rand(1), np.random.rand(), random.random()
    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    assert judge({"ratio": noisy}).conforms
    assert (torch.rand(1), np.random.rand(), random.random()) == expected
    assert torch.get_default_dtype() is torch.float32
    assert capsys.readouterr().out == ""
    assert not recwarn.list


def test_what_is_missing_is_not_provided():
    report = judge({"ratio": ratio})
    verdicts = {r.check: r.verdict for r in report.results}
    assert verdicts["ratio.value"] == "agrees"
    assert verdicts["kl.value"] == "not provided"
    assert report.conforms


class Empty:
    pass


class Needs:
    def __init__(self, model):
        self.model = model


def misspelt(log_prob, log_prob_old):
    return None


CANNOT = {
    "empty": (Empty, "provides none of"),
    "empty dictionary": ({}, "provides none of"),
    "a class with arguments": (Needs, "takes no arguments"),
    "a misspelt capability": ({"ratio": ratio, "log_probs": ratio}, "did you mean 'log_prob'"),
    "only a misspelt one": ({"ration": ratio}, "did you mean 'ratio'"),
    "no function": ({"ratio": 3.0}, "must be a function"),
    "an unknown argument": (
        {"ratio": lambda log_prob, log_prob_old, *, logprob_new: 0},
        "asks for 'logprob_new'",
    ),
    "an unknown convention": (
        {"ratio": ratio, "conventions": {"log_probs": "mean"}},
        "no convention is called 'log_probs'; did you mean 'log_prob'",
    ),
    "an unknown value": (
        {"ratio": ratio, "conventions": {"log_prob": "average"}},
        "log_prob = 'average' is not a convention: 'sum', 'mean', 'none'",
    ),
    "a number for a word": ({"ratio": ratio, "conventions": {"std": 2}}, "std = 2 is not"),
    "a ddof of 2": ({"ratio": ratio, "conventions": {"advantage_ddof": 2}}, "must be 0 or 1"),
    "a clamp without number": (
        {"ratio": ratio, "conventions": {"boundary": "clamp"}}, "'clamp <number>'",
    ),
    "conventions in a list": ({"ratio": ratio, "conventions": ["mean"]}, "must be a dictionary"),
}  # fmt: skip


@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_run_is_refused_with_the_remedy(name):
    adapter, says = CANNOT[name]
    with pytest.raises(CannotRun) as refused:
        judge(adapter)
    assert says in str(refused.value)


class Methods:
    def ratio(self, log_prob, log_prob_old):
        return torch.exp(log_prob - log_prob_old)


class Static:
    @staticmethod
    def ratio(log_prob, log_prob_old):
        return torch.exp(log_prob - log_prob_old)


class Bare:
    def ratio(log_prob, log_prob_old):
        return torch.exp(log_prob - log_prob_old)


class Module(torch.nn.Module):
    def ratio(self, log_prob, log_prob_old):
        return torch.exp(log_prob - log_prob_old)


FORMS = {
    "methods": Methods, "an instance": Methods(), "static methods": Static, "no self": Bare,
    "a torch module": Module(), "a dictionary": {"ratio": ratio},
    "other names": {"ratio": lambda new, old: torch.exp(new - old)},
    "another order": {"ratio": lambda log_prob_old, log_prob: torch.exp(log_prob - log_prob_old)},
    "stars": {"ratio": lambda *args: torch.exp(args[0] - args[1])},
    "keywords": {"ratio": lambda **kw: torch.exp(kw["log_prob"] - kw["log_prob_old"])},
    "defaults": {"ratio": lambda log_prob, log_prob_old, scale=1.0: ratio(log_prob, log_prob_old)},
    "lists": {"ratio": lambda log_prob, log_prob_old: ratio(log_prob, log_prob_old).tolist()},
    "numpy out": {"ratio": lambda log_prob, log_prob_old: ratio(log_prob, log_prob_old).numpy()},
    "a column": {"ratio": lambda log_prob, log_prob_old: ratio(log_prob, log_prob_old)[:, None]},
    "a dictionary out": {"ratio": lambda log_prob, log_prob_old: {"r": ratio(log_prob, log_prob_old)}},  # noqa: E501
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_an_adapter_may_have_any_form(name):
    result = Runner(FORMS[name]).result("ratio.value")
    assert result.verdict == "agrees", result.cause


def test_numpy_and_arrays_of_other_libraries_are_taken():
    class Array:
        """What JAX's arrays offer."""

        def __init__(self, x):
            self._x = np.asarray(x)

        def __array__(self, dtype=None, copy=None):
            return self._x

    def theirs(log_prob, log_prob_old):
        return Array(np.exp(log_prob - log_prob_old))

    runner = Runner({"ratio": theirs, "conventions": {"arrays": "numpy"}})
    assert runner.result("ratio.value").verdict == "agrees"


def test_code_for_one_time_is_told_what_to_declare():
    import math

    def sde_step(x, v, t, s, noise):
        g = 0.7 * math.sqrt(t / (1 - (s if t == 1 else t)))
        mean = x - (t - s) * (v + g**2 / (2 * t) * (x + (1 - t) * v))
        return mean + g * math.sqrt(t - s) * noise

    result = Runner({"sde_step": sde_step}).result("sde_step.basic")
    assert result.verdict == "differs"
    assert "declare t = 'scalar'" in result.cause
    report = judge({"sde_step": sde_step, "conventions": {"t": "scalar"}})
    assert report.conforms, report.failures


def test_helpers_with_other_names_are_left_alone():
    class Helped(Methods):
        def step(self, x):
            return x

        def score_fn(self, x):
            return x

    assert Runner(Helped).result("ratio.value").verdict == "agrees"
