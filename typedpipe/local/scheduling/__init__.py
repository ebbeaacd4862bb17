"""Pipeline side of a run: frames, ready tasks, conditions and loop items. It is independent of processes."""
