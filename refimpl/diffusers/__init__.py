"""Floor 5: a scheduler that any flow pipeline of diffusers takes, its steps by the proved kernels.

Here `diffusers` is a folder's name; `import diffusers` means the library, everywhere.
"""

from .scheduler import FlowGRPOScheduler, FlowGRPOSchedulerOutput, Kept

__all__ = ["FlowGRPOScheduler", "FlowGRPOSchedulerOutput", "Kept"]
