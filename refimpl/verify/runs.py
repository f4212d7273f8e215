"""Commands that run an equation or algorithm on real input: the letter R of the coverage table.

A test runs each of them.
"""

RUNS: dict[str, tuple[str, ...]] = {
    "refimpl sample --toy mixture_2d --sampler ode": ("PATH-3", "VF-3", "DYN-4", "DYN-9"),
    "refimpl sample --toy mixture_2d --sampler sde --a 0.7 --steps 10": (
        "PATH-3",
        "SC-4",
        "SC-9",
        "DYN-7",
        "DYN-9",
        "GRPO-5",
        "GRPO-6",
        "GRPO-9",
    ),
    "refimpl sample --solver heun --steps 20": ("DYN-5", "DYN-10"),
    "refimpl sample --solver rk4 --steps 10": ("DYN-5",),
    "refimpl sample --toy mixture_1d --solver adaptive --tolerance 1e-6": ("DYN-5",),
    "refimpl sample --toy correlated_2d --solver unipc --steps 12 --start 0.999": ("DYN-10",),
    "refimpl sample --toy correlated_2d --solver restart --restarts 2": ("DYN-10",),
    "refimpl sample --toy correlated_2d --solver probability_flow --sde vp": ("SC-10",),
    "refimpl sample --toy gaussian_1d --solver probability_flow --sde flow_grpo --a 0.7": (
        "SC-10",
    ),
    "refimpl check flow_matching": ("SC-8", "DYN-5"),
    "refimpl check diffusers": ("SC-8", "DYN-5", "DYN-10"),
    "refimpl surrogate 1.3 --advantage -1 --clip 0.2": ("GRPO-4",),
    "refimpl grid qwen-image --steps 28 --tokens 4096": ("GRID-1", "GRID-2"),
    "refimpl guidance --w 4.5": ("CFG-8",),
    "refimpl levels 'logit-normal(0, 1)' --shift 12 --above 0.875": ("LEVEL-1",),
    "refimpl study bias": ("GRPO-14",),
    "refimpl study grids --quick": ("GRID-3",),
    "refimpl study adjoint --quick": ("RFT-2",),
    "refimpl train toy --iterations 5": ("GRPO-10",),
    "refimpl train shapes --quick": ("GRPO-11",),
    "refimpl lab 1 --quick": ("LAB-1", "DYN-4", "DYN-7", "DYN-8", "LD-1"),
    "refimpl lab 2 --quick": ("LAB-2", "FM-3", "SM-2", "SM-3"),
    "refimpl lab 3 --quick": ("LAB-3", "ARCH-1", "ARCH-2", "ARCH-3", "CFG-1", "CFG-4", "CFG-5"),
    "refimpl topic scales": ("LD-2", "LD-3"),
    "refimpl topic denoising_diffusion": ("DDPM-1",),
    "refimpl topic densities": ("NF-3",),
    "refimpl topic likelihood_training": ("NF-4",),
    "refimpl topic transport": ("OT-2",),
    "refimpl topic two_heads": ("PATH-6", "SC-11"),
    "refimpl topic energies": ("SM-5",),
    "refimpl topic invertible_blocks": ("NF-5",),
    "refimpl topic guidance": ("CFG-2", "CFG-4", "CFG-5"),
}
"""Command line → ledger rows that it runs."""
