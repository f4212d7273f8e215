"""diffrax: its solvers, as samplers of the flow and of the reverse SDE."""
