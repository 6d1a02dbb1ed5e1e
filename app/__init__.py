"""The composition root: settings, commands and processes; the only place that knows all others."""
