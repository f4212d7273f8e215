"""diffusers: its adapters, and facts about its grids, steps and samplers."""
