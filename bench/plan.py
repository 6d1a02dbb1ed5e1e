"""`make bench-plan`: what planning costs, as a ratio to the COPY of the same rows in the same round."""

import asyncio
from collections.abc import Awaitable
from time import perf_counter
from typing import Annotated

import typer

from bench.campaign import Campaign, make_campaign, settle
from bench.figures import Figure, Measured, Reach, Rounds, Work, figures_of, report
from bench.floor import copy_floor, mark
from bench.lateness import measure_lateness
from bench.office import Office
from bench.own_database import own_database
from bench.planning_process import measure_memory
from bench.timetable_checks import (
    check_all_moved,
    check_nothing_moved,
    check_only_these_moved,
    check_placed,
    places,
)

ENROLL = Work("enroll and place", "s", Reach(2.0))
REPLAN = Work("replan everything", "s", Reach(2.5))
REMOVE = Work("remove 1 mailbox", "s", Reach(0.3))
INSERT = Work("insert a step", "s", Reach(2.5))
PREVIEW = Work("preview a rebalance", "s", Reach(more=3))
GROWTH = Work("enroll and place, per email, many more contacts", "µs", Reach(1.3))
PLANNER_MEMORY = Work("memory of the planner", "MB", Reach(more=400))
RECALCULATOR_MEMORY = Work("memory of the recalculator, insert a step", "MB", Reach(more=400))
LATENESS = Work("lateness of the dispatcher during a recalculation", "s", Reach(1, more=2))

_STEPS = 3
_MAILBOXES = 200
# Of so many, at least, the lateness of the dispatcher is taken.
_CLAIMS = 40


async def measure_enrolling(url: str, office: Office, rounds: Rounds, *, contacts: int) -> Campaign:
    """Measure enrolling *contacts* contacts once; the campaign that they are in."""
    campaign = make_campaign(url, contacts=contacts, steps=_STEPS, mailboxes=_MAILBOXES)
    rounds.setdefault(ENROLL, []).append(await _enroll(url, office, campaign))
    check_placed(places(url), emails=contacts * _STEPS)
    return campaign


async def measure_round(url: str, office: Office, rounds: Rounds, *, contacts: int) -> None:
    """Measure every work of *contacts* contacts once."""
    campaign = await measure_enrolling(url, office, rounds, contacts=contacts)
    rounds.setdefault(INSERT, []).append(await _insert_step(url, office, campaign))
    check_placed(places(url), emails=contacts * (_STEPS + 1))

    campaign = make_campaign(
        url, contacts=contacts, steps=1, mailboxes=_MAILBOXES, spare_mailboxes=_MAILBOXES
    )
    await office.enroll(campaign)
    await office.plan(campaign.workspace_id)
    rounds.setdefault(PREVIEW, []).append(await _preview_rebalance(url, office, campaign))
    rounds.setdefault(REMOVE, []).append(await _remove_mailbox(url, office, campaign))
    rounds.setdefault(REPLAN, []).append(await _replan_everything(url, office, campaign))
    check_placed(places(url), emails=contacts)


async def measure_growth(url: str, office: Office, rounds: Rounds, *, contacts: int, growth: int) -> None:
    """Measure enrolling *growth* times as many contacts; the floor is the cost of an email without growth."""
    campaign = make_campaign(url, contacts=contacts * growth, steps=_STEPS, mailboxes=_MAILBOXES)
    seconds = await _timed(_enroll_and_plan(office, campaign))
    check_placed(places(url), emails=contacts * growth * _STEPS)
    per_email = 1e6 / (contacts * _STEPS)
    before = Figure(ENROLL, rounds[ENROLL]).value * per_email
    rounds.setdefault(GROWTH, []).append(Measured(seconds * per_email / growth, before))


async def measure_peaks(url: str, office: Office, rounds: Rounds, *, contacts: int) -> None:
    """Measure the memory of processes that plan, with that of processes about to plan as floor."""
    campaign = make_campaign(url, contacts=contacts, steps=_STEPS, mailboxes=_MAILBOXES)
    await office.enroll(campaign)
    before, after = measure_memory(url, campaign.workspace_id, who="planner")
    rounds[PLANNER_MEMORY] = [Measured(after, before)]
    await office.insert_second_step(campaign)
    before, after = measure_memory(url, campaign.workspace_id, who="recalculator")
    rounds[RECALCULATOR_MEMORY] = [Measured(after, before)]
    check_placed(places(url), emails=contacts * (_STEPS + 1))


