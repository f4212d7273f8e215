"""How long a full check of one implementation takes, and which checks take it.

    python tests/benchmarks/check.py

The goal is 5 s of one core, imports apart; the reference adapter provides every capability.
"""

import time

import torch

from refimpl.conformance.kit import judge
from refimpl.peers.own import Refimpl

GOAL = 5.0


def main() -> None:
    """Print the time of a whole check, and its slowest parts."""
    torch.set_num_threads(1)
    judge(Refimpl)  # equations and checks are imported here
    began = time.process_time()
    report = judge(Refimpl)
    took = time.process_time() - began
    for r in sorted(report.results, key=lambda r: -r.seconds)[:8]:
        print(f"{r.seconds:7.3f} s  {r.check}")
    print(f"{took:7.2f} s  {len(report.results)} checks, {took / GOAL:.1%} of the goal")


if __name__ == "__main__":
    main()
