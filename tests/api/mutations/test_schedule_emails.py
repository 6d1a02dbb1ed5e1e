"""Scheduling a batch through the API: who is written to, when, and from where."""

from datetime import timedelta

import pytest

from persistence.database import Database, listen
from tests.api.client import ApiClient
from tests.api.mutations.asking import contact, everything, mailbox
from tests.api.mutations.scheduling import COUNTS, ONE, TEXT, make_world, schedule
from tests.support.world import MONDAY, make_contact, make_mailbox


async def test_a_batch_is_scheduled_for_known_and_new_contacts(
    api: ApiClient, worker_db: Database, database_url: str
) -> None:
    """The known ones go first, each a pace after the one before; the planner hears of it."""
    mailbox_id, known = await make_world(api, worker_db)

    async with listen(database_url) as listener:
        payload = await schedule(
            api,
            f"batch {{ status count startsAt delayBetweenEmails hourlyLimit sent completedAt }} {COUNTS}",
            contactIds=[contact(each) for each in known],
            contacts=[*ONE, {"email": "nonsense"}, {"email": "NEW@example.test", "firstName": "Ada"}],
            startsAt="2026-03-02T11:00:00+01:00",
            delayBetweenEmails=10,
            hourlyLimit=200,
        )
        heard = await listener.next(timeout_s=5)

    assert payload == {
        "batch": {
            "status": "ACTIVE",
            "count": 3,
            "startsAt": "2026-03-02T10:00:00Z",
            "delayBetweenEmails": 10,
            "hourlyLimit": 200,
            "sent": 0,
            "completedAt": None,
        },
        "scheduled": 3,
        "duplicates": 1,
        "suppressed": 0,
        "invalid": [
            {
                "index": 1,
                "email": "nonsense",
                "field": "email",
                "reason": "An email address must have an @-sign.",
            }
        ],
        "userErrors": [],
    }
    assert heard == "plan"
    written = await everything(worker_db)
    new = next(row for row in written["contacts"] if row.normalised_email == "new@example.test")
    assert new.first_name == "Ada"
    ten = MONDAY + timedelta(hours=1)
    assert [(row.contact_id, row.next_not_before) for row in written["enrollments"]] == [
        (contact_id, ten + number * timedelta(seconds=18))
        for number, contact_id in enumerate([*known, new.id])
    ]
    assert [row.mailbox_id for row in written["sequence_mailboxes"]] == [mailbox_id]
    [version] = written["step_versions"]
    assert (version.subject, version.body_text, version.body_html) == tuple(TEXT.values())


async def test_a_batch_has_window_zone_and_mailboxes_of_its_own(api: ApiClient, worker_db: Database) -> None:
    """Without a pace everyone waits for the start alone; of two mailboxes one is chosen."""
    mailbox_id, known = await make_world(api, worker_db)
    async with worker_db.transaction() as conn:
        await make_mailbox(conn, api.workspace_id)

    await schedule(
        api,
        contactIds=[contact(each) for each in known],
        startsAt="2026-03-03T00:00:00Z",
        mailboxIds=[mailbox(mailbox_id)],
        zone="Europe/Berlin",
        sendWindow={"weekdays": [1], "intervals": [{"start": "09:00", "end": "17:00"}]},
    )

    written = await everything(worker_db)
    [its_sequence] = written["sequences"]
    assert (its_sequence.kind, its_sequence.name, its_sequence.zone) == (
        "ONE_OFF",
        TEXT["subject"],
        "Europe/Berlin",
    )
    assert its_sequence.send_window == {"weekdays": [1], "intervals": [["09:00", "17:00"]]}
    assert [row.mailbox_id for row in written["sequence_mailboxes"]] == [mailbox_id]
    assert {row.next_not_before for row in written["enrollments"]} == {MONDAY + timedelta(hours=15)}


@pytest.mark.parametrize("starts_at", [None, "2026-03-02T08:56:00Z"])
async def test_a_batch_starts_now_unless_said_otherwise(
    api: ApiClient, worker_db: Database, starts_at: str | None
) -> None:
    """A start that has just passed is now, too: clocks differ."""
    await make_world(api, worker_db)

    payload = await schedule(api, "batch { startsAt }", contacts=ONE, startsAt=starts_at)

    assert payload["batch"] == {"startsAt": "2026-03-02T09:00:00Z"}


async def test_whoever_is_not_written_to_is_counted(api: ApiClient, worker_db: Database) -> None:
    """And whoever is named twice; both batches of one day reach the same contact."""
    _, known = await make_world(api, worker_db)
    async with worker_db.transaction() as conn:
        bounced = await make_contact(conn, api.workspace_id, status="BOUNCED")
    ids = [contact(each) for each in (*known, known[0], bounced)]

    first = await schedule(api, contactIds=ids)
    second = await schedule(api, contactIds=ids[:1])

    assert first == {"scheduled": 2, "duplicates": 1, "suppressed": 1, "invalid": [], "userErrors": []}
    assert second["scheduled"] == 1
