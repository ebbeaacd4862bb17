"""The commands that run tasks, and the displays that follow a run."""
