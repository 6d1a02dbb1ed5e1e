"""The commands that run Drumbeat: in one process to try it, in three kinds of processes to live on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.settings import Settings


def demo() -> None:
    """
    Send a whole campaign on this machine, in half a minute.

    Brings its own PostgreSQL, broker and SMTP server, steps through four days of business time, shows what
    was received, checks it, and leaves nothing behind. Needs no settings.
    """
    from app.demo import run_demo

    raise typer.Exit(run_demo())


def up(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where the data is kept. [DRUMBEAT_DATA_DIR, default: .drumbeat]", file_okay=False),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", "-p", help="Port of the API. [DRUMBEAT_API_PORT, default: 8000]")
    ] = None,
) -> None:
    """
    Run everything in this one process, and keep its data.

    Brings its own PostgreSQL and broker where DRUMBEAT_DATABASE_URL and DRUMBEAT_AMQP_URL are not set.
    """
    settings = _settings(data_dir=data_dir, api_port=port)

    from app.up import run_up

    run_up(settings)


def api(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [DRUMBEAT_API_HOST, default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", "-p", help="Port to listen on. [DRUMBEAT_API_PORT, default: 8000]")
    ] = None,
) -> None:
    """Serve GraphQL over HTTP. Any number may run."""
    settings = _settings("database_url", "secret_key", api_host=host, api_port=port)

    from app.serving import run_api

    run_api(settings)


def worker(
    queues: Annotated[
        str | None,
        typer.Option(
            "--queues",
            "-Q",
            help="Queues to serve, separated by commas. "
            "[DRUMBEAT_WORKER_QUEUES, default: planner,dispatcher,sender,recalculator]",
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option("--processes", "-p", help="Processes. [DRUMBEAT_WORKER_PROCESSES, default: 1]"),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads", "-t", help="Messages in hand per process. [DRUMBEAT_WORKER_THREADS, default: 4]"
        ),
    ] = None,
    smtp_connections: Annotated[
        int | None,
        typer.Option(
            "--smtp-connections",
            "-c",
            help="Emails on their way per process. [DRUMBEAT_SMTP_CONNECTIONS, default: 32]",
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Start anew when a Python file changes. For development.")
    ] = False,
) -> None:
    """Plan, dispatch and send: do the work that waits in RabbitMQ's queues. Any number may run."""
    settings = _settings(
        "database_url",
        "amqp_url",
        "secret_key",
        worker_queues=queues,
        worker_processes=processes,
        worker_threads=threads,
        smtp_connections=smtp_connections,
    )

    from app.worker import run_worker

    run_worker(settings, watch=watch)


def clock() -> None:
    """Say when there is something to do. Of any number that run, one leads and the others stand by."""
    settings = _settings("database_url", "amqp_url")

    from app.clock import run_clock

    run_clock(settings)


def _settings(*required: str, **chosen: object) -> "Settings":
    """Settings with *chosen* ones before all, of which *required* are set; and the log as they want it."""
    from app.logs import configure_logs
    from app.settings import load_settings

    settings = load_settings(**chosen)
    settings.require(*required)
    configure_logs(settings.log_format, level=settings.log_level)
    return settings
