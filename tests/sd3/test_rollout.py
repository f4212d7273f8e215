"""Rollouts and their replay: what was fed is stored, what is stored is scored, to the bit."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from refimpl import methods
from refimpl.equations import kl, policy, sde
from refimpl.equations.sde import Step
from refimpl.methods import Method
from refimpl.runs import monitors
from refimpl.sd3.engine.processes import Stepped
from refimpl.sd3.loop import noise, rollout, update, watching
from refimpl.sd3.loop.update import Experience
from refimpl.simulate import grids

FLOW = methods.preset("flow_grpo")


@pytest.fixture
def made(settings: Callable[..., Any], trainer: Callable[..., Any]) -> Any:
    return trainer(settings("sampling.steps=5"))


def rolled(made: Any, method: Method, n: int = 6, iteration: int = 0) -> Experience:
    """n rollouts of two prompts and made-up advantages."""
    grid = made.config.grid
    plan = methods.plan(method, grid, iteration)
    text = made.parts.encode(["a red square", "a blue cross"])
    prompt = torch.arange(n) % 2
    drawn = noise.stream(0, "test", 0, range(n), shape=made.parts.latent)
    sampled = rollout.sample(
        made.policy, text.rows(prompt), drawn, grid=grid, method=method, plan=plan
    )
    advantages = torch.linspace(-1, 1.5, n, dtype=torch.float64)
    return Experience(sampled, text, prompt, advantages, plan.weights)


def scored(made: Any, method: Method, experience: Experience, rows: int = 1000) -> update.Scored:
    pairs = range(len(experience.advantages)), range(experience.steps)
    with torch.no_grad():
        parts = [
            update.score(made.policy, method, experience, each)
            for each in update.batches(*pairs, rows)
        ]
    return update.joined(parts)


METHODS = {
    "paper": methods.preset("paper"),
    "flow_grpo": FLOW,
    "cps": methods.preset("flow_cps"),
    "exact": Method(kernel="exact"),
    "constant": methods.preset("dance_grpo"),
    "window": methods.preset("mix_grpo"),
    "guard": methods.preset("guard"),
    "levelled": methods.preset("levelled"),
}


@pytest.mark.parametrize("name", METHODS)
def test_the_ratio_before_an_update_is_exactly_one(made: Any, name: str) -> None:
    found = scored(made, METHODS[name], rolled(made, METHODS[name]), rows=6)
    assert torch.equal(found.ratio, torch.ones_like(found.ratio))
    assert found.moved.max() == 0
    assert found.kl.abs().max() == 0  # a new adapter is the reference


@pytest.mark.parametrize("guidance", ["1", "4.5"])
@pytest.mark.parametrize("gradient", ["true", "false"])
def test_the_ratio_is_one_with_guidance_in_any_form(
    settings: Callable[..., Any], trainer: Callable[..., Any], guidance: str, gradient: str
) -> None:
    config = settings(
        f"sampling.guidance={guidance}", f"training.unconditional_gradient={gradient}"
    )
    made = trainer(config)
    assert (scored(made, FLOW, rolled(made, FLOW), rows=6).ratio == 1).all()


def test_the_reference_shows_once_the_policy_moved(made: Any) -> None:
    with torch.no_grad():
        for parameter in made.engine.parameters:
            parameter += 0.05
    method = Method(beta=1.0)
    found = scored(made, method, rolled(made, method))
    assert (found.ratio == 1).all()  # it sampled itself
    assert (found.kl > 0).all()


@pytest.mark.parametrize("window", [{}, {"window": "fixed", "start": 2, "size": 2}])
def test_what_a_moved_policy_is_scored_is_the_kernels_own_in_float64(
    made: Any, window: dict[str, Any]
) -> None:
    """Ratio and replay gap, against `law`: log-densities of the whole kernel, in full precision."""
    method = Method(trust="none", **window)
    experience = rolled(made, method)
    with torch.no_grad():
        for parameter in made.engine.parameters:
            parameter += 1e-3
    found, held = scored(made, method, experience), experience.trajectory
    i, k = found.sample, found.step
    t, s = (torch.tensor(held.levels, dtype=torch.float64)[at] for at in (k, k + 1))
    states, velocities = (torch.stack(each, dim=1) for each in (held.states, held.velocities))
    x, x_s = states[i, k], states[i, k + 1].double()
    with torch.no_grad():
        v = made.policy.velocity(x, t.float(), experience.text.rows(experience.prompt[i]))
    new, old = (rollout.law(method, x, one, t, s) for one in (v, velocities[i, k]))
    log_ratio = policy.total(new.log_prob(x_s) - old.log_prob(x_s))
    apart = ((new.mean - old.mean) ** 2 / new.std**2).flatten(1)
    torch.testing.assert_close(found.ratio.log(), log_ratio, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found.moved, apart.sum(dim=1) / 2, rtol=1e-3, atol=1e-9)
    far = monitors.shift(float(found.moved.max()), apart.shape[1])
    assert far == pytest.approx(float(apart.mean(dim=1).max().sqrt()), rel=1e-3)
    assert apart.mean(dim=1).min() > 1e-10


def test_a_gradient_of_zero_is_a_fault_only_where_all_advantages_are_here(made: Any) -> None:
    experience = rolled(made, FLOW)
    silent = replace(experience, advantages=0 * experience.advantages)
    for held, alone, holds in (
        (experience, True, False), (experience, False, True), (silent, True, True)
    ):  # fmt: skip
        (reading,) = watching.of_gradient(Stepped(0.0), held, alone=alone)
        assert reading.holds == holds


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_signal_is_the_cosine_of_every_other_rollout_with_the_rest(
    made: Any, rows: int, sign: int
) -> None:
    """Each is there twice, side by side: the halves agree, or with opposed advantages oppose."""
    method = Method(trust="none", window="first", size=2)
    one = rolled(made, method, n=3)
    twice, held = torch.arange(3).repeat_interleave(2), one.trajectory
    pairs = replace(
        one,
        trajectory=replace(
            held,
            states=tuple(x[twice] for x in held.states),
            velocities=tuple(v[twice] for v in held.velocities),
        ),
        prompt=one.prompt[twice],
        advantages=one.advantages[twice] * torch.tensor([1, sign] * 3),
    )
    unused = torch.nn.Parameter(torch.zeros(3))
    found = watching.signal(
        made.policy, method, pairs, [*made.engine.parameters, unused], rows=rows
    )
    assert found == pytest.approx([sign] * 2, abs=1e-4)


def test_a_latent_rounded_after_it_was_fed_shows_in_the_ratio(made: Any) -> None:
    """The commonest mistake of the field: what is stored is not what was fed."""
    experience = rolled(made, FLOW)
    held = experience.trajectory
    rounded = replace(held, states=tuple(x.bfloat16().float() for x in held.states))
    found = scored(made, FLOW, replace(experience, trajectory=rounded))
    assert (found.ratio - 1).abs().max() > 1e-5
    assert not watching.before_update(found, experience, FLOW, torch.float32)[1].holds


def test_another_noise_level_shows_in_the_residuals(made: Any) -> None:
    experience = rolled(made, FLOW, n=8)
    assert all(reading.holds for reading in watching._whiteness(experience, FLOW))
    wrong = {r.name: r for r in watching._whiteness(experience, FLOW.but(noise=0.5))}
    assert not wrong["residual_variance"].holds


def test_a_step_is_the_papers_step(made: Any) -> None:
    """One step, written out: mean and std of the paper's Eq. 9 on the stored latents."""
    experience = rolled(made, FLOW)
    held = experience.trajectory
    for i in range(experience.steps):
        t, s = held.levels[i : i + 2]
        x, v = held.states[i].double(), held.velocities[i].double()
        g = sde.flow_grpo_g(t, 0.7, sde.next_level(Step(t, s)))
        mean = x - (t - s) * (v + g**2 / (2 * t) * (x + (1 - t) * v))
        level = torch.full((len(x),), t, dtype=torch.float64)
        law = rollout.law(FLOW, held.states[i], held.velocities[i], level, 0 * level + s)
        torch.testing.assert_close(law.mean, mean, rtol=0, atol=1e-12)
        assert law.std.flatten()[0] == pytest.approx(g * (t - s) ** 0.5, rel=1e-14)


