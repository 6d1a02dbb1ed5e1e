"""Benchmarks: what Drumbeat does, measured against what the database alone would need for it."""
