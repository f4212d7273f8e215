"""`python -m refimpl` is the command `refimpl`."""

from .cli import main

main()
