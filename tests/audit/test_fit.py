"""What a formula without a number says of a record."""

import torch

from refimpl.audit.judging import fit
from refimpl.audit.judging.formulas import MEANS
from refimpl.audit.reading.clocks import Clock, Reading


def test_a_formula_without_a_number_where_one_was_recorded_does_not_fit():
    one = torch.ones(2, 1, dtype=torch.float64)
    rule = fit.Linear({"x_t": (torch.tensor([[1.0], [torch.nan]]).double(), 0 * one)})
    found = fit.gap(rule, {"x_t": one}, one, {"x_t": 2.0**-53}, 2.0**-53)
    assert found.size.tolist() == [0, torch.inf]
    judged = fit.match(MEANS[0], Reading(Clock(1)), found)
    assert (judged.level, judged.share) == ("", 0.5)


def test_a_row_that_was_recorded_as_no_number_is_left_out():
    one = torch.ones(2, 1, dtype=torch.float64)
    rule = fit.Linear({"x_t": (one, 0 * one)})
    told = torch.tensor([[1.0], [torch.nan]]).double()
    found = fit.gap(rule, {"x_t": one}, told, {"x_t": 2.0**-53}, 2.0**-53)
    assert fit.match(MEANS[0], Reading(Clock(1)), found).level == "exact"
