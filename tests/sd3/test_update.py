"""Rollouts and updates without a network: a policy whose velocity is a number times the latent."""

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from refimpl import methods
from refimpl.equations import kl
from refimpl.equations.sde import Step
from refimpl.methods import Method, Plan
from refimpl.sd3.loop import rollout, update
from refimpl.sd3.loop.rollout import Shared, Trajectory
from refimpl.sd3.loop.update import Experience
from refimpl.simulate import grids

GRID = grids.from_levels((1.0, 0.75, 0.5, 0.3, 0.1))
SHAPE = (2, 3, 2)


class Words:
    """A number a row, in the place of what a text encoder says."""

    def __init__(self, numbers: Tensor) -> None:
        self.numbers = numbers

    def rows(self, index: Tensor) -> "Words":
        return Words(self.numbers[index])


class Linear:
    """v = w x (1 + t) + words; the reference has w = 0.2; half of guidance is 7 times the words."""

    def __init__(self, w: float = 0.5) -> None:
        self.w = torch.tensor(w, dtype=torch.float64, requires_grad=True)
        self.rows: list[int] = []
        self.halves: list[bool] = []

    def _at(self, w: Any, x: Tensor, t: Tensor, text: Words) -> Tensor:
        t, words = (one.double().reshape(-1, 1, 1, 1) for one in (t, text.numbers))
        return w * x * (1 + t) + words

    def velocity(
        self,
        x: Tensor,
        t: Tensor,
        text: Words,
        *,
        kept: list[Tensor] | None = None,
        unconditional: Tensor | None = None,
    ) -> Tensor:
        self.rows.append(len(x))
        self.halves.append(unconditional is not None)
        if kept is not None:
            kept.append(7 * text.numbers.reshape(-1, 1, 1, 1).expand_as(x))
        if unconditional is not None:
            torch.testing.assert_close(
                unconditional, 7 * text.numbers.reshape(-1, 1, 1, 1).expand_as(x)
            )
        return self._at(self.w, x, t, text)

    def reference(self, x: Tensor, t: Tensor, text: Words) -> Tensor:
        return self._at(0.2, x, t, text).detach()


def draws(n: int, count: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randn(count, n, *SHAPE, generator=generator, dtype=torch.float64))


WORDS = Words(torch.tensor([0.1, -0.3], dtype=torch.float64))


def rolled(method: Method, n: int = 6, **changes: Any) -> tuple[Trajectory, list[Tensor], Plan]:
    plan = methods.plan(method, GRID)
    drawn = draws(n, 1 + sum(plan.noisy))
    text: Any = WORDS.rows(torch.arange(n) % 2)
    policy: Any = Linear()
    found = rollout.sample(
        policy, text, iter(drawn), grid=GRID, method=method, plan=plan, **changes
    )
    return found, drawn, plan


def by_hand(method: Method, plan: Plan, drawn: Sequence[Tensor], n: int = 6) -> list[list[Tensor]]:
    """States and velocities at every step, by the kernel itself."""
    left, states, velocities = iter(drawn), [], []
    states.append(next(left))
    for step, noisy in zip(GRID.steps, plan.noisy, strict=True):
        level = torch.full((n,), float(step.t))
        v = Linear().velocity(states[-1], level, WORDS.rows(torch.arange(n) % 2)).detach()
        law = methods.kernel(method, states[-1], v, step, noisy=noisy)
        states.append(law.sample(next(left)) if noisy else law.mean)
        velocities.append(v)
    return [states, velocities]


