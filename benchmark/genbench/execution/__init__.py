"""Running one job in a process of its own: executors, the supervisor and its limits, the worker and its phases."""
