"""One scheduler in families of pipelines that were not written for it."""

import copy
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from safetensors.torch import load_file

from refimpl import methods
from refimpl.audit import audit
from refimpl.diffusers import FlowGRPOScheduler
from refimpl.equations.sde import Step
from refimpl.methods import Method

Family = tuple[Any, Callable[..., torch.Tensor]]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def put(pipeline: Any, **options: Any) -> FlowGRPOScheduler:
    """The scheduler in the pipeline's place of one."""
    pipeline.scheduler = FlowGRPOScheduler.from_config(pipeline.scheduler.config, **options)
    pipeline.scheduler.generator = seeded(7)
    return pipeline.scheduler


def test_without_noise_it_is_the_pipelines_own_scheduler_to_the_last_bit(family: Family) -> None:
    pipeline, sampled = family
    before = sampled()
    scheduler = put(pipeline, method="flow_grpo", noise=0.0)
    scheduler.generator = None  # nothing is drawn
    assert torch.equal(sampled(), before)
    assert before.std() > 0.1
    assert scheduler.kept == []


def test_every_step_is_a_draw_of_the_kernel_and_its_likelihood_that_of_what_was_drawn(
    family: Family,
) -> None:
    """By another route: the kernel itself in float64, at the levels that the pipeline asked for."""
    pipeline, sampled = family
    scheduler = put(pipeline, method="paper")
    end = sampled()
    method, noise = methods.preset("paper"), seeded(7)
    latents = [scheduler, *scheduler.copies]
    inverted = scheduler.config.invert_sigmas
    for each in latents:
        assert [kept.index for kept in each.kept] == list(range(6))
    for kept in itertools.chain(*zip(*(each.kept for each in latents), strict=True)):
        step, v = Step(t=kept.t, s=kept.s), -kept.v if inverted else kept.v
        law = methods.kernel(method, kept.x_t.double(), v.double(), step)
        drawn = law.sample(torch.randn(kept.x_t.shape, generator=noise).double())
        torch.testing.assert_close(kept.x_s.double(), drawn, rtol=1e-5, atol=1e-5)
        exact = methods.log_prob(method, law, kept.x_s.double())
        assert kept.log_prob.shape == (2,)
        assert kept.log_prob.dtype == torch.float64
        torch.testing.assert_close(kept.log_prob, exact, rtol=1e-10, atol=0)
    for each in latents:
        for one, other in itertools.pairwise(each.kept):
            assert one.s == other.t
            assert torch.equal(one.x_s, other.x_t)  # what is stored is what is fed and scored
        levels = [kept.t for kept in each.kept] + [each.kept[-1].s]
        sigmas = 1 - scheduler.sigmas.double() if inverted else scheduler.sigmas
        assert levels == pytest.approx(sigmas.tolist(), abs=0)
    assert end.isfinite().all()


def test_the_ratio_before_any_update_is_one(family: Family) -> None:
    pipeline, sampled = family
    scheduler = put(pipeline, method="flow_grpo")
    sampled()
    for each in (scheduler, *scheduler.copies):
        for kept in each.kept:
            v = kept.v.clone().requires_grad_()
            again = each.log_prob(kept.index, kept.x_t, v, kept.x_s)
            assert torch.equal(again.detach(), kept.log_prob)
            (slope,) = torch.autograd.grad(again.sum(), v)
            assert slope.abs().max() > 0


def test_a_recorded_rollout_is_what_it_declares(family: Family, tmp_path: Path) -> None:
    pipeline, sampled = family
    scheduler = put(pipeline, method="flow_grpo")
    with scheduler.recording(tmp_path / "record"):
        sampled()
    report = audit(tmp_path / "record")
    verdicts = {finding.subject: finding.verdict for finding in report.findings}
    assert "differs" not in verdicts.values(), report.findings
    for subject in ("mean", "log_prob"):
        assert verdicts[subject] == "consistent", subject


def test_a_record_of_another_kernel_than_declared_is_found_out(tmp_path: Path) -> None:
    """The control: the levels of a rollout at a = .7, declared as .5."""
    from refimpl.runs import Recorder

    scheduler = direct(method="flow_grpo")
    with scheduler.recording(tmp_path / "honest"):
        rolled(scheduler)
    from refimpl.diffusers.conventions import manifest

    wrong = manifest(Method(noise=0.5, reduction="average"))
    other = direct(method="flow_grpo")
    with Recorder(tmp_path / "wrong", wrong) as recorder:
        other.recorder = recorder
        rolled(other)
    verdicts = [
        {f.subject: f.verdict for f in audit(tmp_path / name).findings}["schedule"]
        for name in ("honest", "wrong")
    ]
    assert verdicts == ["consistent", "differs"]


