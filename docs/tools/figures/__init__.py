"""The figures of the course, each from exact routines, in a light and a dark version."""
