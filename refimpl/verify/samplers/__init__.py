"""Samplers without a sample: replay, golden numbers, exact laws of chains."""
