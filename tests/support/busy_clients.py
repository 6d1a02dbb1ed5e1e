"""Clients that change, by chance, whatever a busy office has."""

from collections.abc import Awaitable, Callable
from random import Random
from uuid import UUID

from domain.replies import Stage
from tests.api.mutations.asking import contact, enrollment, mailbox, mutate, sequence, step
from tests.support.busy_office import BusyOffice

_OPEN = "SELECT id FROM enrollments WHERE status IN ('ACTIVE', 'PAUSED') ORDER BY id"
_STEPS = "SELECT id FROM steps WHERE removed_at IS NULL ORDER BY id"


class Client:
    """Changes one thing at each call. Refusals with a reason are fine, errors are not."""

    def __init__(self, office: BusyOffice, number: int) -> None:
        self._office = office
        self._number = number
        self._chance = Random(number)  # noqa: S311 - nothing here is a secret
        self._calls = 0

    async def __call__(self) -> None:
        self._calls += 1
        await self._chance.choice(_ACTS)(self)

    async def enroll(self) -> None:
        new = range(self._chance.randint(1, 15))
        await self._do(
            "enrollContacts",
            sequenceId=await self._sequence(),
            contacts=[{"email": f"c{self._number}-{self._calls}-{each}@example.test"} for each in new],
        )

    async def add_step(self) -> None:
        sequence_id = await self._sequence()
        text = {"subject": "Another", "bodyText": "Hello", "position": self._chance.randint(1, 3)}
        given = text | {"waitDays": self._chance.randint(0, 2)}
        if await self._count(_STEPS) < 9:
            await self._do("addStep", sequenceId=sequence_id, step=given)

    async def remove_step(self) -> None:
        if await self._count(_STEPS) > 5:
            await self._do("removeStep", stepId=await self._one(_STEPS, step))

    async def move_step(self) -> None:
        await self._do("moveStep", stepId=await self._one(_STEPS, step), position=self._chance.randint(1, 3))

    async def change_wait(self) -> None:
        given = await self._one(_STEPS, step)
        await self._do("updateStep", stepId=given, waitDays=self._chance.randint(0, 2))

    async def hold_sequence(self) -> None:
        sequence_id = await self._sequence()
        await self._do("pauseSequence", sequenceId=sequence_id)
        await self._do("resumeSequence", sequenceId=sequence_id)

    async def hold_mailbox(self) -> None:
        mailbox_id = await self._mailbox()
        await self._do("pauseMailbox", mailboxId=mailbox_id)
        await self._do("resumeMailbox", mailboxId=mailbox_id)

    async def change_capacity(self) -> None:
        capacity = self._chance.choice((25, 50, 100))
        await self._do("updateMailbox", mailboxId=await self._mailbox(), dailyCapacity=capacity)

    async def rebalance(self) -> None:
        await self._do("rebalanceMailboxes", sequenceId=await self._sequence())

    async def hold_enrollment(self) -> None:
        if await self._count(_OPEN):
            enrollment_id = await self._one(_OPEN, enrollment)
            await self._do("pauseEnrollment", enrollmentId=enrollment_id)
            await self._do("resumeEnrollment", enrollmentId=enrollment_id)

    async def stop_enrollment(self) -> None:
        if await self._count(_OPEN):
            await self._do("stopEnrollment", enrollmentId=await self._one(_OPEN, enrollment))

    async def suppress(self) -> None:
        addresses = await self._office.ids("SELECT email FROM contacts ORDER BY id")
        if addresses:
            await self._do("suppress", emails=[self._chance.choice(addresses)])

    async def enroll_again(self) -> None:
        """Contacts that another sequence knows already, or that have left."""
        known = await self._office.ids("SELECT id FROM contacts ORDER BY id LIMIT 20")
        ids = [contact(UUID(each)) for each in known]
        await self._do("enrollContacts", sequenceId=await self._sequence(), contactIds=ids)

    async def refuse_a_letter(self) -> None:
        """The mail server says that the next one is welcome later, or never."""
        answer = self._chance.choice(("451 4.7.1 later", "550 5.1.1 unknown"))
        self._office.server.next_answers[Stage.RCPT] = [answer]

    async def _do(self, mutation: str, **given: object) -> None:
        payload = await mutate(self._office.api, mutation, **given)
        if not payload["userErrors"]:
            self._office.done[mutation] += 1

    async def _count(self, statement: str) -> int:
        return len(await self._office.ids(statement))

    async def _one(self, statement: str, global_id: Callable[[UUID], str]) -> str:
        return global_id(UUID(self._chance.choice(await self._office.ids(statement))))

    async def _sequence(self) -> str:
        return await self._one("SELECT id FROM sequences ORDER BY id", sequence)

    async def _mailbox(self) -> str:
        return await self._one("SELECT id FROM mailboxes ORDER BY id", mailbox)


_ACTS: tuple[Callable[[Client], Awaitable[None]], ...] = (
    Client.enroll,
    Client.enroll,
    Client.enroll,
    Client.enroll_again,
    Client.add_step,
    Client.remove_step,
    Client.move_step,
    Client.change_wait,
    Client.hold_sequence,
    Client.hold_mailbox,
    Client.change_capacity,
    Client.rebalance,
    Client.hold_enrollment,
    Client.stop_enrollment,
    Client.suppress,
    Client.refuse_a_letter,
)
