"""Constraints by name: the contract by which PostgreSQL says which rule a statement broke."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import IntegrityError

from persistence.refusals import Refusal


@contextmanager
def refusing(constraint: str, refusal: Refusal) -> Iterator[None]:
    """Raise *refusal* when a statement in the block violates *constraint*; any other violation is a bug."""
    try:
        yield
    except IntegrityError as error:
        violation = error.orig
        if isinstance(violation, psycopg.Error) and violation.diag.constraint_name == constraint:
            raise refusal from error
        raise
