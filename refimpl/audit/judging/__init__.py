"""Which formula made a recorded quantity: candidates, fits, verdicts."""
