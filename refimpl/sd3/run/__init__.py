"""A run in its folder: plan, session, evaluation, records, trackers, card."""
