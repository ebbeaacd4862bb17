"""Packages that are installed in a Python: distributions, what they contain, and requirements that name them."""
