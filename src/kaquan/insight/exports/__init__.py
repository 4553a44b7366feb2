"""Exports: what the project holds as CSV files, made by a job."""
