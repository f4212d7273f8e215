"""flow_matching: its adapters, and facts about its paths, schedules and solver."""
