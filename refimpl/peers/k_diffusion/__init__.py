"""k_diffusion: its samplers, cut out of their file."""
