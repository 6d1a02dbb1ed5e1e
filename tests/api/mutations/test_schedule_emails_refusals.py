"""Batches that are not scheduled, and what is said of them."""

from typing import Any

import pytest

from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.asking import contact, done, error, everything, mailbox, refused, sequence
from tests.api.mutations.scheduling import ONE, TEXT, make_world


@pytest.mark.parametrize(
    ("given", "code", "path", "message"),
    [
        ({"subject": " "}, "BLANK", "subject", "Write something."),
        ({"bodyText": ""}, "BLANK", "bodyText", "Write something."),
        ({"subject": "a\nb"}, "INVALID_HEADER", "subject", None),
        ({"bodyHtml": "{% if %}"}, "INVALID_TEMPLATE", "bodyHtml", None),
        ({"bodyText": "{{ nickname }}"}, "UNKNOWN_VARIABLE", "bodyText", None),
        ({"contacts": []}, "NO_RECIPIENTS", "contacts", "Name at least one contact."),
        (
            {"contacts": [{"email": "nonsense"}]},
            "NO_RECIPIENTS",
            "contacts",
            "Nobody of them can be written to: 0 suppressed, 1 invalid.",
        ),
        ({"contactIds": ["nonsense"]}, "INVALID_ID", "contactIds.0", None),
        ({"mailboxIds": ["nonsense"]}, "INVALID_ID", "mailboxIds.0", None),
        (
            {"startsAt": "2026-03-02T08:54:59Z"},
            "OUT_OF_RANGE",
            "startsAt",
            "It has passed; leave it out to start now.",
        ),
        (
            {"startsAt": "2028-03-02T09:00:00Z"},
            "OUT_OF_RANGE",
            "startsAt",
            "It is more than 730 days ahead.",
        ),
        ({"delayBetweenEmails": -1}, "OUT_OF_RANGE", "delayBetweenEmails", "It is a number from 0 to 86400."),
        ({"delayBetweenEmails": 86401}, "OUT_OF_RANGE", "delayBetweenEmails", None),
        ({"hourlyLimit": 0}, "OUT_OF_RANGE", "hourlyLimit", "It is a number from 1 to 100000."),
        ({"zone": "Mars/Base"}, "INVALID_ZONE", "zone", None),
        (
            {"sendWindow": {"weekdays": [], "intervals": [{"start": "09:00", "end": "17:00"}]}},
            "INVALID_SEND_WINDOW",
            "sendWindow.weekdays",
            None,
        ),
    ],
)
async def test_what_cannot_be_sent_is_refused(
    api: ApiClient,
    worker_db: Database,
    given: dict[str, Any],
    code: str,
    path: str,
    message: str | None,
) -> None:
    """With the field, and nothing is written."""
    await make_world(api, worker_db)

    [found] = await refused(api, worker_db, "scheduleEmails", **{**TEXT, "contacts": ONE, **given})

    assert (found["code"], found["path"]) == (code, path.split("."))
    assert message is None or found["message"] == message


async def test_several_problems_are_told_at_once(api: ApiClient, worker_db: Database) -> None:
    """Each at its field."""
    errors = await refused(
        api, worker_db, "scheduleEmails", subject="", bodyText="", hourlyLimit=0, contactIds=[]
    )

    assert [found["path"] for found in errors] == [["subject"], ["bodyText"], ["hourlyLimit"], ["contacts"]]


async def test_more_contacts_than_a_batch_takes_are_refused(api: ApiClient, worker_db: Database) -> None:
    """Known and new ones count together."""
    _, known = await make_world(api, worker_db)

    [found] = await refused(
        api,
        worker_db,
        "scheduleEmails",
        **TEXT,
        contactIds=[contact(known[0])] * 5_000,
        contacts=ONE,
    )

    assert found == error("TOO_MANY", "contacts", "There are more than 5000.")


async def test_a_batch_needs_a_mailbox(api: ApiClient, worker_db: Database) -> None:
    """Without one that is active none can be chosen; one that is removed cannot be named."""
    mailbox_id, _ = await make_world(api, worker_db, status="REMOVED")

    [none] = await refused(api, worker_db, "scheduleEmails", **TEXT, contacts=ONE)
    [removed] = await refused(
        api, worker_db, "scheduleEmails", **TEXT, contacts=ONE, mailboxIds=[mailbox(mailbox_id)]
    )

    assert none == error(
        "NO_MAILBOX", "mailboxIds", "The workspace has no active mailbox; make or resume one."
    )
    assert removed == error("WRONG_STATUS", "mailboxIds", "The mailbox's status is REMOVED.")


async def test_what_belongs_to_others_is_not_found(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Neither a contact nor a mailbox of another workspace."""
    await make_world(api, worker_db)
    their_mailbox, their_contacts = await make_world(stranger, worker_db)

    [no_contact] = await refused(
        api, worker_db, "scheduleEmails", **TEXT, contactIds=[contact(their_contacts[0])]
    )
    [no_mailbox] = await refused(
        api, worker_db, "scheduleEmails", **TEXT, contacts=ONE, mailboxIds=[mailbox(their_mailbox)]
    )

    assert no_contact == error("NOT_FOUND", "contactIds.0", "There is no contact with this id.")
    assert no_mailbox == error("NOT_FOUND", "mailboxIds.0", "There is no mailbox with this id.")


async def test_the_sequence_of_a_batch_gets_no_more_contacts_and_steps(
    api: ApiClient, worker_db: Database
) -> None:
    """It is what was scheduled."""
    _, known = await make_world(api, worker_db)
    await done(api, "scheduleEmails", "scheduled", **TEXT, contacts=ONE)
    [its_sequence] = (await everything(worker_db))["sequences"]
    sequence_id = sequence(its_sequence.id)

    [more] = await refused(
        api, worker_db, "enrollContacts", sequenceId=sequence_id, contactIds=[contact(known[0])]
    )
    [longer] = await refused(
        api,
        worker_db,
        "addStep",
        sequenceId=sequence_id,
        step={"subject": "One more thing", "bodyText": "Hello again"},
    )

    message = "It is a batch: it has one step, and its contacts were named when it was scheduled."
    assert more == longer == error("IS_BATCH", "sequenceId", message)
