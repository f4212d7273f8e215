"""Transforms see the whole of every equation: compiled, mapped, differentiated and traced.

The validation is part of what they see. It must neither break a graph nor read
a value that is not there.
"""

import numpy as np
import pytest
import torch

from refimpl.equations import equations, find
from refimpl.evidence.calls import arguments, cast, parts
from refimpl.evidence.inputs import inputs, reduces

EVERY = [pytest.param(id, marks=pytest.mark.covers(id), id=id) for id in equations()]
FIRST = {id.partition(".")[0]: id for id in reversed(equations())}  # of every topic
ONE_OF_A_TOPIC = [p for p in EVERY if p.id in FIRST.values()]
OTHERS = [p for p in EVERY if p.id not in FIRST.values()]
ULPS = 64  # a compiler and a map may order sums and fuse products otherwise


def split(equation_id, system="torch64"):
    """The arrays of the array case, and the function of them alone, returning a flat tuple."""
    case = cast(inputs(equation_id)[0], system)
    names = [name for name, x in case.items() if hasattr(x, "shape")]

    def call(*arrays):
        given = {**case, **dict(zip(names, arrays, strict=True))}
        got = find(equation_id).function(**arguments(equation_id, given))
        values = vars(got).values() if hasattr(got, "__dataclass_fields__") else (got,)
        return tuple(x for x in values if hasattr(x, "shape"))

    return call, tuple(case[name] for name in names)


def close(got, want):
    assert len(got) == len(want) > 0
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=ULPS * 2.0**-53, atol=ULPS * 2.0**-53)


@pytest.mark.parametrize("equation_id", ONE_OF_A_TOPIC)
def test_a_compiler_sees_one_graph(equation_id):
    call, arrays = split(equation_id)
    torch.compiler.reset()
    close(torch.compile(call, backend="eager", fullgraph=True)(*arrays), call(*arrays))


@pytest.mark.slow
@pytest.mark.parametrize("equation_id", OTHERS)
def test_a_compiler_sees_one_graph_of_every_other_equation(equation_id):
    test_a_compiler_sees_one_graph(equation_id)


@pytest.mark.parametrize("equation_id", EVERY)
def test_a_map_over_a_batch_is_a_loop(equation_id):
    call, arrays = split(equation_id)
    batch = [torch.stack([x, x.flip(-1) if reduces(equation_id) else x]) for x in arrays]
    loop = [call(*(x[i] for x in batch)) for i in range(2)]
    close(torch.vmap(call)(*batch), [torch.stack(pair) for pair in zip(*loop, strict=True)])


@pytest.mark.parametrize("equation_id", EVERY)
def test_the_functional_gradient_is_the_gradient(equation_id):
    call, arrays = split(equation_id)
    every = tuple(range(len(arrays)))

    def added_up(*xs):
        return sum(y.sum() for y in call(*xs))

    leaves = [x.clone().requires_grad_() for x in arrays]
    want = torch.autograd.grad(added_up(*leaves), leaves, allow_unused=True)
    want = [torch.zeros_like(x) if g is None else g for g, x in zip(want, arrays, strict=True)]
    close(torch.func.grad(added_up, argnums=every)(*arrays), want)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("equation_id", EVERY)
def test_a_trace_computes_the_same(equation_id):
    call, arrays = split(equation_id)
    close(torch.jit.trace(call, arrays, check_trace=False)(*arrays), call(*arrays))


def same_in_jax(equation_id, transform):
    """The transformed function of JAX arrays returns what numpy returns, in double precision."""
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        call, arrays = split(equation_id, "numpy64")
        got, want = transform(call)(*(jax.numpy.asarray(x) for x in arrays)), call(*arrays)
        assert len(got) == len(want) > 0
        for a, b in zip(got, want, strict=True):
            assert isinstance(a, jax.Array)
            np.testing.assert_allclose(a, b, rtol=ULPS * 2.0**-53, atol=ULPS * 2.0**-53)


@pytest.mark.parametrize("equation_id", EVERY)
def test_jax_arrays_are_numbers_like_others(equation_id):
    same_in_jax(equation_id, lambda call: call)


@pytest.mark.slow
@pytest.mark.parametrize("equation_id", EVERY)
def test_jit_compiles_every_equation(equation_id):
    jax = pytest.importorskip("jax")
    same_in_jax(equation_id, jax.jit)


@pytest.mark.slow
@pytest.mark.parametrize("equation_id", EVERY)
def test_jax_differentiates_every_equation_as_torch_does(equation_id):
    jax = pytest.importorskip("jax")

    def added_up(call):
        return lambda xs: sum(y.sum() for y in call(*xs))

    of_torch, tensors = split(equation_id)
    want = torch.func.grad(added_up(of_torch))(tensors)
    with jax.enable_x64(True):
        call, arrays = split(equation_id, "numpy64")
        got = jax.grad(added_up(call))(tuple(jax.numpy.asarray(x) for x in arrays))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=ULPS * 2.0**-53, atol=ULPS * 2.0**-53)


def test_jax_arrays_are_looked_at_where_they_can_be():
    jax = pytest.importorskip("jax")
    drift, ones = find("sde.drift").function, jax.numpy.ones((2, 3))
    with pytest.raises(ValueError, match=r"^g must be zero or positive, got -1.0$"):
        drift(ones, ones, -ones[:, :1])
    with pytest.raises(ValueError, match=r"^v must be finite, got nan$"):
        drift(ones * float("nan"), ones, 1.0)
    with pytest.raises(TypeError, match=r"^g must hold real numbers, got dtype int32"):
        drift(ones, ones, jax.numpy.ones((2, 1), dtype="int32"))
    with pytest.raises(TypeError, match="give all arrays in one framework"):
        drift(ones, np.ones((2, 3), dtype=np.float32), 1.0)
    with pytest.raises(ValueError, match="outer product"):
        drift(ones[:1], ones[:, :1], 1.0)
    assert bool(jax.numpy.isnan(jax.jit(drift)(ones * float("nan"), ones, 1.0)).all())


def test_parts_of_a_jax_result_are_numpy():
    jax = pytest.importorskip("jax")
    assert parts(jax.numpy.ones(2))["value"].dtype == np.float64
