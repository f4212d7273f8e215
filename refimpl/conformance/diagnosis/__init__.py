"""What wrong numbers look like: named mistakes, other conventions, factors, roundings."""
