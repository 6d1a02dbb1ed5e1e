"""The commands of `drumbeat`, which import what they need when they run: `--help` answers at once."""
