"""The miniature: captioned shapes of 16 × 16 pixels, a reward that is exact, a network that learns.

372 captions name one to four of twelve objects and where they are; whether an image does what its
caption says is decided by counting pixels. Small enough to train on a CPU in minutes, and in all
else the real thing: SD3's transformer and pipeline, flow matching, Flow-GRPO.
"""
