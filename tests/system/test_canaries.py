"""Canaries: a password, an API key and a recipient show up in no log, message, answer or traceback."""

import asyncio
import json
import urllib.error
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.capture_server import CaptureServer
from app.demo.campaign import GraphqlClient, Refused
from tests.support.firehose import Firehose
from tests.support.rabbitmq import Vhost
from tests.support.system import System, drumbeat, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

PASSWORD = "canary-password-7d1f"
RECIPIENT = "canary-recipient-93ab@example.test"
# The server repeats what it was told, as servers do.
GREYLISTED = f"451 4.7.1 <{RECIPIENT}> is greylisted, come back with {PASSWORD}"
OVER_QUOTA = f"550 5.4.5 <{RECIPIENT}>: daily quota of your mailbox exceeded"
SETTINGS = {"DRUMBEAT_RETRY_SCHEDULE": "1s,2s,30s", "DRUMBEAT_LEASE_S": "4", "DRUMBEAT_LOG_LEVEL": "DEBUG"}

# What is said when the row of the recipient is refused, as by a constraint: all of its values.
REFUSING_ROWS = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING MESSAGE = 'the row violates a check', DETAIL = format('Failing row: %s', NEW);
END $$
"""
REFUSE_RESULTS = """
CREATE TRIGGER refuse BEFORE UPDATE ON scheduled_emails FOR EACH ROW
WHEN (NEW.status = 'SENT') EXECUTE FUNCTION refuse()
"""
REFUSE_CONTACTS = "CREATE TRIGGER refuse BEFORE UPDATE ON contacts FOR EACH ROW EXECUTE FUNCTION refuse()"


MAILBOX = """
mutation ($input: CreateMailboxInput!) {
  createMailbox(input: $input) { mailbox { id } userErrors { code message path } }
}"""
SEQUENCE = """
mutation ($input: CreateSequenceInput!) {
  createSequence(input: $input) { sequence { id } userErrors { code message path } }
}"""
START = """
mutation ($enroll: EnrollContactsInput!, $activate: ActivateSequenceInput!) {
  enrollContacts(input: $enroll) { enrolled invalid { reason } userErrors { code message path } }
  activateSequence(input: $activate) { userErrors { code message path } }
}"""
IMPORT = """
mutation ($input: ImportContactsInput!) {
  importContacts(input: $input) { invalid { reason } userErrors { code message path } }
}"""
MISTAKES: list[tuple[str, dict[str, Any]]] = [
    (MAILBOX, {"input": {"email": "a@example.com", "password": PASSWORD, "port": -1}}),
    (MAILBOX, {"input": {"email": "a@example.com", "password": PASSWORD, "host": 5}}),
    (MAILBOX, {"input": {"email": "a@example.com", "password": {"is": PASSWORD}}}),
    (f'mutation {{ createMailbox(input: {{password: "{PASSWORD}"}}) {{ mailbox {{ id }} }}', {}),
    (f'mutation {{ createMailbox(input: {{password: "{PASSWORD}"}}) {{ mailbox {{ id }} }} }}', {}),
    (IMPORT, {"input": {"csv": f"email\n{RECIPIENT}\r\rBcc: x"}}),
    (IMPORT, {"input": {"csv": RECIPIENT}}),
]


async def test_canaries_are_seen_nowhere_but_where_they_belong(
    installation_url: str, api_key: str, vhost: Vhost, tmp_path: Path
) -> None:
    """Though the server repeats them, the database refuses their rows, and a worker is killed."""
    script = {RECIPIENT: [GREYLISTED, OVER_QUOTA]}
    firehose = Firehose(vhost)

    with (
        CaptureServer(credentials={"sender": PASSWORD}, script=script) as server,
        drumbeat(
            tmp_path, database_url=installation_url, amqp_url=vhost.amqp_url, settings=SETTINGS
        ) as system,
    ):
        api = GraphqlClient(system.graphql, api_key)
        await write_to(api, RECIPIENT, name="first", port=server.port)
        await write_to(api, RECIPIENT, name="wrong", port=server.port, password=f"{PASSWORD}-wrong")
        await said(system, "mailbox.blocked", "mailbox.needs_auth")
        answers = [await answer_of(api, document, variables) for document, variables in MISTAKES]
        answers.append(await answer_of(GraphqlClient(system.graphql, f"{api_key}x"), "{ mailboxes { x } }"))

        with psycopg.connect(installation_url) as conn:
            conn.execute(REFUSING_ROWS)
            conn.execute(REFUSE_RESULTS)
        await write_to(api, RECIPIENT, name="second", port=server.port)
        await said(system, "email.abandoned")
        with psycopg.connect(installation_url) as conn:
            conn.execute(REFUSE_CONTACTS)
        answers.append(await answer_of(api, IMPORT, {"input": {"csv": f"email,company\n{RECIPIENT},Other"}}))
        system.kill_youngest("worker")
        await said(system, "api.unexpected_error", "group.died")
        logs = system.whole_logs()

    bodies = "\n".join(body.decode() for _, body in firehose.take())
    told = "\n".join(answers)
    canaries = (PASSWORD, api_key, RECIPIENT)
    assert [each for each in canaries if each in logs] == []
    assert [each for each in canaries if each in bodies] == []
    assert [each for each in answers if any(canary in each for canary in canaries)] == []
    assert all(answers)
    assert "Traceback" not in told


async def said(system: System, *events: str) -> None:
    """Wait until the logs have all *events*."""

    def are_there() -> bool:
        logs = system.whole_logs()
        return all(event in logs for event in events)

    await asyncio.to_thread(wait_for, are_there, " and ".join(events))


async def write_to(
    api: GraphqlClient, recipient: str, *, name: str, port: int, password: str = PASSWORD
) -> None:
    """One email to *recipient*, from a mailbox of its own that logs in with *password*."""
    mailbox = {
        "email": f"{name}@sender.example",
        "username": "sender",
        "password": password,
        "host": "127.0.0.1",
        "port": port,
        "security": "NONE",
        "zone": "UTC",
        "dailyCapacity": 0,
    }
    made = await api.ask(MAILBOX, {"input": mailbox})
    sequence = {
        "name": name,
        "zone": "UTC",
        "mailboxIds": [made["createMailbox"]["mailbox"]["id"]],
        "steps": [{"subject": "Hello", "bodyText": "Hello"}],
    }
    made = await api.ask(SEQUENCE, {"input": sequence})
    sequence_id = made["createSequence"]["sequence"]["id"]
    enroll = {"sequenceId": sequence_id, "contacts": [{"email": recipient}]}
    await api.ask(START, {"enroll": enroll, "activate": {"sequenceId": sequence_id}})


async def answer_of(api: GraphqlClient, document: str, variables: dict[str, object] | None = None) -> str:
    """The errors that *document* is answered with, whatever its status."""
    try:
        return json.dumps(await api.ask(document, variables))
    except Refused as refused:
        return str(refused)
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()
