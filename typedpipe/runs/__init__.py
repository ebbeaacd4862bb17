"""Runs, wherever they run: states, events, paths and arguments, and the interfaces to read and to run them."""
