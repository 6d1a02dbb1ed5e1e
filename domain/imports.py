"""Imports: files of contacts, as far as they were read."""

from enum import StrEnum


class ImportStatus(StrEnum):
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
