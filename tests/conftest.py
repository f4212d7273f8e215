"""For every test: tables are printed at the width of a pipe, whoever runs the tests."""

import os

os.environ.pop("COLUMNS", None)  # pytest-xdist says 80 to its workers