async def measure_dispatcher(url: str, office: Office, rounds: Rounds, *, contacts: int, claims: int) -> None:
    """Measure how late the dispatcher is while a step is inserted, with its lateness before as floor."""
    campaign = make_campaign(url, contacts=contacts, steps=_STEPS, mailboxes=_MAILBOXES, window=None)
    await office.enroll(campaign)
    await office.plan(campaign.workspace_id)
    during, before = await measure_lateness(url, office, campaign, claims=claims)
    rounds[LATENESS] = [Measured(during, before)]


async def _enroll(url: str, office: Office, campaign: Campaign) -> Measured:
    seconds = await _timed(_enroll_and_plan(office, campaign))
    return Measured(seconds, copy_floor(url).seconds)


async def _enroll_and_plan(office: Office, campaign: Campaign) -> None:
    await office.enroll(campaign)
    await office.plan(campaign.workspace_id)


async def _insert_step(url: str, office: Office, campaign: Campaign) -> Measured:
    settle(url)
    since = mark(url)
    seconds = await _timed(office.insert_second_step(campaign), office.recalculate(campaign.workspace_id))
    return Measured(seconds, copy_floor(url, written_since=since).seconds)


async def _preview_rebalance(url: str, office: Office, campaign: Campaign) -> Measured:
    settle(url)
    before = places(url)
    seconds = await _timed(office.preview_rebalance(campaign))
    check_nothing_moved(before, places(url))
    return Measured(seconds, copy_floor(url).seconds)


async def _remove_mailbox(url: str, office: Office, campaign: Campaign) -> Measured:
    settle(url)
    before, mailbox_id = places(url), campaign.mailbox_ids[0]
    seconds = await _timed(
        office.remove_mailbox(campaign, mailbox_id), office.recalculate(campaign.workspace_id)
    )
    check_only_these_moved(before, places(url), mailbox_id=mailbox_id)
    return Measured(seconds, copy_floor(url).seconds)


async def _replan_everything(url: str, office: Office, campaign: Campaign) -> Measured:
    settle(url)
    before = places(url)
    seconds = await _timed(
        office.replace_mailboxes(campaign, campaign.mailbox_ids), office.recalculate(campaign.workspace_id)
    )
    check_all_moved(before, places(url))
    return Measured(seconds, copy_floor(url).seconds)


async def _timed(*works: Awaitable[None]) -> float:
    """Seconds from the beginning of the first of *works* to the end of the last, one after the other."""
    began = perf_counter()
    for work in works:
        await work
    return perf_counter() - began


async def measure(
    url: str, *, contacts: int, rounds: int, growth: int, claims: int = _CLAIMS, only_growth: bool = False
) -> list[Figure]:
    """All figures of planning, on the migrated database of *url*, a superuser's, which is emptied."""
    measured: Rounds = {}
    office = Office(url)
    try:
        for _ in range(rounds):
            measure_once = measure_enrolling if only_growth else measure_round
            await measure_once(url, office, measured, contacts=contacts)
        if not only_growth:
            await measure_peaks(url, office, measured, contacts=contacts)
            await measure_dispatcher(url, office, measured, contacts=contacts, claims=claims)
        if growth > 1:
            await measure_growth(url, office, measured, contacts=contacts, growth=growth)
    finally:
        await office.aclose()
    return figures_of(measured)


def main(
    contacts: Annotated[int, typer.Option(min=200, help="Contacts of the sequence.")] = 50_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured.")] = 3,
    growth: Annotated[int, typer.Option(min=1, help="Measure so many times the contacts too.")] = 1,
    only_growth: Annotated[
        bool, typer.Option(help="Measure enrolling alone, with and without growth.")
    ] = False,
) -> None:
    """Write a line of JSON per figure to standard output, and a table to standard error."""
    with own_database() as url:
        figures = asyncio.run(
            measure(url, contacts=contacts, rounds=rounds, growth=growth, only_growth=only_growth)
        )
    title = f"Planning {contacts:,} contacts, {_MAILBOXES} mailboxes, {rounds} rounds"
    report(figures, title=title, width=120)


if __name__ == "__main__":
    typer.run(main)
