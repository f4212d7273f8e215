"""torchcfm: its adapters, and facts about its matchers and couplings."""
