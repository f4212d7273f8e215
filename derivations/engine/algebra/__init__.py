"""Symbols, and whether an identity of them holds: jets, normal forms, moments, verdicts."""