WINDOWS = {
    "all but the last": {},
    "all": {"skip_last": False},
    "the first": {"window": "first", "size": 2},
    "some": {"window": "fixed", "start": 1, "size": 2},
}


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("kernel", ["flow_grpo", "cps"])
def test_a_rollout_is_the_chain_and_keeps_what_is_trained(window: str, kernel: str) -> None:
    method = Method(kernel=kernel, noise=0.6, **WINDOWS[window])
    found, drawn, plan = rolled(method, keep=True)
    states, velocities = by_hand(method, plan, drawn)
    first, last = plan.trained[0], plan.trained[-1]
    torch.testing.assert_close(found.ends, states[-1])
    for kept, wanted in (
        (found.states, states[first : last + 2]), (found.velocities, velocities[first : last + 1])
    ):  # fmt: skip
        assert len(kept) == len(wanted)
        for one, other in zip(kept, wanted, strict=True):
            torch.testing.assert_close(one, other)
    assert found.levels == GRID.levels[first : last + 2]
    assert found.laws == methods.affine(method, GRID)[first : last + 1]
    assert len(found.unconditional) == len(plan.trained)
    assert rolled(method)[0].unconditional == ()


def test_an_evaluation_keeps_its_ends_alone() -> None:
    plan, (start,) = rollout.without_noise(GRID), draws(6, 1)
    text: Any = WORDS.rows(torch.arange(6) % 2)
    policy: Any = Linear()
    found = rollout.sample(
        policy, text, iter([start]), grid=GRID, method=Method(), plan=plan, keep=True
    )
    torch.testing.assert_close(found.ends, by_hand(Method(), plan, [start])[0][-1])
    assert (found.states, found.velocities, found.levels, found.laws) == ((), (), (), ())
    assert found.unconditional == ()


def test_a_start_in_common_is_sampled_once_until_the_first_noisy_step() -> None:
    method = Method(window="fixed", start=1, size=2)
    plan = methods.plan(method, GRID)
    (starts,), own = draws(2, 1, seed=3), draws(6, 2, seed=4)
    place = torch.tensor([0, 0, 1, 1, 0, 1])
    policy: Any = Linear()
    text: Any = WORDS.rows(place)
    shared = Shared(WORDS, place)  # type: ignore[arg-type]
    found = rollout.sample(
        policy, text, iter([starts, *own]), grid=GRID, method=method, plan=plan, shared=shared
    )
    assert policy.rows == [2, 2, 6, 6]
    assert found.start is place
    alone = rollout.sample(
        policy, text, iter([starts[place], *own]), grid=GRID, method=method, plan=plan
    )
    torch.testing.assert_close(found.ends, alone.ends)
    quiet = rollout.without_noise(GRID)
    ends = rollout.sample(
        policy, text, iter([starts]), grid=GRID, method=method, plan=quiet, shared=shared
    ).ends
    torch.testing.assert_close(
        ends,
        rollout.sample(
            policy, text, iter([starts[place]]), grid=GRID, method=method, plan=quiet
        ).ends,
    )


def test_trained_steps_with_a_gap_are_refused() -> None:
    plan = Plan((True,) * 4, (0, 2), (1.0, 1.0))
    policy: Any = Linear()
    text: Any = WORDS
    with pytest.raises(ValueError, match=r"^trained steps must follow one another, got \(0, 2\)$"):
        rollout.sample(policy, text, iter(draws(2, 5)), grid=GRID, method=Method(), plan=plan)


def test_noise_that_ends_too_early_is_told() -> None:
    policy: Any = Linear()
    text: Any = WORDS
    plan = methods.plan(Method(), GRID)
    told = r"^noise ended before the steps did: it needs the start and one a noisy step$"
    with pytest.raises(ValueError, match=told):
        rollout.sample(policy, text, iter(draws(2, 3)), grid=GRID, method=Method(), plan=plan)


def test_rollouts_are_joined_one_after_another() -> None:
    whole, *_ = rolled(Method(), keep=True)
    assert Trajectory.joined([whole]) is whole
    twice = Trajectory.joined([whole, whole])
    assert torch.equal(twice.ends, torch.cat([whole.ends, whole.ends]))
    for name in ("states", "velocities", "unconditional"):
        both = getattr(twice, name)
        assert len(both) == len(getattr(whole, name)) > 0
        for two, one in zip(both, getattr(whole, name), strict=True):
            assert torch.equal(two, torch.cat([one, one]))
    assert (twice.levels, twice.laws) == (whole.levels, whole.laws)


