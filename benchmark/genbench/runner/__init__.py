"""From a request to a finished run: suites, planning, execution, loggers, provenance."""
