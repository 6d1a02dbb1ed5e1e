"""What a caller is told of a mistake: where it is, and nothing of what stands beside it."""

import pytest

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
