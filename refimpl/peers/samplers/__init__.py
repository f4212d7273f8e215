"""Whole samplers of libraries, asked for the law at their end: exactly, with no sample drawn."""
