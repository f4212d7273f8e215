"""Make the pictures and tables of docs/training.md from runs of `refimpl train toy`.

    python docs/tools/training.py RUNS

Runs that RUNS already holds, finished, are used; the others are run (some ten minutes on one core
for all). Pictures and figures.json go to docs/assets/training; the page's blocks between markers
`<!-- training: NAME -->` and `<!-- end training -->` are written anew.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import torch

from refimpl.equations import tilting
from refimpl.equations.gaussian import Gaussian
from refimpl.runs import metrics, pictures
from refimpl.runs.doctor import Diagnosis, examine
from refimpl.simulate import grids
from refimpl.toy import gaussian_1d
from refimpl.toy.grpo import EXACT, exact, running

DOCS = Path(__file__).parents[1]
ASSETS = DOCS / "assets/training"
PAGE = DOCS / "training.md"

RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "gaussian": ("gaussian", {}),
    "mixture": ("mixture", {}),
    "mixture-free": ("mixture", {"beta": 0.0, "iterations": 40}),
    "ink-free": ("digits", {"beta": 0.0}),
    "ink": ("digits", {"beta": 0.05}),
    "ink-held": ("digits", {"beta": 0.5}),
    "holes": ("digits", {"reward": "holes"}),
}


def run_all(folder: Path) -> dict[str, running.Done]:
    """Every run, finished."""
    done = {}
    for name, (task, changes) in RUNS.items():
        path = folder / name
        request = running.Request(task, changes, resume=path.exists(), out=path)
        done[name] = running.run(request)
        print(f"{name}: {path}")
    return done


def draw(done: dict[str, running.Done]) -> None:
    """Pictures that come from runs, and curves of several runs together."""
    copied = {
        "mixture": "tuned_and_optimum",
        "mixture-free": "tuned_and_reference",
        "ink-held": "tuned",
        "ink": "tuned",
        "ink-free": "tuned",
        "holes": "tuned",
    }
    for run, name in copied.items():
        source = done[run].path / f"{name}.svg"
        put(run, source.read_text(encoding="utf-8"))
    put("digits", (done["ink"].path / "before.svg").read_text(encoding="utf-8"))
    for name, key, runs in (
        ("hacking-reward", "sampled_reward", ("ink-free", "ink", "ink-held")),
        ("hacking-read", "read_as_asked", ("ink-free", "ink", "ink-held")),
        ("mixture-distance", "distance_to_optimum", ("mixture",)),
    ):
        curves = {run: measured(done[run], key) for run in runs}
        label = key.replace("_", " ")
        put(name, pictures.curves(curves, x_label="iteration", y_label=label).svg())
    steps = {run: signal_of(examine(done[run].path)) for run in ("mixture", "ink", "holes")}
    drawn = pictures.curves(
        steps, x_label="step of the chain (0 is the noisiest)", y_label="cosine of two half batches"
    )
    put("signal", drawn.svg())


def put(name: str, picture: str) -> None:
    """A picture as a file: it cannot follow the page's colours, so it brings its own."""
    drawn = picture.replace('style="max-width', 'style="background:#fff;color:#222;max-width', 1)
    (ASSETS / f"{name}.svg").write_text(drawn, encoding="utf-8")


def measured(done: running.Done, key: str) -> tuple[list[float], list[float]]:
    """A measurement by iteration."""
    rows = [row for row in metrics.read(done.path / "metrics.jsonl") if key in row]
    return [row["step"] + 1 for row in rows], [row[key] for row in rows]


def signal_of(diagnosis: Diagnosis) -> tuple[list[float], list[float]]:
    """The mean cosine by step."""
    return [s.step for s in diagnosis.signals], [s.cosine for s in diagnosis.signals]


