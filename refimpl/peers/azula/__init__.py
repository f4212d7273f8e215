"""azula: its samplers, and facts about its schedules and denoisers."""
