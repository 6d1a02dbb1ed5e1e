"""What dramatiq loads in each worker process: the broker, with the actors on it."""

import gc
from contextlib import suppress
from datetime import timedelta

from actors.broker import install, rabbitmq_broker
from actors.leases import trust_window
from actors.middleware import middleware_stack
from actors.outage import QueueUnavailable
from app.logs import configure_logs
from app.worker import worker_settings
from app.workshop import Workshop

# Young objects between two collections, instead of 700: an email makes thousands, and hardly any cycles.
_COLLECTED_AFTER = 20_000

_settings = worker_settings()
_lease = timedelta(seconds=_settings.lease_s)
configure_logs(_settings.log_format, level=_settings.log_level, is_final=True)
_workshop = Workshop(
    _settings, lambda: rabbitmq_broker(_settings.amqp_url, retry_schedule=_settings.retry_schedule)
)
broker = rabbitmq_broker(
    _settings.amqp_url,
    retry_schedule=_settings.retry_schedule,
    middleware=middleware_stack(
        at_start=_workshop.open,
        at_stop=_workshop.close,
        at_signal=_workshop.stop,
        retry_schedule=_settings.retry_schedule,
        blocked_after_s=(_settings.loop_blocked_s, trust_window(_lease).total_seconds()),
    ),
)
install(broker, _workshop.actors)
# So that an operator sees every queue at once. Without a broker they are declared when it is there.
with suppress(QueueUnavailable):
    broker.declare_all()
# The connection of this thread, on which nobody would answer heartbeats: RabbitMQ would cut it.
broker.disconnect()
# What is loaded now stays loaded: the collector need not look at it again and again.
gc.collect()
gc.freeze()
gc.set_threshold(_COLLECTED_AFTER)
