"""Numerical routines that several metrics share."""
