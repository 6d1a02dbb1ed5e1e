"""Measures: what the senders of a process tell of themselves, for Prometheus."""

from prometheus_client import Histogram

# From the gate to the last reply; the one to the dot may take ten minutes (RFC 5321 §4.5.3.2.6).
SEND_SECONDS = Histogram(
    "drumbeat_send_seconds",
    "Seconds that an attempt to send an email took, by what became of it.",
    ["outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600),
)
