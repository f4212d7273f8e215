"""Whole samplers: their chains read off from outside, their laws, and what is wrong with them."""
