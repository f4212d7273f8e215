"""Somebody's implementation, held at arm's length: what it offers, declares, takes and returns."""
