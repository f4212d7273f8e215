"""Networks that are trained within the run, and held to exact answers, a file a topic.

A training has no false-alarm rate: it is seeded, so that a version passes or does not, and its
bound is a few times what was measured over seeds. It is evidence of its own kind, the letter L.
"""
