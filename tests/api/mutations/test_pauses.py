"""Putting all sending on hold through the API."""

from persistence.database import Database
from tests.api.client import ApiClient, SteppingClock
from tests.api.mutations.asking import done, error, everything, refused
from tests.support.world import MONDAY, make_email, make_enrollment, make_mailbox, make_sequence


async def test_everything_is_put_on_hold_and_goes_on(
    api: ApiClient, stranger: ApiClient, worker_db: Database, clock: SteppingClock
) -> None:
    """The plan stays; what follows a longer wait is planned anew, and the reason is in the audit log."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        key = await make_sequence(conn, api.workspace_id, mailboxes=[mailbox_id])
        enrolled = await make_enrollment(conn, api.workspace_id, key, mailbox_id=mailbox_id)
        await make_email(conn, enrolled)
    planned = (await everything(worker_db))["scheduled_emails"]

    paused = await done(api, "pauseSending", "workspace { sendingPausedAt }", reason="fire drill")
    clock.present = MONDAY.replace(hour=11)
    again = await refused(api, worker_db, "pauseSending")
    resumed = await done(
        api, "resumeSending", "workspace { sendingPausedAt } recalculation { cause status sequence { id } }"
    )
    twice = await refused(api, worker_db, "resumeSending")

    assert paused["workspace"] == {"sendingPausedAt": "2026-03-02T09:00:00Z"}
    assert resumed["workspace"] == {"sendingPausedAt": None}
    assert resumed["recalculation"] == {"cause": "SENDING_RESUMED", "status": "PENDING", "sequence": None}
    assert again == [{**error("WRONG_STATUS", "", "The workspace's status is PAUSED."), "path": []}]
    assert twice == [{**error("WRONG_STATUS", "", "The workspace's status is ACTIVE."), "path": []}]
    assert (await everything(worker_db))["scheduled_emails"] == planned
    log = await api.data("{ auditLog { nodes { action asked objectKind before after } } }")
    assert log["auditLog"]["nodes"][1] == {
        "action": "pauseSending",
        "asked": {"reason": "fire drill"},
        "objectKind": "Workspace",
        "before": {"sending_paused_at": None, "version": 1},
        "after": {"sending_paused_at": "2026-03-02T09:00:00+00:00", "version": 2},
    }
    data = await stranger.data("{ viewer { workspace { sendingPausedAt } } }")
    assert data["viewer"]["workspace"]["sendingPausedAt"] is None
