"""Topics with learnt models: each claim with exact ingredients, then (slow) with trained ones."""

import math

import pytest
import torch
from torch import nn

from refimpl import toy
from refimpl.equations import objectives, paths
from refimpl.equations.ode import rk4
from refimpl.simulate import grids
from refimpl.toy import (
    batches,
    coupling,
    ddpm,
    guiding,
    latent,
    likelihood,
    maximum_likelihood,
    ncsn,
)
from refimpl.toy.labelled import Labelled, classifier_field, three_labels
from refimpl.toy.measures import kolmogorov, mode_weights
from refimpl.toy.networks import MLP, as_field, build
from refimpl.toy.training import Plan, train

SIX = 6.0  # standard errors: a two-sided false-alarm rate of 2e-9 per comparison
TEN = Plan(10)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def stirred(make):
    network, g = build(make, generator()), generator(1)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(torch.randn(p.shape, generator=g), alpha=0.05)
    return network.double()


# ---------------------------------------------------------------- Langevin and its scales


@pytest.mark.covers("langevin.step", "langevin.annealed_eps")
def test_plain_langevin_keeps_the_starts_weights_and_annealing_finds_the_datas():
    config, n, g = ncsn.Config(scales=12, inner=15), 600, generator()
    law, levels = config.law, config.levels
    sigmas = [float(config.path(t).sigma) for t in levels]
    exact = lambda x, t: law.at(config.path(t)).score(x)  # noqa: E731
    start = 12 * torch.rand(n, 2, generator=g, dtype=torch.float64) - 6
    plain = ncsn.plain(exact, start, levels[-1], eps=0.02, steps=150, generator=g)
    wide = sigmas[0] * torch.randn(n, 2, generator=g, dtype=torch.float64)
    annealed = ncsn.annealed(
        exact, wide, levels, sigmas, eps=config.eps_annealed, inner=config.inner, generator=g
    )
    noise = SIX * math.sqrt(0.25 / n)
    # half of the square is nearer to either mode: a half, and never four fifths
    assert abs(mode_weights(plain, law)[1] - 0.5) < noise
    # few steps a scale leave the chain a few hundredths short of 0.8
    assert abs(mode_weights(annealed, law)[1] - 0.8) < noise + 0.05


def test_scales_must_fall():
    with pytest.raises(ValueError, match="levels must fall"):
        ncsn.annealed(
            lambda x, t: -x,
            torch.zeros(2, 2),
            (0.1, 0.5),
            (1.0, 2.0),
            eps=0.1,
            inner=1,
            generator=generator(),
        )
    with pytest.raises(ValueError, match="weights lie in"):
        ncsn.Config(weight=1.0)


@pytest.mark.slow
def test_a_learnt_score_is_wrong_between_the_modes_and_right_across_scales():
    found = ncsn.run(ncsn.Config(train=Plan(1500, rate=3e-3), chains=1000), generator=generator())
    assert found.error_where_dense < 0.05 < 0.3 < found.error_between
    assert abs(found.weights["plain, learnt"] - 0.8) > 0.2
    # as the exact chain, see above; and 6 standard errors of a thousand chains
    assert abs(found.weights["annealed, learnt"] - 0.8) < 0.05 + 0.08


# ---------------------------------------------------------------- DDPM


@pytest.mark.covers("ddpm.marginal", "ddpm.posterior")
def test_the_schedule_lies_on_the_vp_path_and_beta_exceeds_the_posterior_variance():
    schedule = ddpm.Schedule(20)
    c = paths.vp(0.35, 0.1, 20.0)
    assert float(schedule.alpha_bar[7]) == pytest.approx(c.alpha**2, rel=1e-12)
    assert float((1 - schedule.beta).prod()) == pytest.approx(float(schedule.alpha_bar[-1]))
    x = torch.zeros(1, 1, dtype=torch.float64)
    for k in range(2, 21):
        wide, narrow = (
            ddpm.reverse(schedule, k, x, x, variance) for variance in ("beta", "posterior")
        )
        assert float(wide.std) > float(narrow.std)
        assert torch.equal(wide.mean, narrow.mean)


def test_ddpms_loss_is_the_squared_error_of_the_noise():
    """A network that answers zero has E‖ε‖² = d: chi-square, n d degrees of freedom."""
    n, loss = 50_000, ddpm.noise_prediction(ddpm.Schedule(50))
    batch = batches.from_law(toy.mixture_1d(), n)(generator())
    found = float(loss(MLP(1, width=8, depth=1), batch, generator()).detach())
    assert abs(found - 1) < SIX * math.sqrt(2 / n)


