"""Implementations that are read from a checkout, a file each."""
