"""Holidays of a sequence and working hours of a mailbox change: only what became invalid moves."""

from datetime import date, timedelta

from domain.recalculations import RecalculationCause
from persistence.database import Database
from tests.support.recalculating import figures, planned, recalculate
from tests.support.world import MONDAY

TUESDAY = date(2026, 3, 3)


async def test_a_closed_date_moves_only_what_is_on_it(worker_db: Database) -> None:
    """Of ninety contacts, thirty a day, those of Tuesday go to the first day with room."""
    world = await planned(worker_db, 90)
    before = {email.id: email for email in await world.emails()}

    await world.execute("UPDATE sequences SET closed_dates = '{2026-03-03}'")
    await world.request(RecalculationCause.WINDOW_CHANGED, sequence_id=world.sequence_id)
    await recalculate(world)

    (request,) = await world.recalculations()
    moves = await world.moves()
    assert figures(request) == ("COMPLETED", 90, 90, 30, 60, 0, 0)
    assert {move.cause for move in moves} == {"WINDOW_CHANGED"}
    assert {before[move.email_id].window_day for move in moves} == {TUESDAY}
    assert {move.to_send_at.date() for move in moves} == {date(2026, 3, 5)}


async def test_working_hours_move_only_what_is_outside_of_them(worker_db: Database) -> None:
    """From noon on: half of Monday's thirty leave before it."""
    world = await planned(worker_db, 30)
    before = {email.id: email.send_at for email in await world.emails()}

    await world.execute(
        """UPDATE mailboxes SET working_hours = '{"weekdays": [1, 2], "intervals": [["13:00", "18:00"]]}'"""
    )
    await world.request(RecalculationCause.WINDOW_CHANGED, mailbox_id=world.mailbox_ids[0])
    await recalculate(world)

    after = {email.id: email.send_at for email in await world.emails()}
    moved = {move.email_id for move in await world.moves()}
    assert {move.cause for move in await world.moves()} == {"WINDOW_CHANGED"}
    assert moved == {each for each, send_at in before.items() if send_at.hour < 13}
    assert {send_at.hour >= 13 for send_at in after.values()} == {True}
    assert min(after.values()) >= MONDAY


async def test_hours_that_never_meet_the_window_leave_everyone_without_a_time(worker_db: Database) -> None:
    """The reason says what would have to change."""
    world = await planned(worker_db, 2)

    await world.execute(
        """UPDATE mailboxes SET working_hours = '{"weekdays": [7], "intervals": [["13:00", "18:00"]]}'"""
    )
    await world.request(RecalculationCause.WINDOW_CHANGED, mailbox_id=world.mailbox_ids[0])
    await recalculate(world)

    assert [(each.send_at, each.unplaced_reason) for each in await world.emails()] == [
        (None, "WINDOW_NEVER_OPENS")
    ] * 2


async def test_several_intervals_a_day_run_across_midnight(worker_db: Database) -> None:
    """12:00–13:00 and 22:00–02:00 on workdays: what leaves past midnight is of the day before."""
    world = await planned(worker_db, 40)
    window = """{"weekdays": [1, 2, 3, 4, 5], "intervals": [["12:00", "13:00"], ["22:00", "02:00"]]}"""

    await world.execute("UPDATE sequences SET send_window = CAST(:window AS jsonb)", window=window)
    await world.request(RecalculationCause.WINDOW_CHANGED, sequence_id=world.sequence_id)
    await recalculate(world)

    emails = await world.emails()
    assert {email.send_at.hour for email in emails} == {12, 22, 23, 0, 1}
    assert {(email.send_at.hour < 2, email.send_day - email.window_day) for email in emails} == {
        (True, timedelta(days=1)),
        (False, timedelta()),
    }
