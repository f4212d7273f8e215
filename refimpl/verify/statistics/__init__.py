"""Samples against exact laws, with a false-alarm rate and a stated power, a file a topic.

Every assertion is listed in `refimpl.statistics.ledger`, at 1e-9 each.
"""
