"""The study's pictures and tables, from what metrics.json holds.

held_out.svg                 all arms against iterations, one picture of each held-out caption
reward.svg, seeds.svg, held.svg     rewards in training, means of five iterations
decisions.svg                what guidance in one step gains
signal.svg, size.svg         cosine and length of each step's gradient
ARM.png                      held-out captions, eight pictures each; a green edge: all is right
report.md                    tables
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ...runs import atomic, pictures
from .captions import CATEGORIES, Caption
from .intervals import further
from .reward import marks

SCALE, EDGE, WORDS = 3, 2, 190
"""Pixels a pixel, of the edge, and for the caption."""


def sheet(images: Float[Tensor, "captions each 3 16 16"], captions: Sequence[Caption]) -> bytes:
    """A PNG: a row for each caption, an edge round each picture, green if it is right."""
    from PIL import Image, ImageDraw

    each, side = images.shape[1], SCALE * images.shape[-1] + 2 * EDGE + 2
    page = Image.new("RGB", (WORDS + each * side, len(captions) * side), "white")
    pen = ImageDraw.Draw(page)
    for r, (row, caption) in enumerate(zip(images, captions, strict=True)):
        strict, _ = marks(row, [caption] * each)
        pen.text((4, r * side + side // 2 - 6), caption.text, fill="black")
        for c, image in enumerate(row):
            pixels = (image.permute(1, 2, 0) * 255).round().to(torch.uint8)
            large = pixels.repeat_interleave(SCALE, 0).repeat_interleave(SCALE, 1)
            left, top = WORDS + c * side, r * side
            colour = "#10b981" if strict[c] else "#b0b0b0"
            pen.rectangle((left, top, left + side - 3, top + side - 3), fill=colour)
            page.paste(Image.fromarray(large.contiguous().numpy()), (left + EDGE, top + EDGE))
    buffer = io.BytesIO()
    page.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def write(out: Path, found: Mapping[str, Any]) -> None:
    """Pictures and report.md."""
    for name, drawn in drawings(found).items():
        atomic.write(out / f"{name}.svg", drawn.svg(name.replace("_", " ")).encode())
    text = "\n\n".join(f"## {title}\n\n{body}" for title, body in tables(found).items())
    files = sorted(file for file in out.iterdir() if file.suffix in (".svg", ".png"))
    shown = [f"![{file.stem}]({file.name})" for file in files]
    page = "# The miniature, improved\n\n" + "\n\n".join([text, *shown]) + "\n"
    atomic.write(out / "report.md", page.encode())


def drawings(found: Mapping[str, Any]) -> dict[str, pictures.Picture]:
    """The curves."""
    arms = found["arms"]
    drawn: dict[str, pictures.Picture] = {
        "held_out": pictures.curves(
            {name: columns(arm["held out"]) for name, arm in arms.items()},
            x_label="iteration",
            y_label="held-out strict reward",
        ),
        **{
            picture: pictures.curves(
                {name: _fives(arms[name]["reward"]) for name in shown if name in arms},
                x_label="iteration",
                y_label="reward in training",
            )
            for picture, shown in SHOWN.items()
            if set(shown) & set(arms)
        },
    }
    if seen := found.get("decisions"):
        drawn["decisions"] = pictures.curves(
            {"guided alone": (range(len(seen["gains"])), seen["gains"])},
            x_label="step of the chain, 0 the noisiest",
            y_label="gain in strict reward",
        )
    if found.get("signal"):
        every = found["signal"]["all"]
        drawn["signal"] = pictures.curves(
            {
                NOISE[name]: (seen["steps"], seen["cosines"])
                for name, seen in found["signal"].items()
            },
            x_label="step of the chain, 0 the noisiest",
            y_label="cosine of two half batches",
        )
        drawn["size"] = pictures.curves(
            {
                "equal weights": (every["steps"], every["norms"]),
                "levelled weights": (every["steps"], levelled(every)),
            },
            x_label="step of the chain, 0 the noisiest",
            y_label="length of the gradient",
            log_y=min(every["norms"]) > 0,
        )
    return drawn


SHOWN = {
    "reward": ("levelled", "equal", "early", "late"),
    "seeds": ("levelled", "seed-1", "seed-2", "long"),
    "held": ("levelled", "kl", "kl-strong"),
}
"""Pictures of rewards in training, and whose."""
SEEDS = ("levelled", "seed-1", "seed-2")
"""One recipe, three seeds."""


def _fives(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Means of five iterations, at the middle one."""
    starts = range(0, len(values), 5)
    parts = [values[start : start + 5] for start in starts]
    middles = [start + (len(part) - 1) / 2 for start, part in zip(starts, parts, strict=True)]
    return middles, [sum(part) / len(part) for part in parts]


def columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Points as a curve."""
    return [x for x, _ in points], [y for _, y in points]


NOISE = {"all": "noise in all steps", "window": "noise in steps 2 to 4"}


def levelled(seen: Mapping[str, Any]) -> list[float]:
    """The lengths of the steps' gradients with levelled weights."""
    return [w * x for w, x in zip(seen["weights"]["levelled"], seen["norms"], strict=True)]


def tables(found: Mapping[str, Any]) -> dict[str, str]:
    """Markdown: before and after, what each run changed, the signal."""
    before = found["base"]["quality"]["strict"]
    made = {
        "Before and after": table(
            ("held-out captions", *CATEGORIES, "all"),
            [(name, *_strict(q)) for name, q in _qualities(found).items()],
        ),
        "The price": table(
            ("pictures", "distance", "layouts of " + str(found["data"]["each"])),
            [
                (name, f"{q['distance']:.1f}", f"{q['layouts']:.1f}")
                for name, q in {**_qualities(found), "the data": found["data"]}.items()
            ],
        ),
        "The runs": table(
            ("run", "what it is", "iterations", "CPU s", "strict", "gain", "largest ratio − 1"),
            [
                (
                    name,
                    arm["about"],
                    str(arm["iterations"]),
                    f"{arm['CPU seconds']:.0f}",
                    f"{arm['quality']['strict']:.3f}",
                    f"{arm['quality']['strict'] - before:+.3f}".replace("-", "−"),
                    f"{arm['ratio gap']:.2g}",
                )
                for name, arm in found["arms"].items()
            ],
        ),
    }
    if rows := apart(found["arms"]):
        made["Which differences are seen"] = table(
            ("run", "strict, less the mean of the seeds", "one more seed would give", ""), rows
        )
    if "decisions" in found:
        made["Which steps decide"] = decisions(found["decisions"])
    if found.get("signal"):
        made["Which steps teach"] = steps(found["signal"]["all"])
        made["The sum of the steps"] = table(
            ("noise", "weights", "cosine of two half batches"),
            [
                (NOISE[name], rule, _signed(mean, error))
                for name, seen in found["signal"].items()
                for rule, (mean, error) in seen["summed"].items()
            ],
        )
    return made


def apart(arms: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Each run of as many iterations, against what the seeds of one recipe differ by."""
    seeds = [arms[name] for name in SEEDS if name in arms]
    found = further([one["quality"]["strict"] for one in seeds]) if seeds else None
    if found is None:
        return []
    mean, half = found
    rows = []
    for name, arm in arms.items():
        if name in SEEDS or arm["iterations"] != seeds[0]["iterations"]:
            continue
        gap = arm["quality"]["strict"] - mean
        seen = "less" if gap < -half else "more" if gap > half else "not told apart"
        rows.append((name, f"{gap:+.3f}".replace("-", "−"), f"± {half:.3f}", seen))
    return rows


def decisions(seen: Mapping[str, Any]) -> str:
    """A row for each step of the chain that was guided alone."""
    rows = zip(seen["levels"], seen["gains"], seen["errors"], strict=True)
    return table(
        ("step", "t", "gain in strict reward, guided alone"),
        [(str(k), f"{t:.3f}", _signed(gain, error)) for k, (t, gain, error) in enumerate(rows)],
    )


def steps(seen: Mapping[str, Any]) -> str:
    """A row for each step of the chain."""
    return table(
        ("step", "t", "cosine", "length, equal weights", "levelled weight", "length, levelled"),
        [
            (str(k), f"{t:.3f}", _signed(c, e), f"{n:.3g}", f"{w:.3g}", f"{x:.3g}")
            for k, t, c, e, n, w, x in zip(
                seen["steps"],
                seen["levels"],
                seen["cosines"],
                seen["errors"],
                seen["norms"],
                seen["weights"]["levelled"],
                levelled(seen),
                strict=True,
            )
        ],
    )


def _qualities(found: Mapping[str, Any]) -> dict[str, Any]:
    runs = {name: arm["quality"] for name, arm in found["arms"].items()}
    return {"before": found["base"]["quality"], **runs}


def _strict(quality: Mapping[str, Any]) -> list[str]:
    by = [f"{quality['categories'].get(c, float('nan')):.3f}" for c in CATEGORIES]
    return [*by, f"**{quality['strict']:.3f}**"]


def _signed(value: float, error: float) -> str:
    return f"{value:+.3f} ± {error:.3f}".replace("-", "−")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
