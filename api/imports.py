"""Imports over HTTP: a CSV file is read as it comes, and its contacts are written in batches."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api import uploads
from api.context import Context, Services
from api.csv_cells import csv_lines
from api.errors import BadUserInput, NotFound
from api.exports import download
from api.idempotency import idempotency_key
from api.ids import global_id, uuid_of
from api.inputs.contact_csv import ContactCsv
from api.inputs.contacts import ContactList
from api.inputs.problems import Problem
from api.invalid_contacts import rejected_rows
from api.once import Conflict
from api.repeated_imports import Told, once, written
from api.transfers import TransferRefused, admitted, answer, csv_file, refusal
from api.types.contact_import import Import
from api.uploads import TooLarge, Upload, UploadEnded, in_thread
from domain.access import Scope
from persistence.audit_log import Entry, columns_of, write_entry
from persistence.contact_imports import (
    ImportCounts,
    begin_import,
    end_import,
    record_import,
    write_contacts,
)
from persistence.idempotency_keys import Claim, ClaimLost, go_on, keep_answer
from persistence.reading.contact_imports import ERROR_ORDER, errors_of, imports_by_id
from persistence.tables import imports

MOST_ROWS = 200_000
MOST_BYTES = 100 * 1024 * 1024
BATCH = 1_000
_ERROR_COLUMNS = ("line", "field", "email", "reason")
_LONGEST_NAME = 200


async def upload(request: Request, services: Services) -> Response:
    """Take a file of contacts: `POST /imports`."""
    try:
        context = await admitted(request, services, needs=Scope.WRITE)
        _check_media_type(request.headers)
        key = idempotency_key(request.headers)
        file = Upload(request.stream(), most=MOST_BYTES, silence_s=uploads.SILENCE_S)
        if key is not None:
            return await once(context, key, request, file, partial(_import, request, context, file))
        async with services.importing:
            return answer(await _import(request, context, file))
    except TooLarge as error:
        return refusal(TransferRefused(413, BadUserInput(str(error))))
    except (UploadEnded, Problem) as error:
        return refusal(BadUserInput(str(error)))
    except Exception as error:
        return refusal(error)


async def errors(request: Request, services: Services) -> Response:
    """The rows of an import that could not be taken: `GET /imports/{id}/errors.csv`."""
    try:
        context = await admitted(request, services, needs=Scope.READ)
        import_id = uuid_of("Import", request.path_params["id"])
        async with context.transaction() as conn:
            if not await imports_by_id(conn, context.workspace_id, [import_id]):
                raise NotFound("import")
    except Exception as error:
        return refusal(error)
    pages = download(context, errors_of(context.workspace_id, import_id), ERROR_ORDER)

    async def lines() -> AsyncIterator[bytes]:
        yield csv_lines([_ERROR_COLUMNS])
        async for rows in pages:
            yield csv_lines([row._mapping[name] for name in _ERROR_COLUMNS] for row in rows)

    return csv_file(lines(), "errors.csv")


def _check_media_type(headers: Mapping[str, str]) -> None:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "text/csv":
        raise TransferRefused(415, BadUserInput("Send the file itself, as text/csv."))


async def _import(request: Request, context: Context, file: Upload, claim: Claim | None = None) -> Told:
    columns = _columns(request)
    # The header line: what is wrong with it leaves nothing behind.
    table = await in_thread(lambda: ContactCsv(file.lines(), columns=columns))
    run = await _Run.begin(context, request, file, claim)
    try:
        return await run.carry_out(table)
    except asyncio.CancelledError:
        # The server stops; what was read is there, and the file can be read again.
        with suppress(Exception):
            await asyncio.shield(run.end("The server stopped while it read the file."))
        raise
    except (UploadEnded, Problem) as error:
        told = await run.end(str(error))
        status = 413 if isinstance(error, TooLarge) else 400
        raise TransferRefused(status, BadUserInput(str(error)), **told) from error
    except ClaimLost:
        taken_over = "Another try with the same Idempotency-Key has taken over."
        await run.end(taken_over)
        raise Conflict(taken_over) from None
    except Exception:
        await run.end("Something went wrong; the log tells what.")
        raise


def _columns(request: Request) -> dict[str, str]:
    """Which field each column is, where the address says so: `column=Title:field`; no field leaves it out."""
    columns = {}
    for given in request.query_params.getlist("column"):
        title, colon, field = given.rpartition(":")
        if not colon or not title.strip():
            raise BadUserInput("`column` is the title of a column, a colon, and the field that it is.")
        columns[title.strip()] = field.strip()
    return columns


class _Run:
    """
    One import: each batch is written, and noted, in a transaction of its own.

    With a *claim* each of them goes on with it, and the last one keeps the answer.
    """

    def __init__(self, context: Context, import_id: UUID, file: Upload, claim: Claim | None) -> None:
        self._context = context
        self._id = import_id
        self._file = file
        self._claim = claim
        self._counts = ImportCounts()
        self._seen: set[str] = set()

    @classmethod
    async def begin(cls, context: Context, request: Request, file: Upload, claim: Claim | None) -> "_Run":
        length, name = request.headers.get("content-length", ""), request.query_params.get("name")
        now = await context.now()
        async with context.transaction() as conn:
            import_id = await begin_import(
                conn,
                context.workspace_id,
                requested_by=context.caller.actor,
                name=name and name[:_LONGEST_NAME].replace("\0", ""),
                bytes_total=int(length) if length.isdecimal() else None,
            )
            entry = Entry(
                actor=context.caller.actor,
                actor_name=context.caller.name,
                action="POST /imports",
                asked=dict(_columns(request)),
                kind="Import",
                object_id=import_id,
                figures={},
            )
            after = await columns_of(conn, context.workspace_id, imports, import_id)
            await write_entry(conn, context.workspace_id, entry, before=None, after=after, at=now)
        return cls(context, import_id, file, claim)

    async def carry_out(self, table: ContactCsv) -> Told:
        """
        Read *table* to its end, and answer what became of it.

        Raises:
            UploadEnded, Problem: It has none, or too many rows; the batches before that are written.
            ClaimLost: Somebody else reads the file now; the batches before that are written.
        """
        while True:
            batch = ContactList()
            # Reading waits for the client, and takes time of its own: in a thread, so that others are served.
            goes_on = await in_thread(partial(table.read, batch, most=BATCH))
            if self._counts.rows + batch.rows > MOST_ROWS:
                raise UploadEnded(f"The file has more than {MOST_ROWS} rows; the first ones were taken.")
            await self._write(batch)
            if not goes_on:
                return await self.end()

    async def _write(self, batch: ContactList) -> None:
        context = self._context
        async with context.transaction() as conn:
            if self._claim is not None:
                await go_on(conn, self._claim)
            counts = await write_contacts(
                conn,
                context.workspace_id,
                self._id,
                cards=list(batch.cards.values()),
                pseudonyms=context.pseudonyms,
                seen=self._seen,
            )
            counts.rows, counts.invalid = batch.rows, len(batch.invalid)
            counts.duplicates += batch.duplicates
            counts.add(self._counts)
            await record_import(
                conn,
                context.workspace_id,
                self._id,
                counts,
                rejected=rejected_rows(batch.invalid),
                bytes_read=self._file.bytes_read,
            )
        self._counts = counts
        self._seen.update(batch.cards)

    async def end(self, error: str | None = None) -> Told:
        """What is answered; kept for whoever asks again, unless there was an *error*."""
        now = await self._context.services.clock.now()
        async with self._context.transaction() as conn:
            if self._claim is not None and error is None:
                await go_on(conn, self._claim)
            await end_import(conn, self._context.workspace_id, self._id, now=now, error=error)
            told = await self._told(conn)
            if self._claim is not None and error is None:
                await keep_answer(conn, self._claim, written(told, self._file))
        return told

    async def _told(self, conn: AsyncConnection) -> Told:
        (row,) = await imports_by_id(conn, self._context.workspace_id, [self._id])
        counts = {name: row._mapping[name] for name in ImportCounts().columns()}
        return {
            "import": {"id": global_id("Import", self._id), "status": row.status, **counts}
            | {"errorsPath": Import.of(row).errors_path(), "error": row.error}
        }
