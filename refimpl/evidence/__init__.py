"""What every equation is held against, under the same stems as `equations/`."""