def direct(steps: int = 6, **options: Any) -> FlowGRPOScheduler:
    """A scheduler by itself."""
    scheduler = FlowGRPOScheduler(shift=3.0, **options)
    scheduler.set_timesteps(steps)
    scheduler.generator = seeded(7)
    return scheduler


def rolled(scheduler: Any, rows: int = 2, **options: Any) -> torch.Tensor:
    """Down a field that is a simple function of x."""
    x = torch.randn(rows, 4, 8, 8, generator=seeded(1))
    for t in scheduler.timesteps:
        x = scheduler.step(x.tanh() + 0.1, t, x, return_dict=False, **options)[0]
    return x


@pytest.mark.parametrize(
    ("method", "places"),
    [
        (Method(window="first", size=2), [0, 1]),
        (Method(window="fixed", size=2, start=3), [3, 4]),
        (Method(window="sliding", size=2, every=1, stride=1), [1, 2]),
    ],
)
def test_windows_draw_noise_where_the_method_says(method: Method, places: list[int]) -> None:
    from dataclasses import asdict

    scheduler = direct(method=asdict(method))
    scheduler.iteration = 1
    rolled(scheduler)
    assert [kept.index for kept in scheduler.kept] == places
    assert scheduler.plan.trained == tuple(places)
    plain = FlowMatchEulerDiscreteScheduler(shift=3.0)
    plain.set_timesteps(6)
    quiet = direct(method=asdict(method), noise=0)
    assert torch.equal(rolled(quiet), rolled(plain))


def test_a_rollout_that_begins_with_a_picture_has_the_grid_of_its_own_steps() -> None:
    """Pipelines that begin with a picture skip levels; a window is not to lie among those."""
    scheduler = direct(method={"window": "first", "size": 2})
    levels = list(scheduler.grid.levels)
    scheduler.set_begin_index(3)
    x = torch.randn(2, 4, 8, 8, generator=seeded(1))
    for t in scheduler.timesteps[3:]:
        x = scheduler.step(x.tanh(), t, x).prev_sample
    assert scheduler.grid.levels == tuple(levels[3:])
    assert [(kept.index, kept.t, kept.s) for kept in scheduler.kept] == [
        (0, *levels[3:5]), (1, *levels[4:6]),
    ]  # fmt: skip


def test_what_is_kept_is_not_what_a_pipeline_writes_into() -> None:
    scheduler = direct()
    x = torch.randn(2, 4, 8, 8, generator=seeded(1))
    v = x[:, :3].tanh()
    first = scheduler.step(v, scheduler.timesteps[0], x[:, :3]).prev_sample
    kept = scheduler.kept[0]
    before = [tensor.clone() for tensor in (kept.x_t, kept.x_s, kept.v)]
    for written in (x, v, first):
        written.zero_()
    assert all(map(torch.equal, (kept.x_t, kept.x_s, kept.v), before))


def test_copies_for_other_latents_draw_on_and_are_those_of_the_last_rollout() -> None:
    scheduler = direct()
    for _ in range(2):
        scheduler.set_timesteps(6)
        other, third = copy.deepcopy(scheduler), copy.deepcopy(scheduler)
        x = torch.zeros(2, 4, 8, 8)
        one = scheduler.step(x, scheduler.timesteps[0], x).prev_sample
        two = other.step(x, other.timesteps[0], x).prev_sample
        assert not torch.isclose(one, two).any()
        assert scheduler.copies == [other, third]
        assert [len(each.kept) for each in (scheduler, other, third)] == [1, 1, 0]
    assert other.sigmas is not scheduler.sigmas
    assert copy.deepcopy(scheduler).kept == []


