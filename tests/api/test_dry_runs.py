"""Dry runs: every mutation that changes the plan has one, or its reason to have none stands here."""

import graphql

from tests.api.published import SCHEMA

ACCESS = "It is about people and keys."
IN_PLACE = "The plan stays as it is; what comes of it is rehearsed when things go on."
ONE_EMAIL = "It is about one email, whose time is given, or taken away, or answered at once."
HAPPENED = "It tells what has happened, which nobody may refuse."
NOTHING_YET = "Nothing is planned for what it makes."
WITHOUT = {
    **dict.fromkeys(("createApiKey", "revokeApiKey", "inviteMember", "revokeInvitation"), ACCESS),
    **dict.fromkeys(("updateMember", "removeMember"), ACCESS),
    **dict.fromkeys(("pauseSending", "pauseSequence", "pauseEnrollment"), IN_PLACE),
    "restoreMailbox": "It is on hold then, and `resumeMailbox` brings back what it has planned.",
    "unsuppress": "What was cancelled stays cancelled.",
    **dict.fromkeys(("retryEmail", "cancelEmail", "rescheduleEmail"), ONE_EMAIL),
    **dict.fromkeys(("resolveInDoubt", "recordInbound"), HAPPENED),
    **dict.fromkeys(("rebalanceMailboxes", "commitRebalance"), "`previewRebalance` is their dry run."),
    "previewRebalance": "It is one.",
    **dict.fromkeys(("createMailbox", "createSequence"), NOTHING_YET),
    "testMailbox": "It asks a server.",
}


def mutations() -> dict[str, graphql.GraphQLField]:
    assert SCHEMA.mutation_type is not None
    return dict(SCHEMA.mutation_type.fields)


def input_of(mutation: graphql.GraphQLField) -> frozenset[str]:
    kind = graphql.get_named_type(mutation.args["input"].type)
    assert isinstance(kind, graphql.GraphQLInputObjectType)
    return frozenset(kind.fields)


def payload_of(mutation: graphql.GraphQLField) -> frozenset[str]:
    kind = graphql.get_named_type(mutation.type)
    assert isinstance(kind, graphql.GraphQLObjectType)
    return frozenset(kind.fields)


def test_every_mutation_has_a_dry_run_or_a_reason() -> None:
    """A new one needs one of them, and who has a dry run needs no reason."""
    without = {name for name, mutation in mutations().items() if "dryRun" not in input_of(mutation)}

    assert without == WITHOUT.keys()


def test_a_dry_run_has_a_preview_and_takes_its_token() -> None:
    """One comes with the others."""
    halves = [
        name
        for name, mutation in mutations().items()
        if name not in WITHOUT
        and not ("planToken" in input_of(mutation) and "preview" in payload_of(mutation))
    ]

    assert halves == []


def test_what_answers_a_recalculation_can_be_seen_before() -> None:
    """By a dry run, or for a rebalance by `previewRebalance`."""
    unseen = {
        name
        for name, mutation in mutations().items()
        if "recalculation" in payload_of(mutation) and "dryRun" not in input_of(mutation)
    }

    assert unseen == {"rebalanceMailboxes", "commitRebalance"}
