"""The audit log: every mutation that is done leaves an entry, by whom, and what it changed."""

from uuid import UUID

import graphql
import pytest

from api.auditing import SECRET_FIELDS
from api.context import Services
from api.ids import global_id
from domain.access import Scope
from persistence.api_keys import create_api_key
from persistence.database import Database
from tests.api.client import ApiClient, SteppingClock
from tests.api.mutations.asking import done, everything, mailbox, mutate, refused, sequence
from tests.api.one_of_each import message_id, one_of_each
from tests.api.published import SCHEMA
from tests.support.world import MONDAY, make_contact, make_mailbox, make_sequence

LOG = """
query ($filter: AuditLogFilter) { auditLog(filter: $filter) { totalCount nodes {
  id at actor actorName action asked objectKind objectId before after
} } }
"""
A_MAILBOX = {"email": "sales@example.com", "host": "smtp.example.com", "zone": "UTC"}


async def _log(api: ApiClient, **filter_: object) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = (await api.data(LOG, filter=filter_))["auditLog"]["nodes"]
    return entries


async def test_a_change_is_told_by_what_was_different(api: ApiClient, worker_db: Database) -> None:
    """The columns that changed and no others, with who did it and when."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id, priority=1)

    await done(api, "updateSequence", "sequence { name }", sequenceId=sequence(key), name="New", priority=1)

    [entry] = await _log(api)
    assert entry["actorName"] == "tests"
    assert str(entry["actor"]).startswith("api_key:")
    assert (entry["at"], entry["action"]) == (MONDAY.isoformat().replace("+00:00", "Z"), "updateSequence")
    assert (entry["objectKind"], entry["objectId"]) == ("Sequence", sequence(key))
    assert entry["asked"] == {"sequenceId": sequence(key), "name": "New", "priority": 1}
    assert entry["before"] == {"name": "Welcome Campaign", "version": 1}
    assert entry["after"] == {"name": "New", "version": 2}


async def test_what_is_made_and_what_is_removed_are_told_whole(api: ApiClient) -> None:
    """Its id is that of the new thing; nothing is before it, and nothing after it is gone."""
    made = await done(api, "inviteMember", "invitation { id }", email="ada@example.com", role="MEMBER")
    await done(api, "revokeInvitation", "", invitationId=made["invitation"]["id"])

    revoked, invited = await _log(api, objectId=made["invitation"]["id"])
    assert (invited["action"], revoked["action"]) == ("inviteMember", "revokeInvitation")
    assert invited["before"] is None
    assert invited["after"] == revoked["before"]
    assert isinstance(invited["after"], dict)
    assert invited["after"]["email"] == "ada@example.com"
    assert revoked["after"] is None


async def test_what_is_done_to_many_is_counted(api: ApiClient, worker_db: Database) -> None:
    """With the input that names them, of a long list only its beginning."""
    await done(api, "suppress", "suppressed", emails=[f"{number}@example.test" for number in range(30)])

    [entry] = await _log(api)
    assert (entry["objectKind"], entry["objectId"], entry["after"]) == (None, None, {"suppressed": 30})
    assert isinstance(entry["asked"], dict)
    assert entry["asked"]["emails"][18:] == ["18@example.test", "19@example.test", "… and 10 more"]


async def test_secrets_are_never_in_it(api: ApiClient, worker_db: Database) -> None:
    """Neither as they were given nor as they are kept, nor the key that was made; that there was one is."""
    made = await done(api, "createMailbox", "mailbox { id }", **A_MAILBOX, password="correct horse")
    key = await done(api, "createApiKey", "key apiKey { id }", name="second")
    oauth = {"provider": "GOOGLE", "refreshToken": "battery staple"}
    await done(api, "updateMailbox", "mailbox { id }", mailboxId=made["mailbox"]["id"], oauth=oauth)

    rows = await everything(worker_db)
    written = str(rows["audit_log"])
    [box] = rows["mailboxes"]
    secrets = ("correct horse", "battery staple", key["key"], box.refresh_token_encrypted.hex())
    assert [secret for secret in secrets if secret in written] == []
    updated, keyed, created = await _log(api)
    assert isinstance(created["asked"], dict)
    assert isinstance(updated["asked"], dict)
    assert (created["asked"]["password"], updated["asked"]["oauth"]["refreshToken"]) == ("***", "***")
    assert updated["before"] == {"password_encrypted": "***", "oauth_provider": None, "version": 1} | {
        "refresh_token_encrypted": None
    }
    assert updated["after"] == {"password_encrypted": None, "oauth_provider": "GOOGLE", "version": 2} | {
        "refresh_token_encrypted": "***"
    }
    assert isinstance(keyed["after"], dict)
    assert keyed["after"]["key_hash"] == "***"


def test_every_secret_of_an_input_is_known() -> None:
    """A field whose name tells that it is one is hidden; tokens of previews open nothing."""
    names = {
        name
        for kind in SCHEMA.type_map.values()
        if isinstance(kind, graphql.GraphQLInputObjectType)
        for name in kind.fields
        if any(part in name.lower() for part in ("password", "secret", "token", "credential"))
    }

    assert names - {"token", "planToken"} == SECRET_FIELDS


async def test_what_no_database_can_keep_is_told_all_the_same(api: ApiClient) -> None:
    """A contact that cannot be taken for a NUL or half a character is in the input of those that can."""
    odd = '{"email": "a@example.test", "customFields": {"a\\u0000": "\\u0000", "b": "\\ud800"}}'
    document = "mutation ($c: [ContactInput!]!) { importContacts(input: {contacts: $c}) { created } }"

    answer = await api.http.post(
        "/graphql",
        content=f'{{"query": "{document}", "variables": {{"c": [{odd}]}}}}',
        headers={"Content-Type": "application/json"},
    )

    assert answer.json() == {"data": {"importContacts": {"created": 0}}}

    [entry] = await _log(api)
    assert isinstance(entry["asked"], dict)
    assert entry["asked"]["contacts"][0]["customFields"] == {"a\ufffd": "\ufffd", "b": "?"}


async def test_a_refusal_and_a_rehearsal_leave_nothing(api: ApiClient, worker_db: Database) -> None:
    """They changed nothing."""
    async with worker_db.transaction() as conn:
        box = await make_mailbox(conn, api.workspace_id)

    await refused(api, worker_db, "resumeMailbox", mailboxId=mailbox(box))
    rehearsed = await mutate(api, "pauseMailbox", mailboxId=mailbox(box), dryRun=True)

    assert rehearsed["userErrors"] == []
    assert await _log(api) == []


async def test_entries_are_found_by_what_and_who_and_when(
    api: ApiClient, services: Services, clock: SteppingClock
) -> None:
    """Each condition alone."""
    made = await done(api, "createSequence", "sequence { id }", name="First")
    [first] = await _log(api)
    clock.present = MONDAY.replace(hour=12)
    async with services.database.transaction(api.workspace_id) as conn:
        key = await create_api_key(conn, api.workspace_id, name="night shift", scopes=list(Scope))
    api.http.headers["Authorization"] = f"Bearer {key}"
    await done(api, "archiveSequence", "sequence { id }", sequenceId=made["sequence"]["id"])
    await done(api, "suppress", "suppressed", emails=[])

    async def actions(**filter_: object) -> list[object]:
        return [entry["action"] for entry in await _log(api, **filter_)]

    noon = "2026-03-02T12:00:00Z"
    assert await actions(objectId=made["sequence"]["id"]) == ["archiveSequence", "createSequence"]
    assert await actions(actor=first["actor"]) == ["createSequence"]
    assert await actions(action=["suppress"]) == ["suppress"]
    assert await actions(since=noon) == ["suppress", "archiveSequence"]
    assert await actions(until=noon) == ["createSequence"]


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
async def test_only_administrators_read_it(api: ApiClient, services: Services, scope: Scope) -> None:
    """Neither as a list nor by an entry's id."""
    await done(api, "suppress", "suppressed", emails=[])
    [entry] = await _log(api)
    async with services.database.transaction(api.workspace_id) as conn:
        key = await create_api_key(conn, api.workspace_id, name="narrow", scopes={scope, Scope.READ})
    api.http.headers["Authorization"] = f"Bearer {key}"

    told = [
        await api.refusal(LOG),
        await api.refusal("query ($id: ID!) { node(id: $id) { id } }", id=entry["id"]),
    ]

    assert told == [("FORBIDDEN", "This needs the scope ADMIN, which you do not have.")] * 2


