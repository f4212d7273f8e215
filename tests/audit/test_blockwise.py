"""However few rows are read at one time, the findings are those of the whole record at once."""

import math

import pytest
import torch

from refimpl.audit.judging.block import distinct, norms
from refimpl.audit.reporting import stream, whole

LATENTS = ("mean", "noise", "v_ref")


def right(make):
    return make(batch=30, shape=(4, 9, 7), dtype=torch.float32)


def without(make, *names):
    return {k: x for k, x in right(make).items() if k not in names}


def unusable(make):
    """Some rows whose levels no step has, and a NaN in a latent."""
    made = right(make)
    made["t"][5:9] = made["s"][5:9]
    made["x_t"][40, 0, 3, 3] = math.nan
    return made


def drawn_louder(make):
    """Every seventh row has another sample than its log-probability, and than its noise says."""
    made = right(make)
    made["x_s"][::7] += 0.05 * torch.randn(made["x_s"][::7].shape, generator=torch.Generator())
    return made


def of_two_policies(make):
    made = without(make, "mean", "noise", "g")
    return made | {"v_old": made["v"], "v": 1.01 * made["v"], "log_prob_old": made["log_prob"]}


RECORDS = {
    "right": right,
    "no mean": lambda make: without(make, "mean"),
    "no noise": lambda make: without(make, "mean", "noise"),
    "no scale": lambda make: without(make, "std", "g", "log_prob"),
    "latents alone": lambda make: {k: right(make)[k] for k in ("x_t", "x_s", "v", "noise")},
    "unusable rows": unusable,
    "another sample": drawn_louder,
    "two policies": of_two_policies,
    "half precision": lambda make: make(batch=20, shape=(4, 9, 7), dtype=torch.bfloat16),
    "quiet steps": lambda make: make(batch=20, shape=(4, 9, 7), a=0.0, dtype=torch.float32),
}


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_read_in_parts_has_the_findings_of_the_whole(make, judge, monkeypatch, record):
    content, found = RECORDS[record](make), []
    for rows, coordinates in ((10**6, 2**30), (256, 2**17), (7, 2 * 4 * 9 * 7), (1, 1)):
        monkeypatch.setattr(stream, "CHUNK", rows)
        for module in (stream, whole):
            monkeypatch.setattr(module, "TILE", coordinates)
        found.append(judge(content)["report"].findings)
    at_once, *in_parts = found
    assert len(at_once) >= 2
    for other in in_parts:
        for a, b in zip(at_once, other, strict=True):
            assert (a.subject, a.verdict, a.formula, a.rows) == (
                b.subject,
                b.verdict,
                b.formula,
                b.rows,
            )
            assert a.detail == b.detail
            for x, y in ((a.gap, b.gap), (a.allowed, b.allowed)):
                assert (x is None) == (y is None)
                assert x is None or y is None or abs(x - y) <= 1e-9 * abs(x)


def test_every_number_is_read_once_and_no_row_left_out(make, judge, monkeypatch):
    """Beyond the probe, each row of a right record is asked for once."""
    read, made = [], stream._Chunk.read

    def noted(self, a, b):
        read.extend(range(self._start + a, self._start + b))
        return made(self, a, b)

    monkeypatch.setattr(stream._Chunk, "read", noted)
    content = right(make)
    judge(content)
    assert read == list(range(len(content["x_t"])))


def test_the_rows_that_differ_are_told_in_order_with_the_place_of_each():
    draw = torch.Generator().manual_seed(0)
    rows = torch.randint(3, (200, 3), generator=draw).double() / 7
    each, back = distinct(rows)
    assert torch.equal(each, torch.unique(rows, dim=0))
    assert torch.equal(each[back], rows)
    one, place = distinct(rows[:1].expand(5, 3))
    assert torch.equal(one, rows[:1])
    assert place.tolist() == [0] * 5


def test_the_norms_of_rows_are_not_finite_where_a_coordinate_is_not():
    x = torch.tensor([[3.0, 4.0], [torch.nan, 1.0], [torch.inf, 1.0]]).double()
    assert norms(x[:1]).tolist() == [[5.0]]
    assert torch.isfinite(norms(x)).flatten().tolist() == [True, False, False]
