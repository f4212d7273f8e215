"""The adapter of a robot policy's flow head, on a small policy written for this test."""

from pathlib import Path

import pytest

from refimpl.conformance.kit import judge
from refimpl.peers import known
from refimpl.peers.checkouts.openpi import POLICY

SMALL = """
class PI0Pytorch:
    def forward(self, observation, actions, noise, time):
        images = self.look(observation)
        time_expanded = time[:, None, None]
        x_t = noise * time_expanded + actions * (1 - time_expanded)
        u_t = noise - actions
        return self.loss(images, x_t, u_t)

    @torch.no_grad()
    def sample_actions(self, device, observation, noise, num_steps):
        *_, state = self._preprocess_observation(observation, train=False)
        prefix, seen, _ = self.embed_prefix(None, None, None, None)
        _, cache = self.paligemma_with_expert.forward(inputs=prefix)
        x_t = noise
        for k in range(num_steps):
            time = torch.full((len(x_t),), 1 - k / num_steps)
            x_t = x_t - self.denoise_step(state, seen, cache, x_t, time) / num_steps
        return x_t
"""


def differing(folder: Path, text: str) -> set[str]:
    """The checks in which a policy with this text differs; all others agree."""
    file = folder / POLICY
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    (head,) = known("openpi", folder)
    report = judge(head)
    assert {"path.value", "velocity_target.value", "schedule.value", "ode_sampler.value"} <= {
        r.check for r in report.results if r.verdict in ("agrees", "differs")
    }
    return {r.check for r in report.failures}


def test_training_points_and_sampler_are_asked_and_agree(tmp_path: Path) -> None:
    assert not differing(tmp_path, SMALL)


@pytest.mark.parametrize(
    ("line", "wrong", "seen"),
    [
        ("u_t = noise - actions", "u_t = actions - noise", "velocity_target.value"),
        ("* (1 - time_expanded)", "* (1 + time_expanded)", "path.value"),
        ("1 - k / num_steps)", "1 - (k + 1) / num_steps)", "ode_sampler.times"),
        ("x_t = x_t - self", "x_t = x_t - 0.5 * self", "ode_sampler.value"),
        ("range(num_steps)", "range(num_steps - 1)", "schedule.structure"),
    ],
)
def test_a_wrong_line_is_seen(tmp_path: Path, line: str, wrong: str, seen: str) -> None:
    assert line in SMALL
    assert seen in differing(tmp_path, SMALL.replace(line, wrong))
