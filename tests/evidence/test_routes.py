"""Every equation equals its second route, on floats, arrays and tensors of four dimensions."""

import copy

import numpy as np
import pytest
import torch

from refimpl.equations import equations, find
from refimpl.evidence.calls import arguments, cast, parts
from refimpl.evidence.inputs import inputs, reduces
from refimpl.verify.numbers.second_routes import agree

EVERY = [pytest.param(id, marks=pytest.mark.covers(id), id=id) for id in equations()]


def array_case(equation_id):
    return inputs(equation_id)[0]


def call(equation_id, case):
    return find(equation_id).function(**arguments(equation_id, case))


@pytest.mark.parametrize("equation_id", EVERY)
def test_the_equation_equals_its_second_route(equation_id):
    for seed in (0, 1):
        agree(equation_id, seed=seed)


@pytest.mark.parametrize("equation_id", EVERY)
def test_inputs_are_never_modified(equation_id):
    for system in ("numpy64", "torch64"):
        case = cast(array_case(equation_id), system)
        before = copy.deepcopy(case)
        call(equation_id, case)
        for name, x in case.items():
            assert (x == before[name]).all() if hasattr(x, "shape") else x == before[name]


@pytest.mark.parametrize("equation_id", EVERY)
def test_the_result_keeps_framework_and_dtype(equation_id):
    for system, dtype in (("numpy32", np.float32), ("torch32", torch.float32)):
        result = call(equation_id, cast(array_case(equation_id), system))
        values = vars(result).values() if hasattr(result, "__dataclass_fields__") else [result]
        for value in values:
            if hasattr(value, "dtype"):
                assert value.dtype == dtype


@pytest.mark.parametrize("equation_id", EVERY)
def test_the_equation_is_the_same_under_compilation_as_outside(equation_id, monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    case = cast(array_case(equation_id), "torch64")
    seen = parts(call(equation_id, case))
    monkeypatch.undo()
    for part, x in parts(call(equation_id, case)).items():
        assert np.array_equal(seen[part], x)


@pytest.mark.parametrize("equation_id", [p for p in EVERY if not reduces(p.id)])
def test_the_equation_maps_over_a_batch(equation_id):
    case = cast(array_case(equation_id), "torch64")
    tensors = {k: x for k, x in case.items() if isinstance(x, torch.Tensor)}
    options = {k: x for k, x in case.items() if k not in tensors}

    def one(*values):
        result = call(equation_id, dict(zip(tensors, values, strict=True)) | options)
        if hasattr(result, "__dataclass_fields__"):
            return tuple(torch.as_tensor(x) for x in vars(result).values())
        return result

    mapped = torch.vmap(one)(*tensors.values())
    whole = one(*tensors.values())
    pairs = zip(mapped, whole, strict=True) if isinstance(whole, tuple) else [(mapped, whole)]
    for got, want in pairs:
        # vmap may fuse the same operations in another order: one rounding
        assert torch.allclose(got, want.expand_as(got), rtol=2.0**-51, atol=2.0**-51)


@pytest.mark.parametrize("equation_id", EVERY)
def test_gradients_flow_through_the_equation(equation_id):
    case = cast(array_case(equation_id), "torch64")
    leaves = {k: x.requires_grad_() for k, x in case.items() if isinstance(x, torch.Tensor)}
    result = call(equation_id, case)
    values = vars(result).values() if hasattr(result, "__dataclass_fields__") else [result]
    total = sum(v.sum() for v in values if isinstance(v, torch.Tensor))
    grads = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    used = [g for g in grads if g is not None]
    assert used
    assert all(torch.isfinite(g).all() for g in used)
