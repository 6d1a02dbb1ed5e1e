"""Changes that can be rehearsed before they are made."""

import strawberry


@strawberry.input
class Rehearsable:
    dry_run: bool = strawberry.field(
        default=False,
        description=(
            "Write nothing: check the change as ever, and answer with the preview of what it would do to the"
            " plan, with counts if it has any, and with nothing else."
        ),
    )
    plan_token: str | None = strawberry.field(
        default=None,
        description=(
            "The token of that preview: refuse, with `PLAN_MOVED`, if the plan would by now change in any"
            " other way, and with `TOKEN_OF_OTHER_INPUT` if this is another input or mutation;"
            " `expectedVersion` may differ."
        ),
    )
