"""The pipeline side of a run: frames, ready tasks, conditions and loop items. No process is known here."""
