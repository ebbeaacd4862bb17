"""Values that the controller reads: who works them out, the task that makes them, the compiler or the controller."""
