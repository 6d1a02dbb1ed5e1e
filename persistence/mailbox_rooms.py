"""
Rooms: how many emails a mailbox may give now, by the rules of the gate, worked out where its row is read.

So that a claim is one statement. It is what `domain/gate.py:MailboxLoad` says: a test compares them.
"""

from domain.circuit import OPENS_AFTER
from domain.gate import CONNECTIONS_PER_MAILBOX
from persistence.under_way import IS_UNDER_WAY, named_in

# `domain/chance.py:drawn`: the first four bytes of its digest, times what they are drawn below.
_DRAWN = """(
    SELECT (
        get_byte(digest, 0) * CAST(16777216 AS bigint) + get_byte(digest, 1) * 65536
        + get_byte(digest, 2) * 256 + get_byte(digest, 3)
    ) * (highest - lowest + 1) >> 32
    FROM sha256(int8send(box.planning_seed) || uuid_send(box.id)
        || convert_to(to_char(today.day, 'YYYY-MM-DD'), 'UTF8')) AS of (digest)
)"""
# `domain/mailboxes.py:Mailbox.capacity_on`; NULL is unlimited.
_CAPACITY = f"""(
    SELECT CASE WHEN box.day_variation_percent > 0 THEN lowest + {_DRAWN} ELSE highest END
    FROM (
        SELECT least(
            nullif(box.daily_capacity, 0), box.rolling_24h_limit,
            CASE WHEN box.sliding_window_s >= 86400 THEN box.sliding_window_limit END,
            CASE WHEN box.ramp_started_on IS NOT NULL THEN
                box.ramp_start + coalesce(box.ramp_step, 0) * greatest(0, today.day - box.ramp_started_on)
            END
        )
    ) AS without_variation (highest)
    CROSS JOIN LATERAL (
        SELECT greatest(1, (highest * (100 - box.day_variation_percent) + 99) / 100)
    ) AS with_most (lowest)
)"""
# What its rates leave beside what was begun. The hour is that of clocks in its zone. Where they go back by
# half an hour, `domain/rates.py:clock_hour` begins it that much earlier: once a year only the gate keeps it.
_RATES = """(
    SELECT least(
        box.hourly_limit
            - count(*) FILTER (WHERE e.last_attempt_at >= date_trunc('hour', at.instant, box.zone)),
        box.sliding_window_limit - count(*) FILTER (
            WHERE e.last_attempt_at > at.instant - make_interval(secs => box.sliding_window_s)
        ),
        box.rolling_24h_limit
            - count(*) FILTER (WHERE e.last_attempt_at > at.instant - interval '24 hours')
    )
    FROM scheduled_emails AS e
    WHERE e.mailbox_id = box.id AND e.status IN ('SENDING', 'COMMITTING', 'SENT', 'IN_DOUBT')
        AND e.last_attempt_at > at.instant - make_interval(secs => greatest(
            3600, box.sliding_window_s, CASE WHEN box.rolling_24h_limit IS NOT NULL THEN 86400 END
        ))
)"""
# What a mailbox m has under way, all of it and before its attempt. To be joined laterally, as *busy*.
BUSY = f"""
SELECT count(*) AS emails, count(*) FILTER (WHERE e.status = 'QUEUED') AS queued, array_agg(e.id) AS ids
FROM {named_in("m")} AS e
WHERE e.mailbox_id = m.id AND {IS_UNDER_WAY}
"""
# Columns of `mailboxes`, of its workspace, and of what it has under way, that a box has for its room.
TERMS = """m.id, m.zone, m.host_troubles, m.minimum_gap_s, m.daily_capacity, m.ramp_start, m.ramp_step,
    m.ramp_started_on, m.day_variation_percent, m.hourly_limit, m.sliding_window_limit, m.sliding_window_s,
    m.rolling_24h_limit, w.planning_seed, busy.emails AS under_way, busy.queued, busy.ids AS under_way_ids"""
# To be joined to a *box* of these terms, and to business time, `at.instant`: its day, the capacity there or
# 0 if it is unlimited; and how many *emails* it may give, 0 or less for none.
ROOM = f"""
SELECT today.day, coalesce(today.capacity, 0) AS capacity, least(
    CASE WHEN box.host_troubles >= {OPENS_AFTER} THEN 1 ELSE {CONNECTIONS_PER_MAILBOX} END - box.under_way,
    CASE WHEN box.minimum_gap_s > 0 THEN 1 END,
    CASE WHEN today.capacity IS NOT NULL THEN today.capacity - coalesce(
        (SELECT d.used FROM mailbox_days AS d WHERE d.mailbox_id = box.id AND d.day = today.day), 0
    ) END,
    CASE WHEN coalesce(box.hourly_limit, box.sliding_window_limit, box.rolling_24h_limit) IS NOT NULL
        THEN {_RATES} - box.queued END
) AS emails
FROM (
    SELECT today.day, {_CAPACITY} AS capacity
    FROM (SELECT CAST(at.instant AT TIME ZONE box.zone AS date) AS day OFFSET 0) AS today
    OFFSET 0
) AS today
"""
