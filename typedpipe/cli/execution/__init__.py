"""Commands that run tasks, and displays that follow a run."""
