"""A run, wherever it runs: its states, events, paths and arguments, how it is read, and what runs it."""
