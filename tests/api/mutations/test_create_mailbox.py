"""Adding mailboxes through the API, and every mistake that can be made with them."""

from typing import Any

import pytest

from api.context import Services
from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, everything, mailbox, refused
from tests.support.world import make_mailbox

MINIMAL = {"email": "Outreach@Example.com", "host": "smtp.example.com", "zone": "Europe/Berlin"}


async def test_a_mailbox_is_added(api: ApiClient) -> None:
    """With the defaults of its kind: its address as name, STARTTLS, 30 emails a day."""
    payload = await done(
        api,
        "createMailbox",
        """mailbox {
            name fromName email username owner provider status zone host port security
            dailyCapacity minimumGapSeconds hourlyLimit version
        }""",
        **MINIMAL,
    )

    assert payload["mailbox"] == {
        "name": "Outreach@example.com",
        "fromName": "",
        "email": "Outreach@example.com",
        "username": None,
        "owner": None,
        "provider": None,
        "status": "ACTIVE",
        "zone": "Europe/Berlin",
        "host": "smtp.example.com",
        "port": 587,
        "security": "STARTTLS",
        "dailyCapacity": 30,
        "minimumGapSeconds": 1,
        "hourlyLimit": None,
        "version": 1,
    }


async def test_everything_about_a_mailbox_can_be_given(
    api: ApiClient, services: Services, worker_db: Database
) -> None:
    """The password is kept so that only this row's id opens it."""
    await done(
        api,
        "createMailbox",
        "mailbox { id }",
        **MINIMAL,
        name="Sales",
        fromName="Sales team",
        owner="Office",
        provider="Example",
        security="TLS",
        password="hunter2",
        dailyCapacity=0,
        ramp={"start": 5, "step": 2, "startedOn": "2026-03-02"},
        minimumGapSeconds=0,
        hourlyLimit=10,
        slidingWindow={"limit": 100, "seconds": 86400},
        rolling24hLimit=50,
        recipientDomainDailyCap=4,
        jitterPercent=50,
        dayVariationPercent=20,
        inDoubtPolicy="HOLD",
    )

    [row] = (await everything(worker_db))["mailboxes"]
    assert (row.name, row.from_name, row.owner, row.provider) == (
        "Sales",
        "Sales team",
        "Office",
        "Example",
    )
    assert (row.security, row.port, row.username) == ("TLS", 465, "Outreach@example.com")
    assert (row.daily_capacity, row.minimum_gap_s, row.hourly_limit) == (0, 0, 10)
    assert (row.ramp_start, row.ramp_step, row.ramp_started_on.isoformat()) == (5, 2, "2026-03-02")
    assert (row.sliding_window_limit, row.sliding_window_s, row.in_doubt_policy) == (100, 86400, "HOLD")
    assert (row.rolling_24h_limit, row.recipient_domain_daily_cap) == (50, 4)
    assert (row.jitter_percent, row.day_variation_percent) == (50, 20)
    assert b"hunter2" not in row.password_encrypted
    assert services.vault.decrypt(row.password_encrypted, row_id=row.id) == "hunter2"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
async def test_plain_text_is_for_this_machine(api: ApiClient, host: str) -> None:
    """A relay on loopback needs no TLS."""
    given = MINIMAL | {"host": host, "security": "NONE"}

    payload = await done(api, "createMailbox", "mailbox { host port security }", **given)

    assert payload["mailbox"] == {"host": host, "port": 25, "security": "NONE"}


HOST = "Give the name of a host, for example smtp.example.com."
CONTROL = "It holds a line break or another control character."
RAMP = {"start": 1, "step": 0, "startedOn": "2026-03-02"}


def out_of_range(path: str, least: int, most: int) -> dict[str, object]:
    return error("OUT_OF_RANGE", path, f"It is a number from {least} to {most}.")


