"""Commands that run an equation or algorithm on real input: the letter R of the coverage table.

A test runs each of them.
"""

RUNS: dict[str, tuple[str, ...]] = {
    "refimpl sample --toy mixture_2d --sampler ode": ("PATH-3",),
    "refimpl sample --toy mixture_2d --sampler sde --a 0.7 --steps 10": (
        "PATH-3",
        "SC-4",
        "SC-9",
        "GRPO-5",
        "GRPO-6",
    ),
    "refimpl check flow_matching": ("SC-8",),
    "refimpl check diffusers": ("SC-8",),
    "refimpl surrogate 1.3 --advantage -1 --clip 0.2": ("GRPO-4",),
}
"""Command line → ledger rows that it runs."""