@pytest.mark.parametrize("family", ["LTX-2"], indirect=True)
def test_film_and_sound_are_recorded_together(family: Family, tmp_path: Path) -> None:
    pipeline, sampled = family
    scheduler = put(pipeline, method="flow_grpo")
    with scheduler.recording(tmp_path):
        sampled()
    (sound,) = scheduler.copies
    shapes = {
        tuple(load_file(shard)["x_s"].shape[1:]) for shard in tmp_path.glob("step-*.safetensors")
    }
    assert shapes == {tuple(each.kept[0].x_s.shape[1:]) for each in (scheduler, sound)}
    assert len(shapes) == 2
    assert {f.subject: f.verdict for f in audit(tmp_path).findings}["log_prob"] == "consistent"


def test_a_record_declares_no_grid_that_a_pipeline_need_not_keep(tmp_path: Path) -> None:
    """A shift of 3 is SD3.5's, and other pipelines bring their own levels to it."""
    scheduler = direct()
    scheduler.set_timesteps(sigmas=[1.0, 0.7, 0.4, 0.1])
    with scheduler.recording(tmp_path):
        rolled(scheduler)
    assert "differs" not in {finding.verdict for finding in audit(tmp_path).findings}


def test_a_sample_has_its_noise_in_any_company() -> None:
    from refimpl.diffusers.scheduler import generators

    both = direct(method="paper")
    both.generator = generators([5, 9])
    alone = direct(method="paper")
    alone.generator = generators([5])
    x = torch.randn(2, 4, 8, 8, generator=seeded(1))
    for t in both.timesteps[:3]:
        two = both.step(x.tanh(), t, x)
        one = alone.step(x[:1].tanh(), t, x[:1])
        assert torch.equal(two.prev_sample[:1], one.prev_sample)
        assert two.log_prob[0] == one.log_prob[0]
        x = two.prev_sample


def test_what_is_scored_is_what_was_rounded() -> None:
    """In bf16 the latent that goes on is the rounded one, and its likelihood is that one's."""
    scheduler = direct(method="paper")
    x = torch.randn(2, 4, 8, 8, generator=seeded(1)).bfloat16()
    found = scheduler.step(x.tanh(), scheduler.timesteps[0], x)
    assert found.prev_sample.dtype == torch.bfloat16
    again = scheduler.log_prob(0, x, x.tanh(), found.prev_sample)
    assert torch.equal(found.log_prob, again)


def test_its_configuration_is_saved_and_loaded_like_any_other(tmp_path: Path) -> None:
    scheduler = direct(method="flow_cps")
    scheduler.save_pretrained(tmp_path)
    again = FlowGRPOScheduler.from_pretrained(tmp_path)
    assert again.method == scheduler.method == methods.preset("flow_cps")
    assert again.config.shift == 3.0
    back = FlowMatchEulerDiscreteScheduler.from_config(again.config)
    back.set_timesteps(4)
    again.set_timesteps(4)
    assert torch.equal(back.sigmas, again.sigmas)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: direct(method="flow_grp"), "did you mean 'flow_grpo'"),
        (lambda: direct(method={"kernl": "cps"}), "did you mean 'kernel'"),
        (lambda: direct(noise=-1.0), "noise must be positive"),
        (lambda: direct(stochastic_sampling=True), "draws the noise itself"),
        (lambda: rolled(direct(), per_token_timesteps=torch.ones(2, 4)), "noise=0"),
    ],
)
def test_what_it_cannot_do_is_refused(call: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()


def test_noise_without_a_generator_is_refused_and_no_global_one_is_moved() -> None:
    scheduler = direct()
    scheduler.generator = None
    with pytest.raises(ValueError, match="needs a generator"):
        rolled(scheduler)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    rolled(direct())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_solvers_flow_shift_is_taken_and_what_is_no_flow_is_refused() -> None:
    """Wan ships UniPC with a shift under another name; ignored, the levels would be unshifted."""
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler

    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 5.0}
    for kind in (UniPCMultistepScheduler, DPMSolverMultistepScheduler):
        made = FlowGRPOScheduler.from_config(kind(**flow).config, method="paper")
        assert made.config.shift == 5.0
        made.set_timesteps(4)
        plain = FlowMatchEulerDiscreteScheduler(shift=5.0)
        plain.set_timesteps(4)
        assert torch.equal(made.sigmas, plain.sigmas)
        with pytest.raises(ValueError, match="configuration of another scheduler"):
            FlowGRPOScheduler.from_config(kind().config)
    with pytest.raises(ValueError, match="configuration of another scheduler"):
        FlowGRPOScheduler.from_config(DDIMScheduler().config)
