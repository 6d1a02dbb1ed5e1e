"""Mutations of API keys."""

import strawberry

from api.context import Info
from api.errors import UserErrorCode
from api.inputs import values
from api.inputs.api_keys import CreateApiKeyInput, RevokeApiKeyInput
from api.inputs.keys import api_key_key
from api.inputs.problems import Problem, Problems
from api.mutations.answers import Input, Payload, mutation
from api.mutations.change import changing
from api.types.api_key import ApiKey
from domain.access import Scope
from persistence.api_key_list import api_key_by_id, api_key_of
from persistence.api_keys import create_api_key, revoke_api_key
from persistence.refusals import Noun, UnknownObject


@strawberry.type(description="The answer to `createApiKey`.")
class CreateApiKeyPayload(Payload):
    key: str | None = strawberry.field(
        default=None,
        description="The key, to be kept by the caller: it is never shown again, also not to a request that"
        " is repeated with its Idempotency-Key.",
    )
    api_key: ApiKey | None = strawberry.field(default=None, description="What is kept of it.")


@strawberry.type(description="The answer to `revokeApiKey`.")
class RevokeApiKeyPayload(Payload):
    api_key: ApiKey | None = strawberry.field(
        default=None, description="The key, which opens nothing any more; null if the mutation was not done."
    )


@strawberry.type
class ApiKeyMutations:
    @mutation("Make an API key for this workspace.", needs=Scope.ADMIN)
    async def create_api_key(self, info: Info, asked: Input[CreateApiKeyInput]) -> CreateApiKeyPayload:
        now = await info.context.now()
        with Problems() as problems:
            name, scopes = "", frozenset[Scope]()
            with problems.at("name"):
                name = values.name(asked.name)
            with problems.at("scopes"):
                scopes = _scopes(asked.scopes, of=info.context.caller.scopes)
            with problems.at("expiresAt"):
                if asked.expires_at is not None and asked.expires_at <= now:
                    raise Problem(UserErrorCode.OUT_OF_RANGE, "It would have stopped to work already.")
        async with changing(info) as change:
            key = await create_api_key(
                change.conn, change.workspace_id, name=name, scopes=scopes, expires_at=asked.expires_at
            )
            kept = await api_key_of(change.conn, change.workspace_id, key)
            if info.context.once is not None:
                info.context.once.keep_out(key)
            return CreateApiKeyPayload(key=key, api_key=await change.api_key(kept.id))

    @mutation(
        "Revoke an API key: from now on it opens nothing. One that was revoked stays so.", needs=Scope.ADMIN
    )
    async def revoke_api_key(self, info: Info, asked: Input[RevokeApiKeyInput]) -> RevokeApiKeyPayload:
        with Problems() as problems:
            key_id = api_key_key(asked.api_key_id, problems)
        async with changing(info) as change:
            await revoke_api_key(change.conn, change.workspace_id, key_id)
            kept = await api_key_by_id(change.conn, change.workspace_id, key_id)
            if kept is None:
                raise UnknownObject(Noun.API_KEY, [key_id])
            return RevokeApiKeyPayload(api_key=ApiKey.of(kept))


def _scopes(asked: list[Scope], *, of: frozenset[Scope]) -> frozenset[Scope]:
    """What a new key may do, which is no more than who makes it."""
    if not asked:
        raise Problem(UserErrorCode.BLANK, "Give it at least one scope.")
    if beyond := [scope for scope in Scope if scope in asked and scope not in of]:
        message = f"You do not have {', '.join(beyond)} yourself."
        raise Problem(UserErrorCode.EXCEEDS_SCOPES, message)
    return frozenset(asked)
