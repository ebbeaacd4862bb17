"""State of the processes of tasks: modules that are loaded beforehand, environment variables, streams and logging."""
