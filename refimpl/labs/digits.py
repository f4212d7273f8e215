"""Lab 3: handwritten digits by label, at several guidance scales, by a U-Net and by a DiT.

    train       CFG flow matching on 8 × 8 digits, y ← ∅ at rate η
    sample      (1 − w) v(x) + w v(x | y) by Heun
    measure     does a classifier that never met the generator read the label? do samples differ?

A larger w makes labels surer and samples more alike: both numbers stand beside each other. The
classifier is trained on pictures that the generator never saw, and judged on those that it did; how
near samples come to training pictures is set against how near other real pictures come.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..equations.ode import heun
from ..simulate.grids import uniform
from ..simulate.ode import solve
from ..statistics import budget
from ..toy import latent
from ..toy.batches import from_table
from ..toy.digits import LABELS, Digits, load
from ..toy.losses import flow_matching
from ..toy.networks import DiT, UNet, build, classifier_free_field, parameters
from ..toy.training import Plan, train
from .folder import Folder
from .pictures import DATA, MODEL, panels, sheet


@dataclass(frozen=True)
class Config:
    """Sizes of lab 3.

    Attributes:
        scales: w.
        share: of the pictures that the generator learns from; the classifier has the rest.
        n: samples per label and scale.
        shown: of them in the picture.
        steps: of Heun.
    """

    plan: Plan = field(default_factory=lambda: Plan(3000, rate=2e-3, average=0.995))
    batch: int = 64
    eta: float = 0.2
    scales: tuple[float, ...] = (1.0, 2.0, 4.0)
    share: float = 0.6
    n: int = 30
    shown: int = 6
    steps: int = 20
    codes: latent.Config = field(default_factory=lambda: latent.Config(w=2.0, n=30))


@dataclass(frozen=True)
class Quality:
    """Generated digits, measured.

    Attributes:
        accuracy: how often the classifier reads the label that was asked for.
        diversity: mean pairwise distance within a label, as a share of real pictures' own.
        nearest: mean distance to the nearest training picture, as a share of the distance from
            real held-out pictures: far below 1 would mean copies.
    """

    accuracy: float
    diversity: float
    nearest: float


def grey(x: Tensor) -> Tensor:
    """Samples as pictures: white is −1 and black is 1, and nothing lies beyond either.

    Guidance at a large w overshoots; what is measured is what is shown.
    """
    return x.clamp(-1, 1)


def judge(digits: Digits) -> Callable[[Tensor, Tensor], Quality]:
    """A support vector classifier, trained on the held-out pictures alone, and two distances."""
    from sklearn.svm import SVC

    flat, seen = digits.held_out.flatten(1), digits.train.flatten(1)
    classifier = SVC(C=10.0, gamma=0.02).fit(flat.numpy(), digits.held_out_label.numpy())
    real = _spread(seen, digits.train_label)
    usual = float(torch.cdist(flat, seen).amin(dim=1).mean())

    def quality(x: Tensor, y: Tensor) -> Quality:
        x = x.flatten(1)
        right = classifier.predict(x.numpy()) == y.numpy()
        near = float(torch.cdist(x, seen).amin(dim=1).mean())
        return Quality(float(right.mean()), _spread(x, y) / real, near / usual)

    return quality


def _spread(x: Tensor, y: Tensor) -> float:
    """The mean distance of two different pictures of one label, averaged over labels."""
    each = []
    for label in range(int(y.max()) + 1):
        rows = x[y == label]
        each.append(float(torch.cdist(rows, rows).sum() / (len(rows) * (len(rows) - 1))))
    return sum(each) / len(each)


def run(folder: Folder) -> None:
    """Train both networks and a flow in a latent space; sample, measure and draw."""
    config = Config()
    if folder.quick:
        short = Plan(10, average=0.9)
        small = latent.Config(autoencoder=Plan(10), flow=Plan(10), n=3, steps=4)
        config = Config(plan=short, n=3, shown=2, steps=3, codes=small)
    seed = folder.settings.seed
    digits = load(config.share, budget.generator("labs.3.split", seed))
    quality = judge(digits)
    metrics: dict[str, Any] = {"real": asdict(quality(digits.train, digits.train_label))}
    networks: dict[str, Callable[[], nn.Module]] = {
        "unet": lambda: UNet(labels=LABELS),
        "dit": lambda: DiT(labels=LABELS),
    }
    for i, (name, make) in enumerate(networks.items()):
        metrics[name] = _generate(folder, config, name, make, digits, quality, 0.45 * i)
    folder.say(0.9, "a flow in a latent space")
    metrics["latent"] = _latent(folder, config, digits, quality)
    _trade_off(folder, config, metrics)
    folder.finish(asdict(config), metrics)


def _generate(
    folder: Folder,
    config: Config,
    name: str,
    make: Callable[[], nn.Module],
    digits: Digits,
    quality: Callable[[Tensor, Tensor], Quality],
    share: float,
) -> dict[str, Any]:
    generator = budget.generator(f"labs.3.{name}", folder.settings.seed)
    network = build(make, generator)
    trained = train(
        network,
        flow_matching(eta=config.eta),
        from_table(digits.train, digits.train_label, n=config.batch),
        config.plan,
        generator=generator,
        file=folder.checkpoint(name),
        resume=folder.resume,
        on_progress=folder.training(share, share + 0.35, name),
    )
    asked = torch.arange(LABELS).repeat_interleave(config.n)
    noise = torch.randn(len(asked), 1, 8, 8, generator=generator)
    found, sheets = {}, []
    for i, w in enumerate(config.scales):
        folder.say(share + 0.35 + 0.03 * i, f"{name}: sampling at w = {w:g}")
        field = classifier_free_field(trained.averaged, asked, w)
        x = grey(solve(heun, field, noise, uniform(config.steps)))
        found[f"w={w:g}"] = asdict(quality(x, asked))
        sheets.append(x.reshape(LABELS, config.n, 8, 8)[:, : config.shown])
    figure, axes = panels(1, len(sheets), 2.4, 3.9)
    for axis, pictures, w in zip(axes[0], sheets, config.scales, strict=True):
        sheet(axis, pictures, f"{name}, w = {w:g}", [str(y) for y in range(LABELS)])
    folder.picture(figure, f"lab3_{name}.png")
    last = trained.losses[-200:]
    return {
        "parameters": parameters(network),
        "loss": sum(last) / len(last),
        "scales": found,
    }


def _latent(
    folder: Folder, config: Config, digits: Digits, quality: Callable[[Tensor, Tensor], Quality]
) -> dict[str, Any]:
    generator = budget.generator("labs.3.latent", folder.settings.seed)
    made = latent.run(
        digits.train.flatten(1),
        digits.train_label,
        digits.held_out.flatten(1),
        config.codes,
        generator=generator,
    )
    figure, axes = panels(1, 1, 2.4, 3.9)
    x = grey(made.samples)
    pictures = x.reshape(LABELS, -1, 8, 8)[:, : config.shown]
    title = f"latent flow, w = {config.codes.w:g}"
    sheet(axes[0][0], pictures, title, [str(y) for y in range(LABELS)])
    folder.picture(figure, "lab3_latent.png")
    return {"unexplained": made.unexplained, **asdict(quality(x, made.labels))}


def _trade_off(folder: Folder, config: Config, metrics: dict[str, Any]) -> None:
    """Accuracy rises, diversity falls: both against w."""
    figure, axes = panels(1, 2, 3.2)
    for axis, what in zip(axes[0], ("accuracy", "diversity"), strict=True):
        for name, colour in (("unet", DATA), ("dit", MODEL)):
            values = [metrics[name]["scales"][f"w={w:g}"][what] for w in config.scales]
            axis.plot(config.scales, values, "o-", color=colour, label=name)
        axis.axhline(metrics["real"][what], color="gray", lw=1, label="real digits")
        axis.set(title=what, xlabel="w")
        axis.legend(fontsize=7)
    folder.picture(figure, "lab3_trade_off.png")
