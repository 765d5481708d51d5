"""Executors that run jobs on other machines."""
