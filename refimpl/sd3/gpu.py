"""`python -m refimpl.sd3.gpu`: everything that is measured on a GPU, in one call."""

from .bench.gpu import main

if __name__ == "__main__":
    main()
