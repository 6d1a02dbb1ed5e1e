"""The circuit of a mailbox: opened by trouble in a row, closed by an answer."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.circuit import Circuit, CircuitState, Encounter, encounter_of, rest_after
from domain.delivery import RETRY_SCHEDULE, verdict
from domain.replies import Fault, Reply, Stage

NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
FIVE, FIFTEEN, THIRTY = RETRY_SCHEDULE
SECOND = timedelta(seconds=1)
TROUBLE, ANSWER = Encounter("TIMEOUT"), Encounter()


def after(circuit: Circuit, *encounters: Encounter, now: datetime = NOW) -> Circuit:
    for encounter in encounters:
        circuit = circuit.after(encounter, now=now, schedule=RETRY_SCHEDULE)
    return circuit


def test_three_troubles_in_a_row_open_a_circuit() -> None:
    """Two may happen to any host."""
    assert after(Circuit(), TROUBLE, TROUBLE) == Circuit(2)
    assert after(Circuit(), TROUBLE, TROUBLE, TROUBLE) == Circuit(3, NOW + FIVE)


def test_an_answer_in_between_begins_the_count_anew() -> None:
    """Only troubles in a row tell of a host that is away."""
    assert after(Circuit(), TROUBLE, TROUBLE, ANSWER, TROUBLE, TROUBLE) == Circuit(2)


def test_an_open_circuit_is_half_open_when_its_rest_is_over() -> None:
    """On the very second."""
    circuit = Circuit(3, NOW + FIVE)

    states = [circuit.state(at) for at in (NOW, NOW + FIVE - SECOND, NOW + FIVE)]

    assert states == [CircuitState.OPEN, CircuitState.OPEN, CircuitState.HALF_OPEN]
    assert Circuit(2).state(NOW) is CircuitState.CLOSED


def test_rests_grow_to_half_an_hour() -> None:
    """5, 15, 30, 30: each time that the one email which tries the host meets trouble again."""
    circuit, now, rests = Circuit(2), NOW, []

    for _ in range(4):
        circuit = after(circuit, TROUBLE, now=now)
        assert circuit.rests_until is not None
        rests.append(circuit.rests_until - now)
        now = circuit.rests_until

    assert rests == [FIVE, FIFTEEN, THIRTY, THIRTY]
    assert [rest_after(troubles, RETRY_SCHEDULE) for troubles in (1, 3, 4, 9)] == [
        FIVE,
        FIVE,
        FIFTEEN,
        THIRTY,
    ]


def test_trouble_that_began_before_a_circuit_opened_lengthens_no_rest() -> None:
    """Emails that were on their way together meet the same trouble."""
    assert after(Circuit(3, NOW + FIVE), TROUBLE) == Circuit(3, NOW + FIVE)


def test_an_answer_closes_a_circuit() -> None:
    """Whether it was open or half-open."""
    assert after(Circuit(5, NOW), ANSWER) == after(Circuit(5, NOW + FIVE), ANSWER) == Circuit()


def test_a_host_that_says_how_long_is_believed() -> None:
    """It knows better than our schedule."""
    trouble = Encounter("421 4.7.0 try again in 2 hours", timedelta(hours=2))

    assert after(Circuit(2), trouble) == Circuit(3, NOW + timedelta(hours=2))


@pytest.mark.parametrize(
    ("stage", "answer", "encounter"),
    [
        (Stage.CONNECT, Fault.REFUSED, Encounter("REFUSED")),
        (Stage.CONNECT, Fault.DNS, Encounter("DNS")),
        (Stage.EHLO, Fault.TIMEOUT, Encounter("TIMEOUT")),
        (Stage.STARTTLS, Fault.TLS_FAILED, Encounter("TLS_FAILED")),
        (Stage.EHLO, Reply(421, "4.3.2 busy"), Encounter("421 4.3.2 busy")),
        (Stage.RCPT, Reply(421, "4.7.0 slow down"), Encounter("421 4.7.0 slow down")),
        (Stage.BODY, Fault.DROPPED, Encounter("DROPPED")),
        (Stage.DOT, Fault.TIMEOUT, Encounter("TIMEOUT")),
        (Stage.DOT, Reply(354, "go on"), Encounter("354 go on")),
        (Stage.DOT, Reply(250, "2.0.0 queued"), ANSWER),
        (Stage.RCPT, Reply(451, "4.7.1 greylisted"), ANSWER),
        (Stage.RCPT, Reply(550, "5.1.1 nobody"), ANSWER),
        (Stage.DOT, Reply(550, "5.7.1 spam"), ANSWER),
        (Stage.AUTH, Reply(535, "5.7.8 wrong"), ANSWER),
        (Stage.MAIL, Reply(550, "5.4.5 limit"), ANSWER),
        (Stage.AUTH, Fault.AUTH_UNAVAILABLE, None),
        (Stage.CONNECT, Fault.BLOCKED_HOST, None),
    ],
)
def test_what_a_conversation_tells_of_the_host(
    stage: Stage, answer: Reply | Fault, encounter: Encounter | None
) -> None:
    """A refusal of an email or a login is an answer; what a person has to set right says nothing."""
    assert encounter_of(answer, verdict(stage, answer)) == encounter


def test_trouble_is_told_in_words_and_with_the_time_that_the_host_named() -> None:
    """For the mailbox's owner, and for the rest."""
    reply = Reply(421, "4.3.2 try again in 1 hour")

    assert encounter_of(Fault.DROPPED, verdict(Stage.EHLO, Fault.DROPPED), "reset by peer") == Encounter(
        "reset by peer"
    )
    assert encounter_of(reply, verdict(Stage.EHLO, reply)) == Encounter(
        "421 4.3.2 try again in 1 hour", timedelta(hours=1, seconds=10)
    )
