"""torchsde: its methods, as samplers of the reverse SDE."""
