"""torchdiffeq: its adapters, and facts about its methods of integration."""
