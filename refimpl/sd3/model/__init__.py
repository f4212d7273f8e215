"""The networks: loaded or at random, texts in, images out, the velocity in between."""
