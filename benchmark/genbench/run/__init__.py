"""From a request to a finished run: suites, planning, the main path, loggers, provenance."""
