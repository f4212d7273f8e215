"""Floor 5: three labs to run and look at, each with its numbers beside its pictures.

    1  simulate: ODEs, Brownian motion, Ornstein–Uhlenbeck, Langevin
    2  learn: flow and score matching on laws whose every p_t is known
    3  generate: digits by label, U-Net and diffusion transformer, guidance at several scales

A lab writes a folder: pictures, and metrics.json with every number that a picture suggests. It can
be stopped and resumed. matplotlib and scikit-learn are needed: `pip install refimpl[labs]`.
"""

from .run import LABS, run

__all__ = ["LABS", "run"]
