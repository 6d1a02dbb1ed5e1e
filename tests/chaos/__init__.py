"""What Drumbeat promises, measured while its parts are killed; `docs/guarantees.md` has the figures."""