def test_a_law_is_the_kernels_own_in_float64() -> None:
    x, v = (one.float() for one in draws(2, 2))
    t, s = torch.tensor([0.75, 0.5]), torch.tensor([0.5, 0.25])
    for noisy in (True, False):
        found = rollout.law(Method(noise=0.6), x, v, t, s, noisy=noisy)
        for i in range(2):
            step = Step(float(t[i]), float(s[i]))
            one = methods.kernel(Method(noise=0.6), x[i].double(), v[i].double(), step, noisy=noisy)
            torch.testing.assert_close(found.mean[i], one.mean, rtol=0, atol=1e-14)
    assert found.mean.dtype == torch.float64
    assert rollout.law(Method(), x, v, t, s).std.min() > 0


METHODS = {
    "plain": Method(limit=0.05),
    "steps": Method(kl="steps", beta=0.3),
    "without_h": Method(kl="without_h", beta=0.3, reduction="average"),
    "velocity": Method(kl="velocity", beta=0.3),
    "k3": Method(kl="k3", beta=0.3),
    "guard": Method(reduction="average", ratio="guard", weight="guard"),
    "divergence": Method(trust="divergence", limit=1e-3, weight="tempflow"),
}


def experience(method: Method, *, keep: bool = False, n: int = 6) -> Experience:
    held, _, plan = rolled(method, n, keep=keep)
    text: Any = WORDS
    advantages = torch.linspace(-1, 1.5, n, dtype=torch.float64)
    return Experience(held, text, torch.arange(n) % 2, advantages, plan.weights)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("rows", [4, 6, 18])
