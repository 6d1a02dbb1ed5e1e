"""How a mutation answers: with its payload, or with what kept it from acting."""

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, Self, TypeAlias, TypeVar

import strawberry

from api.context import Info
from api.errors import Forbidden, UserError
from api.fields import resolves
from api.inputs.problems import InputRefused
from api.inputs.rehearsals import Rehearsable
from api.mutations.refusals import user_errors
from api.types.plan_preview import PlanPreview
from domain.access import Scope
from persistence.refusals import Refusal

Given = TypeVar("Given")
Input: TypeAlias = Annotated[Given, strawberry.argument(name="input", description="What to do.")]


@strawberry.type
class Payload:
    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="What kept it from being done, and then nothing was written; empty when it was done.",
    )


@strawberry.type
class RehearsedPayload(Payload):
    preview: PlanPreview | None = strawberry.field(
        default=None,
        description="What a dry run would change in the plan; null if nothing is planned that could change.",
    )

    def rehearsed(self) -> Self:
        """What is answered of it in a dry run: the things in it are not so."""
        return type(self)(preview=self.preview)


Resolver = TypeVar("Resolver", bound=Callable[..., Awaitable[Payload]])


def mutation(description: str, *, needs: Scope = Scope.WRITE) -> Callable[[Resolver], Resolver]:
    """
    Make a method a mutation: what is raised against its input becomes `userErrors` of its payload.

    It is done for callers with the scope that it *needs*. The payload is the method's return annotation.
    What was loaded before the change is forgotten after it.
    """

    def decorate(resolver: Resolver) -> Resolver:
        payload: type[Payload] = inspect.signature(resolver).return_annotation

        @wraps(resolver)
        # Any: each mutation has an input of its own.
        async def answer(self: object, info: Info, asked: Any) -> Payload:
            if needs not in info.context.caller.scopes:
                raise Forbidden(needs)
            if (once := info.context.once) is not None:
                once.begin(str(info.path.key))
            try:
                answered = await resolver(self, info, asked)
                if isinstance(answered, RehearsedPayload) and _is_rehearsal(asked):
                    return answered.rehearsed()
                return answered
            except InputRefused as refused:
                return payload(user_errors=refused.errors)
            except Refusal as refusal:
                return payload(user_errors=user_errors(refusal, asked))
            finally:
                info.context.forget()

        told = description if needs is Scope.WRITE else f"{description} Needs the scope {needs}."
        return resolves(told)(answer)  # type: ignore[return-value] # it has the resolver's signature

    return decorate


def _is_rehearsal(asked: object) -> bool:
    return isinstance(asked, Rehearsable) and asked.dry_run
