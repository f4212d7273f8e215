"""From files to rows: archives, names, shapes, clocks, and what a run declares about itself."""