@pytest.mark.parametrize("name", ["as_shipped", "once_shifted"])
def test_evaluation_is_diffusers_own_pipeline(
    settings: Callable[..., Any], trainer: Callable[..., Any], name: str
) -> None:
    """Our ODE against `StableDiffusion3Pipeline` on the same latents, guidance included."""
    made = trainer(settings("text.tokens=8", f"sampling.grid={name}"))
    grid = made.config.sampling.levels(6)
    text = made.parts.encode(["a red square", "a blue cross"])
    start = next(noise.stream(0, "test", 0, range(2), shape=made.parts.latent))
    ours = rollout.sample(
        made.policy, text, iter([start]), grid=grid, method=FLOW, plan=rollout.without_noise(grid)
    ).ends
    pipeline, negative = made.parts.pipeline, made.policy.negative.repeated(2)
    if name == "once_shifted":  # the levels before diffusers shifts them again
        sigmas = {"sigmas": [t / (3 - 2 * t) for t in grid.levels[:-1]]}
    else:
        sigmas = {"num_inference_steps": 6}
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        prompt_embeds=text.embeddings,
        pooled_prompt_embeds=text.pooled,
        negative_prompt_embeds=negative.embeddings,
        negative_pooled_prompt_embeds=negative.pooled,
        latents=start,
        height=32,
        width=32,
        guidance_scale=4.5,
        output_type="latent",
        **sigmas,
    ).images
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)
    assert (ours - start).abs().max() > 0.1


