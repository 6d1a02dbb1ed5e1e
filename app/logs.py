"""The log: one event per fact, for eyes on a terminal and for machines everywhere else."""

import json
import logging
import os
import select
import sys
import traceback
from typing import Any, Literal

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError
from structlog.types import ExcInfo, Processor

# Their INFO tells of every connection and every request; what matters of it is an event of our own.
_QUIET_LIBRARIES = ("alembic", "asyncio", "dramatiq", "httpcore", "httpx", "pika", "uvicorn.access")


def configure_logs(
    log_format: Literal["auto", "console", "json"], *, level: str = "INFO", is_final: bool = False
) -> None:
    """
    Write every event to standard error from now on, those of libraries included.

    A traceback comes without the values of variables, which may be addresses or secrets. When *is_final*,
    nobody configures this process again, and what it writes goes straight to the standard error that it was
    started with: dramatiq takes each line of its workers through its main process.
    """
    least = logging.getLevelNamesMapping()[level]
    is_console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    on_every_event: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers = _console() if is_console else _json()
    structlog.configure(
        processors=[*on_every_event, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=_StraightLogger if is_final else structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=is_final,
    )
    _adopt_libraries([*on_every_event, structlog.stdlib.add_logger_name], renderers, least)


class _StraightLogger:
    """Writes lines by themselves, which come out whole: what is longer takes the way that keeps it whole."""

    # Any: structlog passes on what its own loggers take, which is nothing here.
    def __init__(self, *_: Any) -> None:
        pass

    def msg(self, message: str) -> None:
        line = f"{message}\n".encode(errors="replace")
        if len(line) <= select.PIPE_BUF:
            os.write(_STANDARD_ERROR, line)
        else:
            sys.stderr.write(f"{message}\n")

    debug = info = warning = error = critical = exception = msg


_STANDARD_ERROR = 2


def _console() -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=lambda out, exc_info: print(_traceback(exc_info), file=out),
        )
    ]


def _json() -> list[Processor]:
    shown = structlog.processors.ExceptionRenderer(_traceback)
    return [shown, structlog.processors.JSONRenderer(_in_json)]


# Made once: with other settings than its own, `json.dumps` makes one for each line.
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=repr)


# Any: whatever an event was given.
def _in_json(event: Any, **_: Any) -> str:
    return _ENCODER.encode(event)


def _traceback(exc_info: ExcInfo) -> str:
    """An error below those that it came of, with their frames."""
    links: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        links.append(f"{frames}{type(error).__qualname__}: {_words(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\n".join(reversed(links))


def _words(error: BaseException) -> str:
    """What *error* says; of one of the database its first line alone, as the others show rows."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.Error) and cause.diag.message_primary is not None:
        return f"{cause.diag.message_primary} (SQLSTATE {cause.sqlstate})"
    return str(error)


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
