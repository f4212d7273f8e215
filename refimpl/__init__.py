"""refimpl: a verified reference for flow matching and Flow-GRPO.

The line that is proved is the line that runs, and the line that trains.
"""

__version__ = "0.1.0"
