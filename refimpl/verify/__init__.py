"""Floor 6: the run that proves, computes, samples and tests, and the table it prints."""
