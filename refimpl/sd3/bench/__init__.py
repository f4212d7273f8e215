"""What one GPU call measures, and how the result is printed."""