WRONG = [
    ({"rolling24hLimit": 0}, out_of_range("rolling24hLimit", 1, 1_000_000)),
    ({"recipientDomainDailyCap": 0}, out_of_range("recipientDomainDailyCap", 1, 1_000_000)),
    ({"jitterPercent": 51}, out_of_range("jitterPercent", 0, 50)),
    ({"dayVariationPercent": -1}, out_of_range("dayVariationPercent", 0, 50)),
    (
        {"zone": "Berlin"},
        error(
            "INVALID_ZONE",
            "zone",
            "“Berlin” is not a zone of the IANA database, for example Europe/Berlin.",
        ),
    ),
    ({"dailyCapacity": -1}, out_of_range("dailyCapacity", 0, 1_000_000)),
    ({"minimumGapSeconds": -1}, out_of_range("minimumGapSeconds", 0, 86_400)),
    ({"hourlyLimit": 0}, out_of_range("hourlyLimit", 1, 1_000_000)),
    ({"port": 0}, out_of_range("port", 1, 65_535)),
    ({"port": 65536}, out_of_range("port", 1, 65_535)),
    ({"ramp": RAMP | {"start": 0}}, out_of_range("ramp.start", 1, 1_000_000)),
    ({"ramp": RAMP | {"step": -1}}, out_of_range("ramp.step", 0, 1_000_000)),
    (
        {"slidingWindow": {"limit": 0, "seconds": 60}},
        out_of_range("slidingWindow.limit", 1, 1_000_000),
    ),
    (
        {"slidingWindow": {"limit": 1, "seconds": 0}},
        out_of_range("slidingWindow.seconds", 1, 604_800),
    ),
    ({"host": "smtp example com"}, error("INVALID_HOST", "host", HOST)),
    ({"host": "smtp.example.com\r\nRSET"}, error("INVALID_HOST", "host", HOST)),
    ({"host": ""}, error("INVALID_HOST", "host", HOST)),
    (
        {"security": "NONE"},
        error(
            "INVALID_HOST",
            "security",
            "Without TLS only this machine can be reached: use STARTTLS or TLS.",
        ),
    ),
    ({"name": "a\nb"}, error("INVALID_HEADER", "name", CONTROL)),
    ({"fromName": "Sales\r\nBcc: all@example.test"}, error("INVALID_HEADER", "fromName", CONTROL)),
    ({"password": "x" * 1001}, error("TOO_LONG", "password", "It is longer than 1000 characters.")),
]


@pytest.mark.parametrize(("changes", "expected"), WRONG)
async def test_a_wrong_mailbox_is_not_added(
    api: ApiClient, worker_db: Database, changes: dict[str, Any], expected: dict[str, object]
) -> None:
    """With the place of the mistake."""
    assert await refused(api, worker_db, "createMailbox", **(MINIMAL | changes)) == [expected]


@pytest.mark.parametrize("changes_and_error", WRONG)
async def test_a_wrong_change_is_refused(
    api: ApiClient, worker_db: Database, changes_and_error: tuple[dict[str, Any], dict[str, object]]
) -> None:
    """By the same rules, also where the change goes ill only with what is there."""
    changes, expected = changes_and_error
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, host="smtp.example.com", security="TLS")

    assert await refused(api, worker_db, "updateMailbox", mailboxId=mailbox(key), **changes) == [expected]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("nonsense", "An email address must have an @-sign."),
        (
            "outreach@example.com\r\nRCPT TO:<all@example.test>",
            "It contains a line break or another control character.",
        ),
    ],
)
async def test_a_mailbox_has_an_address(
    api: ApiClient, worker_db: Database, address: str, reason: str
) -> None:
    """One that can be written to, and nothing besides."""
    errors = await refused(api, worker_db, "createMailbox", **(MINIMAL | {"email": address}))

    assert errors == [error("INVALID_ADDRESS", "email", reason)]


async def test_an_address_is_taken_wherever_it_is(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Two workspaces must not use one provider's quota twice; spelling makes no difference."""
    await done(stranger, "createMailbox", "mailbox { id }", **MINIMAL)

    errors = await refused(api, worker_db, "createMailbox", **(MINIMAL | {"email": "OUTREACH@example.com"}))

    assert errors == [error("ADDRESS_TAKEN", "email", "Another mailbox sends from this address already.")]


async def test_a_password_is_never_shown(api: ApiClient) -> None:
    """There is no field for it."""
    answered = await api.answer('{ __type(name: "Mailbox") { fields { name } } }')

    names = {field["name"] for field in answered["data"]["__type"]["fields"]}
    assert "username" in names
    assert not {name for name in names if "password" in name.lower()}
