"""Live updates: what changes, told to those who watch, over WebSockets and server-sent events."""
