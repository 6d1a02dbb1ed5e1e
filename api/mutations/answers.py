"""How a mutation answers: with its payload, or with what kept it from acting."""

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, TypeAlias, TypeVar

import strawberry

from api.context import Info
from api.errors import UserError
from api.fields import resolves
from api.inputs.problems import InputRefused
from api.mutations.refusals import user_errors
from persistence.refusals import Refusal

Given = TypeVar("Given")
Input: TypeAlias = Annotated[Given, strawberry.argument(name="input", description="What to do.")]


@strawberry.type
class Payload:
    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="What kept it from being done, and then nothing was written; empty when it was done.",
    )


Resolver = TypeVar("Resolver", bound=Callable[..., Awaitable[Payload]])


def mutation(description: str) -> Callable[[Resolver], Resolver]:
    """
    Make a method a mutation: what is raised against its input becomes `userErrors` of its payload.

    The payload is the method's return annotation. What was loaded before the change is forgotten after it.
    """

    def decorate(resolver: Resolver) -> Resolver:
        payload: type[Payload] = inspect.signature(resolver).return_annotation

        @wraps(resolver)
        # Any: each mutation has an input of its own.
        async def answer(self: object, info: Info, asked: Any) -> Payload:
            try:
                return await resolver(self, info, asked)
            except InputRefused as refused:
                return payload(user_errors=refused.errors)
            except Refusal as refusal:
                return payload(user_errors=user_errors(refusal, asked))
            finally:
                info.context.loaders.forget()

        return resolves(description)(answer)  # type: ignore[return-value] # it has the resolver's signature

    return decorate