def test_a_moved_policy_is_scored_by_the_methods_own_terms(
    name: str, rows: int, keep: bool
) -> None:
    method, policy = METHODS[name], Linear(0.52)
    held = experience(method, keep=keep)
    judge: Any = policy
    parts = [update.score(judge, method, held, each)
             for each in update.batches(range(6), range(3), rows)]  # fmt: skip
    assert policy.halves == [keep] * (18 // rows + (18 % rows > 0))
    found, path = update.joined(parts), held.trajectory
    assert held.steps == 3
    assert [(int(i), int(k)) for i, k in zip(found.sample, found.step, strict=True)] == [
        (i, k) for k in range(3) for i in range(6)
    ]
    for row, (i, k) in enumerate(zip(found.sample.tolist(), found.step.tolist(), strict=True)):
        x, x_s, v_old = (
            one[i : i + 1] for one in (path.states[k], path.states[k + 1], path.velocities[k])
        )
        step, text = Step(path.levels[k], path.levels[k + 1]), WORDS.rows(held.prompt[i : i + 1])
        level = torch.tensor([path.levels[k]])
        v, v_ref = policy.velocity(x, level, text), policy.reference(x, level, text)
        new, old, ref = (methods.kernel(method, x, one, step) for one in (v, v_old, v_ref))
        wanted = methods.terms(
            method, new, old, x_s, held.advantages[i : i + 1], weight=held.weights[k],
            reference=ref, velocities=(v, v_ref), step=step,
        )  # fmt: skip
        near: Any = {"rtol": 1e-6, "atol": 1e-9}  # levels pass through float32
        torch.testing.assert_close(found.objective[row], wanted.objective[0], **near)
        torch.testing.assert_close(found.ratio[row], wanted.ratio[0], **near)
        torch.testing.assert_close(
            found.kl[row], wanted.kl[0] if method.beta else 0 * wanted.kl[0], **near
        )
        assert bool(found.stopped[row]) == bool(wanted.stopped[0])
        apart = methods.loss.reduced(method, kl.of_means(new.mean, old.mean, new.std))
        torch.testing.assert_close(found.moved[row], apart[0], **near)
    assert (found.ratio - 1).abs().max() > 1e-3
    assert not any(one.requires_grad for one in (found.ratio, found.kl, found.moved))


def slope(
    method: Method, held: Experience, samples: Sequence[int], **changes: Any
) -> tuple[Tensor, list[tuple[int, int]], list[update.Scored], Linear]:
    """dJ/dw as `gradient` accumulates it, and what it told."""
    policy, told = Linear(0.52), []

    def backward(share: Tensor, number: int, count: int) -> None:
        told.append((number, count))
        share.backward()  # type: ignore[no-untyped-call]

    judge: Any = policy
    options: dict[str, Any] = {"rows": 1000, "backward": backward} | changes
    parts = update.gradient(judge, method, held, samples, **options)
    assert policy.w.grad is not None
    return -policy.w.grad, told, parts, policy


@pytest.mark.parametrize("rows", [1, 4, 6, 7, 100])
def test_a_gradient_is_that_of_the_mean_over_samples_and_steps(rows: int) -> None:
    method, samples = METHODS["steps"], [0, 1, 3, 5]
    held, policy = experience(method), Linear(0.52)
    found, told, parts, _ = slope(method, held, samples, rows=rows)
    judge: Any = policy
    (whole,) = update.batches(samples, range(3), 100)
    mean = update.score(judge, method, held, whole).objective.mean()
    (wanted,) = torch.autograd.grad(mean, policy.w)
    torch.testing.assert_close(found, wanted)
    count = -(-12 // rows)
    assert told == [(i, count) for i in range(count)]
    assert not any(part.objective.requires_grad for part in parts)
    assert update.joined(parts).objective.mean() == pytest.approx(float(mean.detach()))


def test_silent_samples_are_left_out_without_a_kl_and_the_mean_is_over_all() -> None:
    method = METHODS["plain"]
    held = experience(method)
    held.advantages[[1, 2, 4]] = 0
    whole, _, _, all_of_them = slope(method, held, range(6), rows=8)
    found, told, _, some = slope(method, held, range(6), rows=8, silent=False)
    torch.testing.assert_close(found, whole)
    assert all_of_them.rows == [8, 8, 2]
    assert some.rows == [5, 4]  # as even as can be
    assert told == [(0, 2), (1, 2)]
    with_kl = slope(METHODS["steps"], held, range(6), silent=False)[3]
    assert with_kl.rows == [18]
    held.advantages[:] = 0
    nothing, _, _, one = slope(method, held, range(6), silent=False)
    assert (float(nothing), one.rows) == (0.0, [3])


def test_a_process_with_fewer_micro_batches_passes_through_the_others_too() -> None:
    held, passed = experience(METHODS["plain"]), []

    @contextlib.contextmanager
    def each() -> Iterator[None]:
        passed.append(len(told))
        yield

    told: list[int] = []

    def agree(count: int) -> int:
        told.append(count)
        return count + 2

    _, numbers, parts, _ = slope(METHODS["plain"], held, range(6), rows=9, each=each, agree=agree)
    assert told == [2]
    assert passed == [1] * 4
    assert numbers == [(0, 2), (1, 2)]
    assert len(parts) == 2


def test_no_samples_are_no_batches() -> None:
    assert list(update.batches([], range(3), 4)) == []
    assert [update.even(total, 4) for total in (1, 4, 5, 8, 9, 12)] == [1, 4, 3, 4, 3, 4]


def test_a_slice_is_taken_where_samples_follow_one_another() -> None:
    for samples, kind in (([2, 3, 4], slice), ([2, 4, 3], Tensor), ([0, 2], Tensor)):
        pieces = itertools.chain(*(r.pieces for r in update.batches(samples, [0, 1], 2)))
        assert all(isinstance(piece.index, kind) for piece in pieces)
