"""Every sign, factor and index of the loop, planted wrong: which monitor or oracle goes red.

A mistake is an edit of the loop's source. The edited loop runs one real iteration on N(1.5, 0.25);
its readings are judged, and its gradients are compared with formulas typed here by hand.
"""

import inspect
import math

import pytest
import torch

from refimpl.simulate import grids
from refimpl.toy import gaussian_1d
from refimpl.toy.grpo import EXACT, Settings, line, loop, problem, rollouts, watching

MODULES = {"problem": problem, "rollouts": rollouts, "watching": watching, "loop": loop}
START, A, M, S, T = 0.3, 0.7, 1.5, 0.5, 10
SETTINGS = Settings(
    EXACT.but(beta=0.5),
    groups=32,
    group=8,
    minibatches=2,
    learning_rate=1e-9,
    average=0.9,
    signal=1,
)


def velocity(x, t):
    """E[noise − data | x_t = x] for data N(M, S²), plus the policy's shift."""
    spread = (1 - t) ** 2 * S**2 + t**2
    return -M + (t - (1 - t) * S**2) / spread * (x - (1 - t) * M) + START


def step(i):
    """t, h, std and −∂ mean/∂v of Flow-GRPO's step i on the uniform grid."""
    t, s = 1 - i / T, 1 - (i + 1) / T
    g = A * math.sqrt(t / (1 - (s if i == 0 else t)))
    return t, t - s, g * math.sqrt(t - s), (t - s) * (1 + g**2 * (1 - t) / (2 * t))


def oracle(states):
    """∂/∂b of E[Σ A log p] − β KL at the policy that sampled, from the states alone."""
    rewards = states[-1, :, 0].reshape(SETTINGS.groups, SETTINGS.group)
    A = (rewards - rewards.mean(dim=1, keepdim=True)).flatten()
    slopes = []
    for i in range(T):
        t, h, std, lever = step(i)
        x, x_s = states[i, :, 0], states[i + 1, :, 0]
        v = velocity(x, t)
        g2 = std**2 / h
        mean = x - h * (v + g2 / (2 * t) * (x + (1 - t) * v))
        score = -(x_s - mean) * lever / std**2
        slopes.append((A * score).mean() - SETTINGS.method.beta * lever**2 * START / std**2)
    return torch.stack(slopes)


def battery():
    """One iteration of the loop as it stands, away from the reference; what is red, by name."""
    made = line.problem(gaussian_1d(), lambda x, y: x[:, 0], grids.uniform(T))
    with torch.no_grad():
        made.policy.shift.fill_(START)
    trainer = loop.Trainer(made, SETTINGS)
    trainer.done = 1  # not the run's first update: the policy is not the reference
    gradients = []
    trainer.optimiser.register_step_pre_hook(
        lambda *_: gradients.append(trainer.policy.shift.grad.clone())
    )
    before = trainer.policy.shift.detach().clone()
    measured = trainer.iterate()
    states = measured.rollout.states
    red = {reading.name for reading in measured.readings if not reading.holds}
    exact = oracle(states)
    found = -sum(gradients) / len(gradients)
    # the second minibatch is scored after a first update of 1e-9
    if not torch.allclose(found, exact, rtol=1e-6, atol=1e-7):
        red.add("gradient")
    moved = trainer.policy.shift.detach() - before
    if not bool((moved.sign() == exact.sign()).all()):  # what Adam does at first
        red.add("direction")
    change = (trainer.average.shift.detach() - before) / moved
    # two updates: 0.1 of the first and 0.1 of the mean way of the second
    if not bool(((change > 0.11) & (change < 0.19)).all()):
        red.add("average")
    if abs(float(states[0].mean())) > 6 / states[0].numel() ** 0.5:
        red.add("start")
    if abs(float((states[0] ** 2).mean()) - 1) > 6 * (2 / states[0].numel()) ** 0.5:
        red.add("start")
    if not bool(torch.isfinite(torch.tensor(measured.signal)).all()) or len(measured.signal) != T:
        red.add("signal")
    return red


def test_the_loop_as_it_is_has_nothing_red():
    assert battery() == set()