@pytest.mark.parametrize("variance", ["beta", "posterior"])
def test_ancestral_sampling_with_the_exact_noise_converges_to_the_law(variance):
    law, n, g = toy.mixture_1d(), 5000, generator()
    found = []
    for T in (10, 80):
        schedule = ddpm.Schedule(T)
        epsilon = lambda x, t, s=schedule: law.posterior_noise(s.path(t), x)  # noqa: E731
        start = torch.randn(n, 1, generator=g, dtype=torch.float64)
        x = ddpm.sample(epsilon, schedule, start, variance=variance, generator=g)
        found.append(kolmogorov(x[:, 0], law))
    band = math.sqrt(math.log(2 / 1e-9) / (2 * n))  # DKW, α = 1e-9: .046
    assert found[1] < band + 0.02  # the chain's own bias at 80 steps
    assert found[0] > found[1]


def test_an_unknown_variance_is_refused():
    x = torch.zeros(1, 1, dtype=torch.float64)
    with pytest.raises(ValueError, match="'beta' or 'posterior', got 'both'"):
        ddpm.reverse(ddpm.Schedule(5), 3, x, x, "both")
    with pytest.raises(ValueError, match="must divide T=200"):
        ddpm.Config(lengths=(7,))


@pytest.mark.slow
def test_a_trained_ddpm_samples_the_mixture():
    found = ddpm.run(
        ddpm.Config(train=Plan(1500), lengths=(10, 100), n=5000), generator=generator()
    )
    for variance in ("beta", "posterior"):
        assert found.distance["learnt", variance, 100] < 0.07  # DKW's .046, and the network's
        assert found.distance["learnt", variance, 10] > found.distance["learnt", variance, 100]


# ---------------------------------------------------------------- likelihood


@pytest.mark.covers("likelihood.instantaneous")
@pytest.mark.parametrize("name", ["gaussian_1d", "mixture_2d", "rotated_2d"])
def test_the_flows_likelihood_is_the_laws_density(name):
    law = toy.examples()[name]
    x = law.sample(10, generator())
    found = likelihood.log_likelihood(toy.field(law), x, tolerance=1e-8)
    # local errors of 1e-8, some hundred steps, stretched by the flow
    torch.testing.assert_close(found, law.log_density(x), rtol=0, atol=1e-5)


@pytest.mark.covers("likelihood.hutchinson")
def test_hutchinsons_estimate_is_unbiased():
    law, n = toy.mixture_2d(), 400
    x = law.sample(2, generator())
    signs = 2.0 * torch.randint(2, (2 * n, 2), generator=generator()).double() - 1
    many = x.repeat_interleave(n, dim=0)
    found = likelihood.log_likelihood(
        toy.field(law), many, divergence=likelihood.hutchinson(signs), tolerance=1e-5
    ).reshape(2, n)
    error = found.std(dim=1) / math.sqrt(n)
    assert bool((error > 1e-3).all())  # it is an estimate
    assert bool(((found.mean(dim=1) - law.log_density(x)).abs() < SIX * error + 1e-3).all())


def test_the_density_of_any_network_flow_integrates_to_one():
    network = stirred(lambda: MLP(2, width=16, depth=1))
    u = torch.linspace(-7, 7, 57, dtype=torch.float64)
    x = torch.cartesian_prod(u, u)
    field = as_field(network)
    log_p = likelihood.fixed_step(field, x, rk4, grids.uniform(8)).detach()
    # trapezoid sums of a smooth, decaying density; and RK4's error at 8 steps
    assert float(log_p.exp().sum() * (u[1] - u[0]) ** 2) == pytest.approx(1, abs=1e-3)
    adaptive = likelihood.log_likelihood(field, x[::97], tolerance=1e-7)
    torch.testing.assert_close(log_p[::97], adaptive, rtol=1e-3, atol=1e-3)


def test_maximum_likelihood_climbs():
    """The zero field's likelihood is the noise's; thirty steps gain on fresh data."""
    law, g = toy.gaussian([1.0, -1.0], [0.5, 0.5]), generator()
    loss = maximum_likelihood.negative_log_likelihood(4)
    network = build(lambda: MLP(2, width=16, depth=1), g)
    draw = batches.from_law(law, 128)
    batch = draw(g)
    start = float(loss(network, batch, g).detach())
    noise = math.log(2 * math.pi) + float((batch.data**2).sum(dim=1).mean()) / 2
    assert start == pytest.approx(noise, rel=1e-5)  # float32
    train(network, loss, draw, Plan(30, rate=1e-2), generator=g)
    entropy = 1 + math.log(2 * math.pi) + 2 * math.log(0.5)
    assert entropy - 0.1 < float(loss(network, draw(g), g).detach()) < start - 0.5