def test_images_are_diffusers_own(made: Any) -> None:
    latents = torch.randn(3, *made.parts.latent, generator=torch.Generator().manual_seed(0))
    pipeline = made.parts.pipeline
    unscaled = latents / pipeline.vae.config.scaling_factor + pipeline.vae.config.shift_factor
    with torch.no_grad():
        theirs = pipeline.image_processor.postprocess(
            pipeline.vae.decode(unscaled, return_dict=False)[0], output_type="pt"
        )
    ours = made.parts.decode(latents)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    assert ours.min() >= 0
    assert ours.max() <= 1


def test_noise_belongs_to_a_row_and_not_to_a_batch() -> None:
    def drawn(*name: object, rows: range = range(6)) -> torch.Tensor:
        return torch.stack(list(itertools.islice(noise.stream(*name, rows, shape=(2, 4)), 3)))

    whole = drawn(1, "rollout", 3)
    halves = [drawn(1, "rollout", 3, rows=part) for part in (range(3), range(3, 6))]
    assert torch.equal(whole, torch.cat(halves, dim=1))
    assert len(whole.unique()) == whole.numel()  # neither steps nor rows share any
    for other in ((1, "rollout", 4), (1, "evaluation", 3), (2, "rollout", 3)):
        assert not torch.equal(whole, drawn(*other))


def test_a_window_stores_its_own_steps_only(made: Any) -> None:
    method = Method(window="first", size=2)
    experience = rolled(made, method)
    held = experience.trajectory
    assert held.levels == made.config.grid.levels[:3]
    assert len(held.states) == 3
    assert len(held.velocities) == experience.steps == 2
    assert not torch.equal(held.ends, held.states[-1])  # the ODE went on from there


