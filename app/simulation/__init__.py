"""Simulating: a scenario from a file, played through by the planner, shown as tables and a chart."""
