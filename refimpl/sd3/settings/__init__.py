"""One tree of settings: sections, presets, overrides, checked at birth."""
