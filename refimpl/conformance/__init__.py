"""Floor 3: the kit. Is somebody's implementation what it says it is, and if not, what is it?

    compare("kl.flow_grpo", found, inputs)        judge(Mine)        @refimpl_checks(Mine)

adapter     what an implementation offers, declares, takes and returns
formulas    what each capability must return, in the adapter's own conventions
diagnosis   what wrong numbers look like
checks      what is asked, a file a subject
"""

from ..evidence import Mismatch, Mistake, Reference, compare, mistakes, reference

__all__ = ["Mismatch", "Mistake", "Reference", "compare", "mistakes", "reference"]
