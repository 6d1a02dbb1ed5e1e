"""Running the demo: brings up all parts, lets four days pass, and judges by what was received."""

import asyncio
import secrets
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from app.business_clock import SteppingClock
from app.capture_server import CaptureServer
from app.captured_mail import Received, Refused
from app.demo.campaign import GraphqlClient, scheduled_emails, set_up
from app.demo.outcome import CONTACTS, faults, mailbox_days
from app.demo.scenario import ZONE, Scenario, next_monday
from app.demo.table import days_table, ends_table, retries_table
from app.embedded import everything, port_of
from app.embedded_postgres import start_postgres
from app.founding import found_workspace
from app.logs import configure_logs
from app.settings import Settings
from app.stepping import Stepper
from persistence.database import Role, open_database
from persistence.migrations import migrate

# More steps than slots, retries and waits can make; a clock that never comes to rest is a fault.
_MOST_STEPS = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    scenario: Scenario
    received: Sequence[Received]
    refused: Sequence[Refused]
    emails: Sequence[dict[str, Any]]


def run_demo(*, console: Console | None = None) -> int:
    """Run the Welcome Campaign and show what came of it; 0 when everything was as promised."""
    console = console or Console()
    began = time.monotonic()
    configure_logs("auto", level="ERROR")
    with tempfile.TemporaryDirectory(prefix="drumbeat-demo-") as directory:
        with console.status("Starting PostgreSQL, broker, workers, API and a receiving SMTP server"):
            postgres = start_postgres(Path(directory) / "postgresql", durable=False)
        try:
            migrate(postgres.url)
            outcome = asyncio.run(_campaign(postgres.url, console, began))
        finally:
            postgres.stop()
    return _report(outcome, console, seconds=time.monotonic() - began)


async def _campaign(database_url: str, console: Console, began: float) -> Outcome:
    scenario = Scenario(next_monday(datetime.now(ZONE).date()))
    settings = Settings(
        database_url=database_url,
        secret_key=secrets.token_hex(32),
        business_clock="stepping",
        api_port=0,
        smtp_allow_networks=(ip_network("127.0.0.0/8"),),
    )
    database = open_database(database_url, Role.WORKER)
    clock = SteppingClock(database)
    try:
        await clock.step_to(scenario.begins_at)
        _, key = await found_workspace(database_url, name="Demo", zone=ZONE.key)
        with CaptureServer(clock=lambda: clock.last_read, script=scenario.script) as server:
            async with everything(settings, now=lambda: clock.last_read) as http:
                api = GraphqlClient(f"http://127.0.0.1:{port_of(http)}/graphql", key)
                await set_up(api, smtp_port=server.port)
                await _let_days_pass(Stepper(database, clock), server, clock, console, began)
                emails = await scheduled_emails(api)
            return Outcome(scenario, list(server.received), list(server.refused), emails)
    finally:
        await database.aclose()


async def _let_days_pass(
    stepper: Stepper, server: CaptureServer, clock: SteppingClock, console: Console, began: float
) -> None:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("emails received", total=3 * (CONTACTS - 1))
        for _ in range(_MOST_STEPS):
            due = await stepper.step()
            if server.received and not progress.tasks[task].completed:
                console.print(f"First email received {time.monotonic() - began:.1f} s after the start.")
            progress.update(
                task,
                completed=len(server.received),
                description=f"{clock.last_read.astimezone(ZONE):%a %H:%M} emails received",
            )
            if due is None:
                return


def _report(outcome: Outcome, console: Console, *, seconds: float) -> int:
    console.print(days_table(mailbox_days(outcome.received, outcome.emails)))
    console.print(retries_table(outcome.received, outcome.refused))
    console.print(ends_table(outcome.emails))
    found = faults(
        outcome.scenario, received=outcome.received, refused=outcome.refused, emails=outcome.emails
    )
    for fault in found:
        console.print(f"[bold red]wrong:[/] {fault}")
    if not found:
        console.print(
            f"[bold green]as promised:[/] {len(outcome.received)} emails, each exactly once and on time, "
            f"in {seconds:.0f} s"
        )
    return 1 if found else 0