def test_a_deterministic_step_draws_nothing(made: Any) -> None:
    """The start and one noisy step take two tensors; what comes after them is not asked for."""
    method, grid = Method(window="first", size=1), grids.sd35_once_shifted(3)
    plan = methods.plan(method, grid)
    text = made.parts.encode(["a red square"])
    drawn = noise.stream(0, "test", 0, [0], shape=made.parts.latent)
    two = list(itertools.islice(drawn, 2))
    rollout.sample(made.policy, text, iter(two), grid=grid, method=method, plan=plan)
    with pytest.raises(ValueError, match="ended before the steps did"):
        rollout.sample(made.policy, text, iter(two[:1]), grid=grid, method=method, plan=plan)


@pytest.mark.parametrize("samples", [range(2, 6), [5, 2, 0, 4]], ids=["slice", "index"])
@pytest.mark.parametrize("rows", [1, 3, 4, 5, 100])
def test_a_micro_batch_takes_the_rows_that_it_names(samples: Any, rows: int) -> None:
    """Whether they follow one another or not, from one step or from several."""
    held = tuple(torch.arange(6) + 10.0 * k for k in range(4))
    parts = list(update.batches(samples, [0, 2], rows))
    assert [len(part.sample) for part in parts[:-1]] == [rows] * (len(parts) - 1)
    named = [(int(i), int(k)) for p in parts for i, k in zip(p.sample, p.step, strict=True)]
    assert named == [(i, k) for k in (0, 2) for i in samples]
    for later in (0, 1):
        taken = torch.cat([part.of(held, later) for part in parts])
        assert taken.tolist() == [i + 10.0 * (k + later) for i, k in named]
    numbers = torch.cat([part.each((0.5, 1.5, 2.5), held[0]) for part in parts])
    assert numbers.tolist() == [k + 0.5 for _, k in named]


def test_what_is_not_finite_is_told_at_the_end_of_a_rollout_and_of_a_pass(
    settings: Callable[..., Any], trainer: Callable[..., Any]
) -> None:
    """Inner loops do not look for it; guidance, outside of them, does."""
    made = trainer(settings("sampling.steps=5", "sampling.guidance=1"))
    experience, policy = rolled(made, FLOW), made.policy

    class Broken:
        def velocity(self, x: torch.Tensor, *rest: Any, **more: Any) -> torch.Tensor:
            return policy.velocity(x, *rest, **more) * float("nan")

        reference = policy.reference

    made.policy = Broken()
    with pytest.raises(ValueError, match="latents must be finite, got nan"):
        rolled(made, FLOW)
    with pytest.raises(ValueError, match="objective must be finite, got nan"):
        scored(made, FLOW, experience)


class Counting:
    """A policy that counts the rows it is asked for."""

    def __init__(self, policy: Any) -> None:
        self.policy, self.rows = policy, 0

    def velocity(self, x: torch.Tensor, *rest: Any, **more: Any) -> torch.Tensor:
        self.rows += len(x)
        return self.policy.velocity(x, *rest, **more)


