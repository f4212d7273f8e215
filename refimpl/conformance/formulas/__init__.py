"""What each capability must return, on the adapter's own clock and in its own conventions."""
