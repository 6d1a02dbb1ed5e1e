"""What a caller is told of a mistake: where it is, and nothing of what stands beside it."""

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from api.masking import told
from tests.api.client import ApiClient

MAILBOX = "mutation ($input: CreateMailboxInput!) { createMailbox(input: $input) { mailbox { id } } }"
WHOLE = {"email": "a@example.com", "host": "mail.example.com", "zone": "UTC", "password": "hidden"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            WHOLE | {"nonsense": 1},
            "Expected value of type 'CreateMailboxInput' not to include unknown field 'nonsense'.",
        ),
        (WHOLE | {"password": {"is": "hidden"}}, "String cannot represent a non string value."),
        (["hidden"], "Expected value of type 'CreateMailboxInput' to be an object."),
    ],
)
async def test_a_mistake_in_an_input_does_not_repeat_it(api: ApiClient, given: object, told: str) -> None:
    """A password stands beside the mistake, or is the mistake."""
    answer = await api.answer(MAILBOX, input=given)

    (error,) = answer["errors"]
    assert error["message"].endswith(told)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_nor_does_a_mistake_in_the_document(api: ApiClient) -> None:
    """Where the input is written into it."""
    answer = await api.answer('mutation { createMailbox(input: {password: "hidden"}) { mailbox { id } } }')

    assert len(answer["errors"]) == 3
    assert "hidden" not in str(answer)


_CANCELED = psycopg.errors.QueryCanceled("statement timeout")
_AWAY = psycopg.OperationalError("the server closed the connection")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (_CANCELED, "QUERY_TOO_EXPENSIVE"),
        (OperationalError("SELECT", None, _CANCELED), "QUERY_TOO_EXPENSIVE"),
        (_AWAY, "SERVICE_UNAVAILABLE"),
        (OperationalError("SELECT", None, _AWAY), "SERVICE_UNAVAILABLE"),
        (psycopg.InterfaceError("connection closed"), "SERVICE_UNAVAILABLE"),
        (psycopg.errors.UndefinedColumn("no such column"), "INTERNAL"),
    ],
)
def test_errors_of_the_database_are_told_alike(error: Exception, code: str) -> None:
    """Whether SQLAlchemy asked it, or its driver; and none says what the database said."""
    message, extensions = told(error)

    assert extensions["code"] == code
    assert "column" not in message
    assert "closed" not in message
