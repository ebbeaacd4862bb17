"""Live display of a run on a terminal: rich is imported here, and only when a run starts on a terminal."""
