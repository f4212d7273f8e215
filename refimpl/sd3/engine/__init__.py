"""One process or many: devices, shards, memory, and the parts of a run put together."""
