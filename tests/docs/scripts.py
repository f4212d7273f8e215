"""Scripts of the pages, run by node and held to the test vectors."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
INTERACTIVE = ROOT / "docs" / "assets" / "interactive"
VECTORS = ROOT / "refimpl" / "vectors" / "data"


def node(program: str, given: Any, script: Path) -> Any:
    """What a program prints as JSON; `m` is the script, `given` what it is handed."""
    whole = (
        f"const m = require({json.dumps(str(script))});"
        f"const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        f"console.log(JSON.stringify({program}))"
    )
    done = subprocess.run(
        ["node", "-e", whole], input=json.dumps(given), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def cases(id: str) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
    """The valid float64 cases of an equation's test vectors: inputs and exact values."""
    found = []
    for case in json.loads((VECTORS / f"{id}.json").read_text("utf-8"))["tests"]:
        if case["result"] == "valid":
            inputs = {k: array(v, "decimal") for k, v in case["inputs"].items()}
            found.append((inputs, array(case["expected"]["value"], "digits")))
    return found


def array(given: dict[str, Any], key: str) -> np.ndarray:
    values = np.array([float(x) for x in np.atleast_1d(given[key])])
    return values.reshape(given.get("shape", []))


def held(id: str, script: Path, call: str, order: Any, rtol: float = 1e-13) -> int:
    """Hold a closed form of a script to the vectors of an equation; how many values were compared.

    Args:
        call: the form, called with `...r`, a row of inputs in the order given.
    """
    seen = 0
    for inputs, expected in cases(id):
        rows = np.stack(np.broadcast_arrays(*(inputs[k] for k in order)), -1)
        rows = rows.reshape(-1, len(order))
        got = node(f"given.map(r => {call})", rows.tolist(), script)
        np.testing.assert_allclose(got, expected.reshape(-1), rtol=rtol, atol=1e-300)
        seen += len(rows)
    return seen
