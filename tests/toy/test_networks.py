"""Networks: what they are before training, what they depend on, and what they refuse."""

import pytest
import torch

from refimpl.toy.networks import (
    MLP,
    DiT,
    UNet,
    as_field,
    build,
    classifier_free_field,
    parameters,
)

MAKERS = {
    "mlp": (lambda: MLP(2, width=32, labels=3), (2,)),
    "unet": (lambda: UNet(labels=3, channels=(8, 16), width=16), (1, 8, 8)),
    "unet16": (lambda: UNet(labels=3, channels=(8, 8, 16), width=16), (1, 16, 16)),
    "dit": (lambda: DiT(labels=3, width=16, heads=2, depth=2), (1, 8, 8)),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def stirred(name):
    """A network whose every parameter is random, zero-initialised layers included."""
    make, shape = MAKERS[name]
    network = build(make, generator())
    g = generator(1)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(torch.randn(p.shape, generator=g), alpha=0.1)
    return network, torch.randn(5, *shape, generator=g), torch.rand(5, generator=g)


@pytest.mark.parametrize("name", MAKERS)
def test_an_untrained_network_is_the_zero_field(name):
    make, shape = MAKERS[name]
    network = build(make, generator())
    x = torch.randn(4, *shape, generator=generator())
    out = network(x, torch.rand(4, generator=generator()), torch.tensor([0, 1, 2, 3]))
    assert out.shape == x.shape
    assert bool((out == 0).all())


@pytest.mark.parametrize("name", MAKERS)
def test_a_level_that_all_rows_share_is_worked_out_once_and_answers_alike(name):
    network, x, t = stirred(name)
    rows = []
    network.condition.register_forward_hook(lambda *call: rows.append(len(call[-1])))
    for y in (None, torch.tensor(1).expand(5), torch.tensor([0, 1, 2, 3, 0])):
        once = network(x, t[0].expand(5), y)
        each = network(x, t[:1].repeat(5), None if y is None else y.clone())
        torch.testing.assert_close(once, each, rtol=0, atol=1e-5)  # the sums' order, float32
    assert rows == [1, 5, 1, 5, 5, 5]


def test_a_new_dit_block_is_the_identity():
    network = build(MAKERS["dit"][0], generator())
    h, e = torch.randn(2, 16, 16, generator=generator()), torch.randn(2, 16, generator=generator())
    for block in network.blocks:
        assert torch.equal(block(h, e), h)


@pytest.mark.parametrize("name", MAKERS)
def test_label_and_level_change_the_answer_and_no_label_is_the_null_label(name):
    network, x, t = stirred(name)
    one, two = torch.full((5,), 1), torch.full((5,), 2)
    assert not torch.allclose(network(x, t, one), network(x, t, two))
    assert not torch.allclose(network(x, t, one), network(x, t * 0.5, one))
    assert torch.equal(network(x, t), network(x, t, torch.full((5,), network.condition.null)))


@pytest.mark.parametrize("name", MAKERS)
def test_rows_do_not_depend_on_each_other(name):
    network, x, t = stirred(name)
    y = torch.tensor([0, 1, 2, 3, 0])
    alone = torch.cat([network(x[i : i + 1], t[i : i + 1], y[i : i + 1]) for i in range(5)])
    # one float32 sum of at most a few hundred terms, in another order
    torch.testing.assert_close(network(x, t, y), alone, rtol=1e-4, atol=1e-4)


def test_patches_are_a_rearrangement():
    network = DiT()
    x = torch.arange(128.0).reshape(2, 1, 8, 8)
    patches = network.patchify(x)
    assert patches.shape == (2, 16, 4)
    assert patches[0, 0].tolist() == [0, 1, 8, 9]
    assert torch.equal(network.unpatchify(patches), x)


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: MLP(2), 132738),
        (lambda: UNet(labels=10), 268449),
        (lambda: DiT(labels=10), 317700),
    ],
)
def test_networks_are_as_small_as_their_docstrings_say(make, count):
    assert parameters(make()) == count


def test_building_draws_from_the_given_generator_alone():
    before = torch.random.get_rng_state()
    one, two = (build(lambda: MLP(2), generator(7)) for _ in range(2))
    other = build(lambda: MLP(2), generator(8))
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one.first.weight, two.first.weight)
    assert not torch.equal(one.first.weight, other.first.weight)


def test_guidance_at_0_and_1_is_the_unconditional_and_the_conditional_field():
    network, x, _ = stirred("mlp")
    x = x.double()
    for w, plain in ((0.0, as_field(network)), (1.0, as_field(network, 2))):
        guided = classifier_free_field(network, 2, w)(x, 0.4)
        assert guided.dtype == torch.float64
        assert torch.equal(guided, plain(x, 0.4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MLP(0), "sizes must be positive"),
        (lambda: MLP(2, width=33), "must be even"),
        (lambda: UNet(channels=(12,)), "multiples of 8"),
        (lambda: UNet(channels=(8, 8, 8))(torch.zeros(1, 1, 6, 6), torch.zeros(1)), "halved 2"),
        (lambda: DiT(size=9), "divide the picture"),
        (lambda: DiT()(torch.zeros(1, 1, 16, 16), torch.zeros(1)), r"takes x \(B, 1, 8, 8\)"),
        (lambda: MLP(2)(torch.zeros(3, 2), torch.zeros(())), "takes x"),
        (lambda: MLP(2)(torch.zeros(1, 2), torch.zeros(1), torch.tensor([0])), "without labels"),
        (
            lambda: MLP(2, labels=3)(torch.zeros(1, 2), torch.zeros(1), torch.tensor([4])),
            "labels run from 0 to 2, and 3 is the null label",
        ),
        (
            lambda: MLP(2, labels=3)(torch.zeros(2, 2), torch.zeros(2), torch.tensor([1.0, 2.0])),
            "whole number per row",
        ),
    ],
)
def test_what_does_not_fit_is_refused_on_entry(call, message):
    with pytest.raises(ValueError, match=message):
        call()
