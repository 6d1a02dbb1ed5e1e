"""Fields whose value is worked out by a method."""

from collections.abc import Callable
from typing import TypeVar

import strawberry

Resolver = TypeVar("Resolver", bound=Callable[..., object])


def resolves(description: str, *, name: str | None = None) -> Callable[[Resolver], Resolver]:
    """Make a method the field of its name, or a mutation of the class of mutations."""
    # Typed as the method itself: `strawberry.field` is declared to return Any, which would untype the method.
    decorator: Callable[[Resolver], Resolver] = strawberry.field(description=description, name=name)
    return decorator


def subscribes(description: str) -> Callable[[Resolver], Resolver]:
    """Make a method that yields the subscription of its name."""
    decorator: Callable[[Resolver], Resolver] = strawberry.subscription(description=description)
    return decorator
