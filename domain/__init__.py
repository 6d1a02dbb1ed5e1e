"""The rules of email sequences: pure functions and values, without I/O, clock or chance."""
