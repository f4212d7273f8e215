"""Everything that a record tells: steps, groups, the whole audit, and how it is printed."""
