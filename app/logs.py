"""The log: one event per fact, for eyes on a terminal and for machines everywhere else."""

import logging
import sys
from typing import Literal

import structlog
from structlog.types import Processor

# Their INFO tells of every connection and every request; what matters of it is an event of our own.
_QUIET_LIBRARIES = ("alembic", "asyncio", "dramatiq", "httpcore", "httpx", "pika", "uvicorn.access")


def configure_logs(log_format: Literal["auto", "console", "json"], *, level: str = "INFO") -> None:
    """
    Write every event to standard error from now on, those of libraries included.

    A traceback comes without the values of variables, which may be addresses or secrets.
    """
    least = logging.getLevelNamesMapping()[level]
    is_console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    on_every_event: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers = _console() if is_console else _json()
    structlog.configure(
        processors=[*on_every_event, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _adopt_libraries([*on_every_event, structlog.stdlib.add_logger_name], renderers, least)


def _console() -> list[Processor]:
    plain = structlog.dev.plain_traceback  # the others show local variables
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def _json() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]


def _adopt_libraries(before: list[Processor], renderers: list[Processor], least: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    logging.basicConfig(handlers=[handler], level=least, force=True)
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))
