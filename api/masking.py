"""What a caller learns of an error: expected ones as they are, all others as an id that is in the log."""

import re
from typing import Any
from uuid import uuid4

import psycopg
import structlog
from graphql import GraphQLError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.errors import ErrorCode
from api.input_mistakes import in_words, place_of
from api.schema import schema

log: structlog.stdlib.BoundLogger = structlog.get_logger()
# A statement that ran longer than the API lets it.
_QUERY_CANCELED = "57014"
# By SQLAlchemy, or by the driver where it is asked itself.
_UNREACHABLE = (
    OperationalError,
    InterfaceError,
    PoolTimeout,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    OSError,
)

# graphql-core repeats what it was given, with the password that stands beside the mistake.
_GIVEN = re.compile(r"(?:,(?= found: )|(cannot represent [^:]*):) .*", re.DOTALL)

# How graphql-core says so, without a class of its own for it: tokens, nesting, combinations of fields.
_TOO_MUCH = ("Document contains more than", "Document is nested too deeply", "Validation aborted")


def shown(error: GraphQLError) -> dict[str, Any]:
    """*error* as the answer shows it, always with `extensions.code`."""
    formatted: dict[str, Any] = dict(error.formatted)
    message, extensions = told(error)
    return formatted | {"message": message, "extensions": extensions}


def told(error: Exception) -> tuple[str, dict[str, Any]]:
    """The message and the `extensions` by which a caller learns of *error*; an unexpected one is logged."""
    cause = _cause(error)
    if isinstance(cause, GraphQLError) and any(said in cause.message for said in _TOO_MUCH):
        return cause.message, {"code": str(ErrorCode.QUERY_TOO_EXPENSIVE)}
    if isinstance(cause, GraphQLError):
        return _mistake(error, cause)
    if isinstance(cause, RecursionError) or _is_canceled(cause):
        return "The request asks for too much at once.", {"code": str(ErrorCode.QUERY_TOO_EXPENSIVE)}
    if isinstance(cause, _UNREACHABLE):
        log.warning("api.database_unavailable", exc_info=cause)
        return "The database cannot be reached; try again.", {"code": str(ErrorCode.SERVICE_UNAVAILABLE)}
    error_id = str(uuid4())
    log.error("api.unexpected_error", error_id=error_id, exc_info=cause)
    return "Something went wrong on our side.", {"code": str(ErrorCode.INTERNAL), "errorId": error_id}


def _mistake(error: Exception, cause: GraphQLError) -> tuple[str, dict[str, Any]]:
    """What is told of a mistake of the caller: with its place, if it is in what a field is given."""
    code = {"code": str(ErrorCode.BAD_USER_INPUT)}
    place = place_of(error) if isinstance(error, GraphQLError) else None
    message = _GIVEN.sub(r"\1.", in_words(cause.message, schema._schema))
    extensions = code | (cause.extensions or {})
    return (message, extensions) if place is None else (place.says(message), extensions | place.extensions)


def _cause(error: Exception) -> Exception:
    """What was raised: graphql-core wraps it once, or twice when it comes from an input value."""
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error


def _is_canceled(error: Exception) -> bool:
    said = error.orig if isinstance(error, OperationalError) else error
    return getattr(said, "sqlstate", None) == _QUERY_CANCELED