def test_likelihood_of_what_is_no_sample_is_refused():
    field = toy.field(toy.gaussian_1d())
    with pytest.raises(ValueError, match="NaN or infinity"):
        likelihood.log_likelihood(field, torch.tensor([[math.nan]]))
    with pytest.raises(ValueError, match=r"samples must be \(B, d\)"):
        likelihood.log_likelihood(field, torch.zeros(3))


@pytest.mark.slow
def test_flow_matching_reaches_a_better_likelihood_with_fewer_evaluations():
    plan = maximum_likelihood.Config(Plan(60, rate=5e-3), Plan(1500), held_out=200)
    found = maximum_likelihood.run(plan, generator=generator())
    few = found.flow_matching_as_few_steps
    assert few.gap > found.maximum_likelihood.gap  # step for step, likelihood is ahead
    assert found.flow_matching.gap < found.maximum_likelihood.gap  # at equal cost, behind
    one, other = found.flow_matching, found.maximum_likelihood
    assert one.steps * one.evaluations < other.steps * other.evaluations


# ---------------------------------------------------------------- optimal transport


@pytest.mark.covers("coupling.cost")
def test_a_minibatch_coupling_is_the_cheapest_permutation():
    g = generator()
    data, noise = torch.randn(40, 2, generator=g), torch.randn(40, 2, generator=g)
    paired = coupling.minibatch(data, noise)
    assert sorted(paired.tolist()) == sorted(noise.tolist())
    ot = pytest.importorskip("ot")
    price = torch.cdist(data.double(), noise.double()) ** 2
    least = float(ot.emd2([], [], price.numpy())) * 40
    assert float(((data - paired) ** 2).sum()) == pytest.approx(least, rel=1e-5)  # float32 sums


def test_on_the_line_the_cheapest_coupling_is_the_monotone_one():
    g = generator()
    data, noise = torch.randn(50, 1, generator=g), torch.randn(50, 1, generator=g)
    order = data[:, 0].argsort()
    assert torch.equal(coupling.minibatch(data, noise)[order], noise.sort(dim=0).values)


@pytest.mark.covers("coupling.straightness")
def test_only_straight_trajectories_have_no_straightness_error():
    noise = torch.randn(100, 2, generator=generator(), dtype=torch.float64)
    assert coupling.straightness(lambda x, t: torch.ones_like(x), noise) < 1e-25  # rounding
    assert coupling.straightness(toy.field(toy.mixture_2d()), noise) > 0.5


def test_couplings_of_different_batches_are_refused():
    with pytest.raises(ValueError, match="must have one shape"):
        coupling.minibatch(torch.zeros(3, 2), torch.zeros(4, 2))


@pytest.mark.slow
def test_minibatch_transport_straightens_and_needs_fewer_steps():
    config = coupling.Config(batch=128, train=Plan(1000), n=1000)
    rows = coupling.run(config, generator=generator()).rows
    free, matched = rows["independent"], rows["minibatch OT"]
    assert matched.cost < 0.4 * free.cost
    assert matched.target_variance < 0.1 * free.target_variance
    assert matched.straightness < 0.1 * free.straightness
    assert matched.distance[1] < 0.1 * free.distance[1]


# ---------------------------------------------------------------- guidance


@pytest.mark.covers("guidance.bayes_score")
def test_the_exact_classifiers_gradient_is_the_difference_of_two_scores():
    p, c = three_labels(), paths.linear(0.3)
    x = p.law.sample(20, generator())
    for y in range(3):
        found = p.classifier_score(c, x, y)
        exact = p.given[y].at(c).score(x) - p.law.at(c).score(x)
        torch.testing.assert_close(found, exact, rtol=1e-11, atol=1e-11)  # a hundred roundings
    total = p.log_posterior(c, x).exp().sum(dim=1)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=1e-14, atol=0)


@pytest.mark.covers("guidance.classifier", "guidance.classifier_free")
@pytest.mark.parametrize("w", [0.0, 1.0, 3.0])
def test_classifier_guidance_and_classifier_free_guidance_are_one_field(w):
    p, y = three_labels(), 2
    x = p.law.sample(20, generator())
    score = lambda x, t: p.classifier_score(paths.linear(t), x, y)  # noqa: E731
    guided = classifier_field(p.guided(y, 0.0), score, w)
    for t in (0.1, 0.6, 0.99):
        # roundings magnified by a_t = 99 at most
        torch.testing.assert_close(guided(x, t), p.guided(y, w)(x, t), rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match="alpha must be positive"):
        guided(x, 1.0)