MISTAKES = {
    "the advantage's sign": (
        "loop", "advantages.repeat(steps.K)", "-advantages.repeat(steps.K)", "gradient"),
    "advantages along the wrong axis": (
        "loop", "advantages.repeat(steps.K)", "advantages.repeat_interleave(steps.K)", "gradient"),
    "groups read down the columns": (
        "problem", "reshape(-1, group)", "reshape(group, -1).T", "gradient"),
    "the batch's mean for the group's": (
        "loop", "methods.advantages(settings.method, judged.rewards[judged.usable])",
        "methods.advantages(settings.method, judged.rewards.reshape(1, -1)).reshape("
        "judged.rewards.shape)", "advantage_mean"),
    "the ratio upside down": (
        "loop", "            new,\n            steps.old,",
        "            steps.old,\n            new,", "gradient"),
    "the old law of the step before": (
        "rollouts", "self.means[trained].flatten(0, 1)", "self.means[trained - 1].flatten(0, 1)",
        "ratio_gap"),
    "the old law of another trajectory": (
        "rollouts", "self.means[trained].flatten(0, 1)",
        "self.means[trained].roll(1, 1).flatten(0, 1)", "replay_gap"),
    "the old law is the new one": (
        "loop", "            steps.old,", "            new,", "gradient"),
    "the state for the action": (
        "rollouts", "x_s=self.states[trained + 1]", "x_s=self.states[trained]", "residual_mean"),
    "the action for the state": (
        "rollouts", "x=self.states[trained]", "x=self.states[trained + 1]", "replay_gap"),
    "levels of the step before": (
        "rollouts", "steps = [every[i]", "steps = [every[i - 1]", "ratio_gap"),
    "levels rounded in replay": (
        "rollouts", "network(self.x, self.step.t[:, 0], self.labels)",
        "network(self.x, (self.step.t[:, 0] * 1000).floor() / 1000, self.labels)", "replay_gap"),
    "another guidance in replay": (
        "rollouts", "network(self.x, self.step.t[:, 0], self.labels)",
        "1.001 * network(self.x, self.step.t[:, 0], self.labels)", "ratio_gap"),
    "another boundary in replay": (
        "rollouts", "return kernel(method, self.x, velocity, self.step)",
        "return kernel(method.but(boundary='clamp'), self.x, velocity, self.step)", "replay_gap"),
    "another noise level in replay": (
        "rollouts", "return kernel(method, self.x, velocity, self.step)",
        "return kernel(method.but(noise=0.71), self.x, velocity, self.step)", "replay_gap"),
    "states rounded after they were scored": (
        "rollouts", "run.states, run.means", "run.states.bfloat16().double(), run.means",
        "replay_gap"),
    "noise used twice": (
        "rollouts", "listened, grid), start, generator=generator)",
        "listened, grid), start, noise=torch.randn(1, *start.shape, generator=generator, "
        "dtype=start.dtype).expand(grid.T, -1, -1))", "residual_lag"),
    "uniform noise at the start": ("loop", "start = torch.randn(", "start = torch.rand(", "start"),
    "no reference: the policy itself": (
        "loop", "self.reference = problem.reference.requires_grad_(False)",
        "self.reference = problem.policy", "gradient"),
    "the mean over steps for the sum": (
        "loop", "steps.by_step(terms.objective).sum(dim=0)",
        "steps.by_step(terms.objective).mean(dim=0)", "gradient"),
    "the last step left out": (
        "loop", "steps.by_step(terms.objective).sum", "steps.by_step(terms.objective)[:-1].sum",
        "gradient"),
    "downhill": (
        "loop", "torch.autograd.backward(-objective)", "torch.autograd.backward(objective)",
        "direction"),
    "gradients pile up": ("loop", "        self.optimiser.zero_grad()\n", "", "gradient"),
    "advantages of other groups in a minibatch": (
        "loop", "advantages[groups].flatten()", "advantages[: len(groups)].flatten()", "gradient"),
    "trajectories of other groups in a minibatch": (
        "loop", "rows = (groups[:, None] * G + torch.arange(G)).flatten()",
        "rows = (groups[:, None] + n * torch.arange(G)).flatten()", "gradient"),
    "the average is an alias": (
        "loop", "copy.deepcopy(self.policy) if settings.average else self.policy", "self.policy",
        "average"),
    "the average's decay upside down": (
        "loop", "slow.lerp_(fast, 1 - self.settings.average)",
        "slow.lerp_(fast, self.settings.average)", "average"),
    "the average is never updated": ("loop", "        self._follow()\n", "", "average"),
}  # fmt: skip
"""What is wrong → module, line, line changed, and the monitor or oracle that must see it."""


@pytest.fixture
def edited():
    """A function that edits one module of the loop; everything is put back afterwards."""
    originals = {name: inspect.getsource(module) for name, module in MODULES.items()}

    def edit(name, right, wrong):
        assert originals[name].count(right) == 1, f"{right!r} is not one line of {name}"
        for other, module in MODULES.items():
            text = originals[other].replace(right, wrong) if other == name else originals[other]
            exec(compile(text, module.__file__, "exec"), vars(module))

    yield edit
    for name, module in MODULES.items():
        vars(module).update(SAVED[name])


SAVED = {name: dict(vars(module)) for name, module in MODULES.items()}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_turns_its_monitor_or_oracle_red(mistake, edited):
    name, right, wrong, witness = MISTAKES[mistake]
    edited(name, right, wrong)
    assert witness in battery()


def wrong_objective(change):
    from refimpl.equations import grpo

    right = grpo.objective
    return lambda surrogate, kl, beta: right(surrogate, change(kl), beta)


@pytest.mark.parametrize(
    "change",
    [
        lambda kl: -kl,
        lambda kl: 2 * kl,
        lambda kl: 0 * kl,
        lambda kl: kl * T,
        lambda kl: kl.detach(),
    ],
    ids=["sign", "factor", "forgotten", "without h", "detached"],
)
def test_a_wrong_kl_turns_the_gradient_red(change, monkeypatch):
    from refimpl.methods import loss

    monkeypatch.setattr(loss.grpo, "objective", wrong_objective(change))
    assert "gradient" in battery()


def test_an_edit_reaches_the_loop(edited):
    edited("loop", "torch.autograd.backward(-objective)", "raise AssertionError")
    with pytest.raises(AssertionError):
        battery()
