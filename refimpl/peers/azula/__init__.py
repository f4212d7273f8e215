"""azula: its samplers."""