def tables(figures: dict[str, Any]) -> dict[str, str]:
    """The page's blocks that follow from the figures, by name."""
    return {
        "line": line_table(figures["gaussian"]),
        "plane": plane_table(figures["mixture"]),
        "hacking": hacking_table(figures),
        "boundary": boundary_table(),
        "doctor": doctor_table(figures["doctor"]),
    }


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown, numbers to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def line_table(came: Any) -> str:
    """What sampling with other numbers of steps gives, exactly."""
    rows = [
        [
            f"T = {T}",
            f"{came[f'end_mean_at_T{T}']:.4f}",
            f"{came[f'end_mean_sampled_at_T{T}']:.4f}",
            f"{came[f'end_std_at_T{T}']:.4f}",
        ]
        for T in (5, 10, 20, 40, 80)
    ]
    head = ["trained with T = 10, sampled with", "mean, exact", "mean of 20,000", "std, exact"]
    return table(head, rows) + (
        f"\n\nBefore tuning the mean is {came['end_mean_before']:.4f}; the optimum at T = 10 is "
        f"{came['end_mean_predicted']:.4f}."
    )


def plane_table(came: Any) -> str:
    """Reward and distance against the number of steps."""
    rows = [["before", f"{came['reward_before']:.3f}", f"{came['distance_to_optimum_before']:.4f}"]]
    for T in (5, 10, 20, 40):
        reward, gap = (came[f"{k}_at_T{T}"] for k in ("sampled_reward", "distance_to_optimum"))
        rows.append([f"tuned, T = {T}", f"{reward:.3f}", f"{gap:.4f}"])
    rows.append(["the tilted law", f"{came['reward_of_the_optimum']:.3f}", "0"])
    return table(["", "mean reward", "energy distance to the tilted law"], rows)


def hacking_table(figures: dict[str, Any]) -> str:
    """Reward against an independent reader."""
    came = figures["ink"]
    rows = [["before", f"{came['reward_before']:.2f}", f"{came['read_as_asked_before']:.1%}", "0"]]
    for run, beta in (("ink-held", 0.5), ("ink", 0.05), ("ink-free", 0.0)):
        end = figures[run]
        rows.append(
            [
                f"β = {beta:g}",
                f"{end['sampled_reward_at_T40']:.2f}",
                f"{end['read_as_asked_at_T40']:.1%}",
                f"{end['kl']:.0f}",
            ]
        )
    return table(["", "ink (the reward)", "read as the digit asked for", "KL in nats"], rows)


def boundary_table() -> str:
    """Exact: what the chain's law, its memory and the best policy are, by rule and T."""
    law, reward, beta, rows = gaussian_1d(), exact.Linear(1.0), 1.0, []
    for boundary in ("next_level", "clamp"):
        for T in (5, 10, 20, 40):
            grid, method = grids.uniform(T), EXACT.but(boundary=boundary)
            with torch.no_grad():
                reference = exact.chain(exact.Affine(law, grid), method, grid)
            top = exact.best(reference, reward, beta)
            before, after = reference.moments(), top.moments()
            gain, ideal = float(after[0][-1] - before[0][-1]), Gaussian(1.5, 0.5)
            whole = tilting.linear(ideal, 1.0, beta).mean - ideal.mean
            rows.append(
                [
                    f"`{boundary}`, T = {T}",
                    f"{float(before[1][-1]):.4f}",
                    f"{gain:.4f}",
                    f"{gain / whole:.1%}",
                ]
            )
    head = ["rule at t = 1", "variance (data: 0.25)", "best gain", "of the ideal 0.25"]
    return table(head, rows)


def doctor_table(findings: list[dict[str, str]]) -> str:
    """What the doctor prints."""
    columns = ("invariant", "expected", "seen", "verdict")
    rows = [[f[column].replace("|", "\\|") for column in columns] for f in findings]
    lines = [list(columns), ["---"] * 4, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Run, draw, and write the page's blocks."""
    torch.set_num_threads(1)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/docs")
    ASSETS.mkdir(parents=True, exist_ok=True)
    done = run_all(folder)
    draw(done)
    figures: dict[str, Any] = {name: {**d.summary, "kl": d.last["kl"]} for name, d in done.items()}
    figures["doctor"] = examine(done["mixture"].path).as_dict()["findings"]
    (ASSETS / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    for name, block in tables(figures).items():
        pattern = rf"(<!-- training: {name} -->\n).*?(\n<!-- end training -->)"
        page, found = re.subn(
            pattern, lambda m, block=block: f"{m[1]}\n{block}\n{m[2]}", page, flags=re.DOTALL
        )
        if found != 1:
            raise SystemExit(f"{PAGE} has {found} blocks named {name}, one is needed")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
