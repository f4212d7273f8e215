"""Tensors that FSDP spreads over processes: gathered whole, and spread again.

A checkpoint holds whole tensors, so that it does not depend on how many processes wrote it.
"""

from typing import Any

from torch import Tensor


def whole(x: Tensor) -> Tensor:
    """A sharded tensor, gathered, for which every process must ask; any other as it is."""
    found: Tensor = x.full_tensor() if hasattr(x, "full_tensor") else x
    return found


def like(held: Any, x: Tensor) -> Tensor:
    """A whole tensor as `held` is: on its device, in its shards."""
    x = x.to(held.device)
    if not hasattr(held, "device_mesh"):
        return x
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(x, held.device_mesh, held.placements)