async def test_an_entry_is_found_by_no_numbered_id(api: ApiClient) -> None:
    """Of things that nothing is done to."""
    code, _ = await api.refusal(LOG, filter={"objectId": global_id("EmailEvent", 1)})

    assert code == "BAD_USER_INPUT"


async def test_a_thing_that_was_found_is_not_told_as_made(
    api: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """A message names no id; the email that it is about is in the entry, and nothing of its row."""
    keys = await one_of_each(api, worker_db, api_db)
    email_id = keys["ScheduledEmail"]
    assert isinstance(email_id, UUID)
    answered = f"In-Reply-To: {message_id(email_id)}\nSubject: Re: Hello\n\nThanks"

    await done(api, "recordInbound", "kind", message=answered)

    [entry] = await _log(api, action=["recordInbound"])
    assert entry["objectId"] == global_id("ScheduledEmail", email_id)
    assert (entry["before"], entry["after"]) == (None, None)


async def test_a_batch_is_what_its_entry_is_about(api: ApiClient, worker_db: Database) -> None:
    """It is made by the mutation; the contacts are counted."""
    async with worker_db.transaction() as conn:
        await make_mailbox(conn, api.workspace_id)
        who = await make_contact(conn, api.workspace_id)

    made = await done(
        api,
        "scheduleEmails",
        "batch { id }",
        subject="Hello",
        bodyText="Text",
        contactIds=[global_id("Contact", who)],
    )

    [entry] = await _log(api)
    assert entry["objectId"] == made["batch"]["id"]
    assert isinstance(entry["after"], dict)
    assert entry["after"]["scheduled"] == 1
