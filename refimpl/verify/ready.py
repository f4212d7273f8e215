"""What every worker needs, imported once: workers are forked from the process that did.

Nothing is calculated here. The modules stay for good, so the collector of garbage need not look at
them again; and formulas are many small objects that live together, so it need not look often.
"""

import gc

from .layers import checks
from .run import derivation_index

checks()
derivation_index()
gc.freeze()
gc.set_threshold(100_000, 20, 100)
