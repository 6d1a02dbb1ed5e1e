"""How thoroughly Hypothesis looks at the domain: the same examples on every run, more of them on request."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "domain",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=int(os.environ.get("DRUMBEAT_EXAMPLES", "150")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("domain")
