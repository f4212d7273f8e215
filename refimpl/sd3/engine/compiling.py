"""torch.compile for the whole run, or an error: nothing goes on uncompiled without a word.

    compiled(transformer, "blocks")      each kind of block, in each way that it is called

A transformer has up to three kinds of block, and a run calls each with a gradient, without one, and
with the adapter off. torch gives up on a function after eight versions and runs it uncompiled, with
a line in a log; here the limit leaves room for all of them, and going beyond it is an error. Sizes
are symbols from the first call on, so that rollouts, updates and evaluations of different batches
are computed by one and the same code.
"""

from typing import Any, Literal, TypeAlias

How: TypeAlias = Literal["none", "blocks", "whole"]
BLOCKS = ["JointTransformerBlock"]
"""What repeats; diffusers 0.42.1 leaves the list of SD3's transformer empty."""
VERSIONS = 64
"""Of one function: kinds of block × ways of calling it × sizes of one row and of more."""
BACKEND = "inductor"


def compiled(transformer: Any, how: How, **options: Any) -> None:
    """Compile in place: each block ("blocks"), or the transformer ("whole").

    From here on torch raises `FailOnRecompileLimitHit` where it would have given up.

    Args:
        options: of `torch.compile`, instead of the backend and the symbolic sizes.
    """
    if how == "none":
        return
    import torch._dynamo.config as limits

    limits.recompile_limit = VERSIONS
    limits.accumulated_recompile_limit = max(limits.accumulated_recompile_limit, 16 * VERSIONS)
    limits.fail_on_recompile_limit_hit = True
    chosen = {"dynamic": True, "backend": BACKEND, **options}
    if how == "blocks":
        transformer._repeated_blocks = BLOCKS
        transformer.compile_repeated_blocks(**chosen)
    else:
        transformer.compile(**chosen)
