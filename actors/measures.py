"""Measures: what the dispatcher and the senders of a process tell of themselves, for Prometheus."""

from prometheus_client import Histogram

# From the gate to the last reply; the one to the dot may take ten minutes (RFC 5321 §4.5.3.2.6).
SEND_SECONDS = Histogram(
    "drumbeat_send_seconds",
    "Seconds that an attempt to send an email took, by what became of it.",
    ["outcome"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600),
)
# By business time, at the claim: what waits on purpose is planned anew, and not late.
LATENESS_SECONDS = Histogram(
    "drumbeat_lateness_seconds",
    "Seconds by which an email was claimed after the time that it was planned for.",
    buckets=(1, 2, 5, 10, 30, 60, 300, 900, 3_600, 4 * 3_600, 24 * 3_600),
)
