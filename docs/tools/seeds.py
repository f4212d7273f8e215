"""By how much `refimpl train toy` misses its prediction, over seeds.

    python docs/tools/seeds.py [SEEDS]

Some twelve seconds a seed on one core. Writes docs/assets/training/seeds.json, from which the
lecture on the decision process takes its number.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch

from refimpl.toy.grpo import running

KEPT = Path(__file__).parents[1] / "assets/training/seeds.json"


def miss(seed: int, folder: Path) -> float:
    """The end's mean less what is predicted for it, both exact for the policy that was learnt."""
    asked = running.Request("gaussian", {"seed": seed}, out=folder / str(seed))
    found = running.run(asked).summary
    return float(found["end_mean"] - found["end_mean_predicted"])


def main() -> None:
    """Run every seed and keep the misses."""
    torch.set_num_threads(1)
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    with tempfile.TemporaryDirectory() as folder:
        misses = [miss(seed, Path(folder)) for seed in range(seeds)]
    rms = (sum(m**2 for m in misses) / seeds) ** 0.5
    record = {"seeds": seeds, "rms": rms, "misses": misses}
    KEPT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
