"""The topics' runs, one after the other, as one JSON: what each was built to show, in numbers.

    python -m refimpl.labs.topics out.json [name ...]

Every run has its own generator, seeded by its name. They take from seconds to a minute each.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from ..statistics import budget
from ..toy import (
    blocks,
    coupling,
    ddpm,
    energy,
    guiding,
    interpolants,
    maximum_likelihood,
    mixture_2d,
    ncsn,
)
from ..toy import field as exact_field
from ..toy.likelihood import hutchinson, log_likelihood
from .folder import Progress, write


def scales(generator: torch.Generator) -> dict[str, Any]:
    """Mode weights with and without scales, and where a learnt score is wrong."""
    config = ncsn.Config()
    found = ncsn.run(config, generator=generator)
    return {
        "true_weight": config.weight,
        "weights": found.weights,
        "score_error_where_dense": found.error_where_dense,
        "score_error_between_modes": found.error_between,
    }


def denoising_diffusion(generator: torch.Generator) -> dict[str, Any]:
    """DDPM with both reverse variances: Kolmogorov distance by number of steps."""
    found = ddpm.run(ddpm.Config(), generator=generator)
    named = {f"{who}, {v}, T={T}": d for (who, v, T), d in found.distance.items()}
    return {"kolmogorov_distance": named, "chance": found.floor, "loss": found.loss}


def densities(generator: torch.Generator) -> dict[str, Any]:
    """The flow's log-likelihood against the exact density, both divergences."""
    law = mixture_2d()
    x = law.sample(200, generator)
    truth, field = law.log_density(x), exact_field(law)
    found = log_likelihood(field, x, tolerance=1e-8)
    probes = 64
    many = x.repeat_interleave(probes, dim=0)
    eps = 2.0 * torch.randint(2, many.shape, generator=generator).double() - 1
    guess = log_likelihood(field, many, divergence=hutchinson(eps), tolerance=1e-6)
    error = guess.reshape(-1, probes).mean(dim=1) - truth
    return {
        "samples": len(x),
        "exact_divergence_worst_error": float((found - truth).abs().max()),
        "hutchinson_probes": probes,
        "hutchinson_mean_error": float(error.mean()),
        "hutchinson_standard_error": float(error.std()) / len(x) ** 0.5,
        "hutchinson_std_per_probe": float((guess.reshape(-1, probes) - truth[:, None]).std()),
    }


def likelihood_training(generator: torch.Generator) -> dict[str, Any]:
    """Maximum likelihood against flow matching: cost and result."""
    found = maximum_likelihood.run(maximum_likelihood.Config(), generator=generator)
    rows = {name: vars(row) for name, row in vars(found).items() if name != "entropy"}
    return {"entropy": found.entropy, **rows}


def transport(generator: torch.Generator) -> dict[str, Any]:
    """Independent against minibatch optimal transport."""
    found = coupling.run(coupling.Config(), generator=generator)
    return {"chance": found.floor, **{name: vars(row) for name, row in found.rows.items()}}


def guidance(generator: torch.Generator) -> dict[str, Any]:
    """Classifier and classifier-free guidance at several scales."""
    found = guiding.run(guiding.Config(), generator=generator)
    return {
        "unconditional_error": found.unconditional_error,
        "conditional_error": found.conditional_error,
        "classifier_gradient_error": found.classifier_error,
        "chance": found.floor,
        **{f"{method}, w={w:g}": vars(row) for (method, w), row in found.rows.items()},
    }


def two_heads(generator: torch.Generator) -> dict[str, Any]:
    """A path whose start is not Gaussian: one network learns velocity and score."""
    return vars(interpolants.run(interpolants.Config(), generator=generator))


def energies(generator: torch.Generator) -> dict[str, Any]:
    """An energy by contrastive divergence and by its exact likelihood: KL(data ‖ model)."""
    return energy.run(energy.Config(), generator=generator)


def invertible_blocks(generator: torch.Generator) -> dict[str, Any]:
    """A flow of coupling blocks by maximum likelihood: the gap to the entropy, and the inverse."""
    return vars(blocks.run(blocks.Config(), generator=generator))


TOPICS: dict[str, Callable[[torch.Generator], dict[str, Any]]] = {
    topic.__name__: topic
    for topic in (
        scales,
        denoising_diffusion,
        densities,
        likelihood_training,
        transport,
        guidance,
        two_heads,
        energies,
        invertible_blocks,
    )
}
"""Name → run."""


def run(
    file: Path,
    names: Sequence[str] = (),
    *,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Run the named topics (all, if none is named) and write their numbers after each.

    Raises:
        ValueError: an unknown topic.
        FileNotFoundError: the file's folder does not exist.
    """
    unknown = [name for name in names if name not in TOPICS]
    if unknown:
        raise ValueError(f"there is no topic {unknown[0]!r}; there are {', '.join(TOPICS)}")
    found: dict[str, Any] = {}
    wanted = list(names) or list(TOPICS)
    for i, name in enumerate(wanted):
        if on_progress is not None:
            on_progress(i / len(wanted), name)
        found[name] = TOPICS[name](budget.generator(f"topics.{name}", seed))
        write(file, found)
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(Path(sys.argv[1]), sys.argv[2:], on_progress=lambda share, name: print(name, flush=True))
    print(json.dumps(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), indent=1))
