"""What trainers call their laws of levels, and which law it is: the table of the page, checked."""

import numpy as np
import pytest
import torch

from refimpl.simulate import levels

SHARES = np.array([0.02, 0.3, 0.5, 0.8, 0.97])


@pytest.mark.parametrize(("shift", "dynamic"), [(3.0, False), (3.0, True)])
def test_a_mean_of_diffusers_scripts_is_minus_m_on_the_schedulers_levels(shift, dynamic):
    """u is an index into timesteps that fall from 1000, so logit_mean > 0 prefers data."""
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=shift, use_dynamic_shifting=dynamic)
    m, s = 0.75, 1.25
    drawn = levels.logit_normal(m, s)
    index = torch.tensor([int(1000 * drawn.quantile(p)) for p in SHARES])
    met = scheduler.timesteps[index].double().numpy() / 1000
    law = levels.logit_normal(-m, s)
    law = law if dynamic else law.shifted(shift)
    meant = np.array([law.quantile(1 - p) for p in SHARES])
    assert met == pytest.approx(meant, abs=shift / 1000)  # one index, times the slope of the shift


@pytest.mark.parametrize(
    ("word", "rank"), [("content", "beta(1, 0.3333333333333333)"), ("style", None)]
)
def test_ai_toolkits_content_and_style_are_beta_laws(word, rank):
    """Index u³ of a list that falls is level 1 − u³; style is 1 − u³, level u³."""
    u = np.random.default_rng(3).random(50)
    t = 1 - u**3 if word == "content" else u**3
    law = levels.law(rank or "beta(0.3333333333333333, 1)")
    shares = [law.below(level) for level in t]
    assert shares == pytest.approx(list(1 - u if word == "content" else u), abs=1e-9)
