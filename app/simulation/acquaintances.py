"""Who of those that join a sequence of a scenario joined another one before."""

from itertools import islice

from app.simulation.document import Document


def acquaintances(document: Document) -> list[tuple[int, ...]]:
    """
    For each entry of contacts the numbers of those who are known, fewer where there are not as many.

    New contacts are numbered from 1, in the order in which they join; whoever joined first is known first.
    """
    found: list[tuple[int, ...]] = [()] * len(document.contacts)
    # Of each contact, in the order of their numbers, the sequences that they joined.
    joined: list[set[str]] = []
    for at, entry in sorted(enumerate(document.contacts), key=lambda each: each[1].on_day):
        elsewhere = (number for number, names in enumerate(joined) if entry.sequence not in names)
        known = list(islice(elsewhere, min(entry.known, entry.number)))
        for number in known:
            joined[number].add(entry.sequence)
        joined += [{entry.sequence} for _ in range(entry.number - len(known))]
        found[at] = tuple(number + 1 for number in known)
    return found
