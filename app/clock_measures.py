"""Measures: what a clock tells of itself, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

LEADS = Gauge("drumbeat_clock_leads", "1 while this clock leads, 0 while it stands by.")
LAST_TICK = Gauge("drumbeat_clock_last_tick_timestamp_seconds", "When this clock last ticked, in Unix time.")
TICK_SECONDS = Histogram(
    "drumbeat_clock_tick_seconds",
    "Seconds that a tick took: what it looks at, and what it sets off.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
SET_OFF = Counter("drumbeat_clock_triggers", "Actors that this clock set off.")
