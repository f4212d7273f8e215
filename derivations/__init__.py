"""Proofs of the functions that run: computer algebra on `refimpl.equations`, one file a topic.

A derivation is handed the production function, calls it on symbols, and yields equalities, each
with its reason. `derivations.engine` decides them; `derivations.run` proves everything.
"""