def test_one_start_a_group_is_sampled_once_until_its_rollouts_part(
    settings: Callable[..., Any], trainer: Callable[..., Any]
) -> None:
    """And is then what the same start gives when every rollout makes the whole way by itself."""
    made = trainer(
        settings(
            "sampling.steps=5", "method.window=fixed", "method.start=2", "method.size=2",
            "sampling.start=group", "sampling.groups=2", "sampling.group=3", "sampling.batch=6",
            "sampling.guidance=1", "method.beta=0",
        )
    )  # fmt: skip
    made.policy = counting = Counting(made.policy)
    plan = methods.plan(made.config.method, made.config.grid)
    rows = made.sampler.rows(0, 0)
    held, text, prompt = made._roll(rows, plan)
    assert counting.rows == 2 * 3 + 6 * 2
    assert held.start is not None
    assert held.start.tolist() == [0, 0, 0, 1, 1, 1]
    groups = [row.row // 3 for row in rows]
    for i, j in itertools.combinations(range(6), 2):
        assert torch.equal(held.states[0][i], held.states[0][j]) == (groups[i] == groups[j])
        assert not torch.equal(held.states[1][i], held.states[1][j])
    stream = {"shape": made.parts.latent}
    starts = next(noise.stream(made.config.run.seed, "start", 0, groups, **stream))
    own = noise.stream(made.config.run.seed, "rollout", 0, [row.row for row in rows], **stream)
    alone = rollout.sample(
        made.policy, text.rows(prompt), itertools.chain([starts], own),
        grid=made.config.grid, method=made.config.method, plan=plan,
    )  # fmt: skip
    torch.testing.assert_close(held.ends, alone.ends, rtol=0, atol=1e-5)
    experience = Experience(held, text, prompt, torch.ones(6, dtype=torch.float64), plan.weights)
    assert (scored(made, made.config.method, experience, rows=6).ratio == 1).all()


@pytest.mark.parametrize("batch", [6, 4])
@pytest.mark.parametrize("rows", [1000, 4])
def test_what_rollouts_have_in_common_is_scored_once_and_the_gradient_is_the_same(
    settings: Callable[..., Any], trainer: Callable[..., Any], batch: int, rows: int
) -> None:
    """With guidance and a KL; a batch of 4 splits the second group, whose halves are then two."""
    made = trainer(
        settings(
            "sampling.steps=5", "method.window=fixed", "method.start=1", "method.size=2",
            "sampling.start=group", "sampling.groups=2", "sampling.group=3",
            f"sampling.batch={batch}", "sampling.guidance=4.5", "method.beta=0.04",
            "training.unconditional_kept=true",
        )
    )  # fmt: skip
    method, plan = made.config.method, methods.plan(made.config.method, made.config.grid)
    held, text, prompt = made._roll(made.sampler.rows(0, 0), plan)
    assert held.start.tolist() == ([0, 0, 0, 1, 1, 1] if batch == 6 else [0, 0, 0, 1, 2, 2])
    with torch.no_grad():
        for parameter in made.engine.parameters:
            parameter += 0.02
    asked: list[int] = []
    made.parts.transformer.register_forward_hook(
        lambda module, args, kwargs, out: asked.append(len(kwargs["hidden_states"])),
        with_kwargs=True,
    )
    found = {}
    for name, trajectory in (("once", held), ("each", replace(held, start=None))):
        advantages = torch.linspace(-1, 1.5, 6, dtype=torch.float64)
        experience = Experience(trajectory, text, prompt, advantages, plan.weights)
        asked.clear()
        parts = [
            update.score(made.policy, method, experience, each)
            for each in update.batches(range(6), range(2), rows)
        ]
        one = torch.cat([part.objective for part in parts])
        slopes = torch.autograd.grad(one.sum(), made.engine.parameters)
        found[name] = one.detach(), slopes, sum(asked)
    (one, slopes, once), (other, slopes_too, each) = found["once"], found["each"]
    starts = {(1000, 6): 2, (1000, 4): 3, (4, 6): 3, (4, 4): 3}[rows, batch]
    assert (once, each) == (3 * (starts + 6), 3 * 12)  # a call of the policy, two of the reference
    torch.testing.assert_close(one, other, rtol=2e-5, atol=1e-7)
    for a, b in zip(slopes, slopes_too, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-4 * float(b.abs().max()))
    assert any(float(a.abs().max()) > 0 for a in slopes)


def test_many_steps_in_one_pass_are_the_same_as_one_by_one(made: Any) -> None:
    """Exact but for the order of sums: each row has its own level, weight and advantage."""
    with torch.no_grad():
        for parameter in made.engine.parameters:
            parameter += 0.02
    experience = rolled(made, FLOW)
    with torch.no_grad():
        for parameter in made.engine.parameters:
            parameter += 0.02
    together, apart = (scored(made, FLOW, experience, rows) for rows in (1000, 1))
    assert (together.ratio - 1).abs().max() > 1e-6
    for name in ("objective", "ratio", "kl"):
        one, other = getattr(together, name), getattr(apart, name)
        torch.testing.assert_close(one, other, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["paper", "flow_grpo", "guard"])
def test_the_objective_is_the_papers_written_out(made: Any, name: str) -> None:
    """Ratio, clip, KL and weight of every row, from the equations one by one."""
    method = METHODS[name].but(beta=0.5, kl="steps")
    experience = rolled(made, method)
    with torch.no_grad():
        for parameter in made.engine.parameters:
            parameter += 0.02
    found = scored(made, method, experience)
    held = experience.trajectory
    reduce = policy.total if method.reduction == "total" else policy.average
    for k in range(experience.steps):
        t, s = (torch.full((6,), x, dtype=torch.float64) for x in held.levels[k : k + 2])
        x, x_s = held.states[k], held.states[k + 1].double()
        text = experience.text.rows(experience.prompt)
        with torch.no_grad():
            v, v_ref = (
                made.policy.velocity(x, t.float(), text),
                made.policy.reference(x, t.float(), text),
            )
        new, old, reference = (
            rollout.law(method, x, y, t, s) for y in (v, held.velocities[k], v_ref)
        )
        log_ratio = reduce(new.log_prob(x_s)) - reduce(old.log_prob(x_s))
        std = new.std.flatten()[0]
        if method.ratio == "guard":
            log_ratio = std * (log_ratio + reduce((new.mean - old.mean) ** 2 / (2 * std**2)))
        ratio = log_ratio.exp()
        a = experience.advantages
        surrogate = torch.minimum(ratio * a, ratio.clamp(1 - method.limit, 1 + method.limit) * a)
        penalty = reduce(kl.of_means(new.mean, reference.mean, new.std))
        expected = experience.weights[k] * surrogate - 0.5 * penalty
        rows = found.step == k
        torch.testing.assert_close(found.ratio[rows], ratio, rtol=1e-5, atol=1e-9)
        torch.testing.assert_close(found.objective[rows], expected, rtol=1e-4, atol=1e-7)


def gradients(made: Any, method: Method, experience: Experience, rows: int) -> torch.Tensor:
    made.engine.optimiser.zero_grad()
    update.gradient(
        made.policy, method, experience, range(len(experience.advantages)),
        rows=rows, backward=made.engine.backward,
    )  # fmt: skip
    return torch.cat([parameter.grad.flatten() for parameter in made.engine.parameters])


@pytest.mark.parametrize("rows", [1, 5, 7])
def test_accumulating_is_one_big_batch(made: Any, rows: int) -> None:
    """Also where the last micro-batch is smaller: shares are by rows, not by batches."""
    experience = rolled(made, FLOW)
    whole, parts = gradients(made, FLOW, experience, 1000), gradients(made, FLOW, experience, rows)
    assert (whole - parts).norm() < 1e-5 * whole.norm()


def test_the_gradient_is_the_objectives_slope(
    settings: Callable[..., Any], trainer: Callable[..., Any]
) -> None:
    """By finite differences in the entry that matters most, through both halves of guidance."""
    made = trainer(settings("training.unconditional_gradient=true"))
    method = Method(reduction="average", trust="none")
    experience = rolled(made, method)
    gradients(made, method, experience, 1000)
    parameter = made.engine.parameters[1]  # a B matrix
    largest = int(parameter.grad.abs().flatten().argmax())
    at, step = divmod(largest, parameter.shape[1]), 1e-2
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            parameter[at] += sign * step
            values.append(float(scored(made, method, experience).objective.mean()))
            parameter[at] -= sign * step
    slope = (values[0] - values[1]) / (2 * step)
    assert -parameter.grad[at].item() == pytest.approx(slope, rel=0.02)  # descent on −J