def test_labels_are_drawn_by_their_prior():
    n = 50_000
    x, y = three_labels().sample(n, generator())
    assert x.shape == (n, 2)
    for label, share in enumerate((0.5, 0.3, 0.2)):
        found = float((y == label).double().mean())
        assert abs(found - share) < SIX * math.sqrt(share * (1 - share) / n)


def test_a_law_per_label_is_required():
    with pytest.raises(ValueError, match="one mixture per label"):
        Labelled(torch.ones(2, dtype=torch.float64) / 2, (toy.gaussian_1d(),))
    with pytest.raises(ValueError, match="a classifier needs labels"):
        guiding.noised_classification(nn.Identity(), batches.Batch(torch.zeros(2, 2)), generator())


def test_a_guided_sampler_is_held_against_the_exact_field_on_its_own_grid(monkeypatch):
    taken, plain = [], guiding._sample
    monkeypatch.setattr(guiding, "_sample", lambda used, noise, grid, config, g: (
        plain(used, noise, grid, config, g) * 0 + (0.0 if grid is None else sum(grid.levels))
    ))  # fmt: skip
    row = guiding._row
    monkeypatch.setattr(guiding, "_row", lambda p, y, x, reference, target: (
        taken.append((float(x[0, 0]), float(reference[0, 0]))) or row(p, y, x, reference, target)
    ))  # fmt: skip
    config = guiding.Config(
        train=TEN, classifier=TEN, batch=16, scales=(1.0, 3.0), n=4, ode_steps=4, sde_steps=4
    )
    guiding.run(config, generator=generator())
    assert len(taken) == 2 * 4
    assert len(set(taken)) == 3  # two grids, and the chain
    assert all(x == reference for x, reference in taken)


@pytest.mark.slow
def test_a_guided_network_samples_the_conditional_law_at_1_and_crowds_above():
    config = guiding.Config(
        train=Plan(1500), classifier=Plan(1000), scales=(1.0, 3.0), n=1000, sde_steps=50
    )
    found = guiding.run(config, generator=generator())
    assert max(found.unconditional_error, found.conditional_error) < 0.05
    for method in ("ode", "sde", "classifier, exact", "classifier, trained"):
        one, three = found.rows[method, 1.0], found.rows[method, 3.0]
        assert one.from_conditional < 0.03  # chance makes ± .005, the networks the rest
        assert three.from_conditional > 0.1  # w > 1 samples another law
        assert three.accuracy > one.accuracy
        assert three.spread < one.spread


# ---------------------------------------------------------------- a latent space


def test_a_latent_flow_answers_with_pictures_of_every_label():
    g = generator()
    data = torch.randn(60, 9, generator=g)
    label = torch.arange(60) % 3
    config = latent.Config(latent=2, autoencoder=TEN, flow=TEN, batch=16, n=4, steps=3)
    found = latent.run(data, label, data[:10], config, generator=g)
    assert found.samples.shape == (12, 9)
    assert found.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert bool(torch.isfinite(found.samples).all())


@pytest.mark.slow
def test_a_latent_flow_finds_the_labels_of_a_plane_in_nine_dimensions():
    """Data on a plane: two numbers are enough for the code, and each label has its own place."""
    p, g = three_labels(), generator()
    frame = torch.linalg.qr(torch.randn(9, 2, generator=g)).Q
    x, y = p.sample(2000, g)
    config = latent.Config(latent=2, autoencoder=Plan(800), flow=Plan(1500), w=1.0, n=300)
    found = latent.run(x.float() @ frame.T, y, x[:200].float() @ frame.T, config, generator=g)
    assert found.unexplained < 0.02
    read = p.log_posterior(paths.linear(0.0), (found.samples @ frame).double()).argmax(dim=1)
    right = float((read == found.labels).double().mean())
    known = p.log_posterior(paths.linear(0.0), x).argmax(dim=1)
    best = float((known == y).double().mean())  # labels overlap: no sampler can beat Bayes
    assert abs(right - best) < 0.08  # 6 standard errors of 900, and the networks'


def test_objectives_and_topics_speak_of_one_loss():
    """DDPM's loss is the weighted denoising loss at s = −ε_θ/σ, written out once."""
    e, guess = torch.randn(5, 2, generator=generator()), torch.ones(5, 2)
    found = objectives.weighted_denoising(-guess / 0.3, e, 0.3)
    torch.testing.assert_close(found, (guess - e) ** 2, rtol=1e-5, atol=1e-6)  # float32
