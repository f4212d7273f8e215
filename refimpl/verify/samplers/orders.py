"""Weak order one, away from the singular start."""

from ...simulate import grids
from ...statistics import orders
from ...toy import gaussian_1d
from .. import pictures
from ..check import Evidence, check
from .sde import _law


@check(
    "samplers", covers=("sde.transition", "sde.flow_grpo_g"), rows=("GRPO-6", "GRPO-7", "GRPO-9")
)
def weak_order_is_one_away_from_the_singularity(seed: int) -> Evidence:
    """From t = 0.95 the weak order is 1; from t = 1 the error changes sign, then grows with T."""
    ladder = (20, 40, 80, 160, 320)
    late, early = (_variance_errors(ladder, start, 0.7) for start in (0.95, 1.0))
    found = orders.order([1 / T for T in ladder], late, expected=1)
    if not (early[0] < early[1] < early[2] < 0 < early[3] < early[4]):
        raise AssertionError(
            f"from t = 1 the errors crossed zero after T = 80 and grew, now they are {early}"
        )
    figures = {"order from t = 0.95": found.order, "error constant from t = 0.95": found.constant}
    for name, errors in (("t = 0.95", late), ("t = 1", early)):
        figures |= {
            f"variance error from {name}, T = {T}": e for T, e in zip(ladder, errors, strict=True)
        }
    lines = {
        "from t = 0.95": (ladder, [abs(e) for e in late]),
        "from t = 1 (changes sign)": (ladder, [abs(e) for e in early]),
    }
    shown = pictures.curves(
        lines, x_label="steps T", y_label="|error of the variance|", log_x=True, log_y=True
    )
    return Evidence(
        f"order {found.order:.3f} from t = 0.95; from t = 1 the error goes from {early[0]:+.4f} "
        f"(T = 20) to {early[-1]:+.4f} (T = 320)",
        figures,
        {"Weak error of Flow-GRPO's chain, a = 0.7, on N(1.5, 0.25)": shown},
    )


def _variance_errors(ladder: tuple[int, ...], start: float, a: float) -> list[float]:
    found = (_law(gaussian_1d(), grids.uniform(T, start), a).variance[-1] for T in ladder)
    return [float(variance) - 0.25 for variance in found]
