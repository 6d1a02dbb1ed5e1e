"""The accounts of a chaos: they would tell if something were lost or came twice."""

from dataclasses import replace

from tests.chaos.accounts import Accounts, Letter, compare

ADA, BOB, CYD, DAN = ((f"{name}@example.test", "Welcome") for name in ("ada", "bob", "cyd", "dan"))
CLEAN = Accounts(
    promised=2,
    received=2,
    lost=0,
    twice=0,
    unasked=0,
    overtaking=0,
    in_doubt=1,
    in_doubt_received=1,
    most_in_doubt=1,
    resets=1,
    states={"SENT": 1, "IN_DOUBT": 1},
    is_verified=True,
    verification="",
)


def figures(came: list[Letter], in_doubt: list[Letter]) -> tuple[int, ...]:
    """Lost, twice, unasked and in doubt but received, where Ada, Bob and Cyd were promised a letter."""
    found = compare([ADA, BOB, CYD], came, in_doubt)
    return found["lost"], found["twice"], found["unasked"], found["in_doubt_received"]


def test_what_was_promised_and_came_once_is_well() -> None:
    """What is in doubt may have come or not."""
    assert figures([ADA, BOB, CYD], []) == (0, 0, 0, 0)
    assert figures([ADA, BOB], [BOB, CYD]) == (0, 0, 0, 1)


def test_what_did_not_come_is_lost_unless_it_is_listed() -> None:
    """Nobody would ever look for it."""
    assert figures([ADA], [BOB]) == (1, 0, 0, 0)


def test_what_came_twice_or_to_nobody_is_told() -> None:
    """In doubt or not."""
    assert figures([ADA, ADA, BOB, BOB, CYD, DAN], [BOB]) == (0, 2, 1, 1)


def test_a_follow_up_that_came_first_is_told() -> None:
    """Whether the other one came later; without it, it may be on its way for ever, in doubt."""
    ada_again, bob_again = (ADA[0], "Re: Welcome"), (BOB[0], "Re: Welcome")
    came = [bob_again, ADA, BOB, ada_again, (CYD[0], "Re: Welcome")]

    assert compare(came, came, [CYD])["overtaking"] == 1


def test_each_figure_that_should_not_be_is_a_breach() -> None:
    """By itself."""
    assert CLEAN.breaches == []
    for wrong in (
        replace(CLEAN, lost=1),
        replace(CLEAN, twice=1),
        replace(CLEAN, unasked=1),
        replace(CLEAN, overtaking=1),
        replace(CLEAN, in_doubt=2),
        replace(CLEAN, states={"SENT": 1, "PENDING": 1}),
        replace(CLEAN, is_verified=False),
    ):
        assert len(wrong.breaches) == 1
