"""Mutations of the suppression list."""

from typing import Self

import strawberry
from typing_extensions import override

from api.context import Info
from api.inputs.problems import Problems
from api.inputs.suppressions import SuppressInput, UnsuppressInput, normalised_addresses
from api.mutations.answers import Input, Payload, RehearsedPayload, mutation
from api.mutations.change import changing
from persistence.suppressions import (
    SuppressionReason,
    has_address,
    suppress_addresses,
    unsuppress_addresses,
)


@strawberry.type(description="The answer to `suppress`.")
class SuppressPayload(RehearsedPayload):
    suppressed: int = strawberry.field(default=0, description="Addresses that were not on the list before.")

    @override
    def rehearsed(self) -> Self:
        return self


@strawberry.type(description="The answer to `unsuppress`.")
class UnsuppressPayload(Payload):
    unsuppressed: int = strawberry.field(default=0, description="Addresses that were on the list.")


@strawberry.type
class SuppressionMutations:
    @mutation("Write to addresses no more: their enrollments end, and what is planned for them is cancelled.")
    async def suppress(self, info: Info, asked: Input[SuppressInput]) -> SuppressPayload:
        with Problems() as problems:
            addresses = normalised_addresses(asked.emails, problems)
        async with changing(info, asked) as change:
            await change.end(has_address(addresses))
            suppressed = await suppress_addresses(
                change.conn,
                change.workspace_id,
                addresses=addresses,
                reason=SuppressionReason.MANUAL,
                now=change.now,
            )
            change.figures = {"suppressed": suppressed}
            return SuppressPayload(suppressed=suppressed, preview=change.preview)

    @mutation("Take addresses off the suppression list. What was cancelled stays cancelled.")
    async def unsuppress(self, info: Info, asked: Input[UnsuppressInput]) -> UnsuppressPayload:
        with Problems() as problems:
            addresses = normalised_addresses(asked.emails, problems)
        async with changing(info) as change:
            removed = await unsuppress_addresses(
                change.conn, change.workspace_id, addresses=addresses, pseudonyms=info.context.pseudonyms
            )
            change.figures = {"unsuppressed": removed}
            return UnsuppressPayload(unsuppressed=removed)
