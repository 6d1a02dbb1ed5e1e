"""The breaks: small edits that take a promise away, and the tests that must go red for each."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """In the file at *path*, *target*, which is there exactly once, becomes *broken*."""

    path: str
    target: str
    broken: str

    def problem(self, source: str) -> str | None:
        """Why this cannot be done to *source*; None when it can."""
        times = source.count(self.target)
        return None if times == 1 else f"{self.path} has {times} times: {self.target!r}"

    def applied_to(self, source: str) -> str:
        return source.replace(self.target, self.broken)


@dataclass(frozen=True, slots=True)
class Break:
    """What is taken away, and the tests (`path::name`) each of which has to notice."""

    name: str
    edits: Sequence[Edit]
    noticed_by: Sequence[str]


BREAKS: Sequence[Break] = (
    Break(
        "no token check",
        [
            Edit(
                "persistence/results.py",
                "_columns.id == _GIVEN.c.email_id, _columns.attempt_token == _GIVEN.c.token",
                "_columns.id == _GIVEN.c.email_id",
            )
        ],
        [
            "tests/persistence/test_results.py::test_a_result_that_comes_too_late_changes_nothing",
            "tests/actors/test_ledger.py::test_the_result_of_an_attempt_that_was_taken_over_does_not_count",
        ],
    ),
    Break(
        "SENT before the dot",
        [
            Edit(
                "actors/sender.py",
                "            return (\n"
                "                self._handovers.may_pass()\n"
                "                and await self._ledger.commit(Committing(attempt, letter))\n"
                "                and self._boot_time() < trusted_until\n"
                "            )\n",
                "            may_pass = self._handovers.may_pass()\n"
                "            committed = await self._ledger.commit(Committing(attempt, letter))\n"
                "            if committed:\n"
                '                await self._ledger.end(Result(attempt, EmailEvent.ACCEPT, "early"))\n'
                "            return may_pass and committed and self._boot_time() < trusted_until\n",
            )
        ],
        ["tests/actors/test_sender_faults.py::test_silence_after_the_dot_is_a_doubt"],
    ),
    Break(
        "local clock for leases",
        [
            Edit(
                "persistence/gate.py",
                'lease_until=func.clock_timestamp() + bindparam("lease", None, Interval())',
                'lease_until=bindparam("until", None, _columns.lease_until.type)',
            ),
            Edit(
                "persistence/gate.py",
                "        lease=lease,\n",
                "        until=datetime.now().astimezone() + lease,\n",
            ),
        ],
        ["tests/persistence/test_leases.py::test_no_machines_own_clock_stretches_or_shortens_a_lease"],
    ),
    Break(
        "no rescue",
        [
            Edit(
                "actors/dispatcher.py",
                "found = await rescue(conn, now=now)",
                "found = await rescue(conn, now=now, limit=0)",
            )
        ],
        [
            "tests/actors/test_dispatcher.py::test_what_could_not_be_published_is_dispatched_after_its_lease",
            "tests/actors/test_dispatcher.py::test_what_was_lost_after_the_mark_is_a_doubt",
        ],
    ),
    Break(
        "confirms off and no sweep",
        [
            Edit("actors/broker.py", "confirm_delivery=True", "confirm_delivery=False"),
            Edit("actors/broker.py", "mandatory=True", "mandatory=False"),
            Edit(
                "persistence/overdue_retries.py",
                "columns.retry_at <= now - grace",
                "columns.retry_at.is_(None)",
            ),
        ],
        [
            "tests/actors/test_broker.py::test_a_message_to_a_deleted_queue_is_kept",
            "tests/actors/test_dispatcher.py::test_overdue_retries_are_published_again",
        ],
    ),
    Break(
        "quota checked outside the claim",
        [
            Edit(
                "persistence/claims.py",
                "    FOR NO KEY UPDATE OF m SKIP LOCKED\n",
                "",
            ),
        ],
        ["tests/persistence/test_races_claims.py::test_a_claim_and_a_retry_share_the_last_place_of_a_day"],
    ),
    Break(
        "stop conditions not checked again",
        [
            Edit(
                "persistence/commits.py",
                "        _GIVEN.c.email_id == any_(func.array(select(_UNSTOPPED.c.id).scalar_subquery())),\n",
                "",
            )
        ],
        [
            "tests/persistence/test_commits.py::test_an_address_on_the_list_is_not_written_to",
            "tests/persistence/test_races_delivery.py::test_a_stop_that_comes_first_is_waited_for_and_obeyed",
        ],
    ),
    Break(
        "a new Message-ID for each attempt",
        [
            Edit(
                "persistence/gatekeeper.py",
                "row.message_id or new_message_id(row.id, row.from_address)",
                "new_message_id(uuid4(), row.from_address)",
            )
        ],
        ["tests/actors/test_sender.py::test_a_retry_is_the_same_email"],
    ),
    Break(
        "lease ignored",
        [Edit("persistence/commits.py", "        _columns.lease_until > func.clock_timestamp(),\n", "")],
        ["tests/persistence/test_commits.py::test_a_lease_that_ran_out_by_the_databases_clock_is_over"],
    ),
    Break(
        "retry not counted",
        [
            Edit(
                "persistence/results.py",
                '"retry_count": _columns.retry_count + _GIVEN.c.spent',
                '"retry_count": _columns.retry_count + 0',
            )
        ],
        ["tests/actors/test_sender_refusals.py::test_after_three_retries_the_email_has_failed"],
    ),
)
