"""Fills a gateway's database with requests that have ended and their charges: FILE ROWS DAYS.

The rows are as the store writes them, spread over the last days, over all users and their keys; the
accounts say what the ledger does.
"""

import sqlite3
import sys
import time

EPOCH_MS = 1577836800000  # ids count from 2020
SHIFT = 21  # what stands below the milliseconds of an id
AT_ONCE = 250_000

ROWS = """
WITH RECURSIVE n (i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :last),
row AS (SELECT i, (:start + i * :step - :epoch) << :shift AS id, :start + i * :step AS ts,
               i % :owners AS owner, 37000 + i % 997 AS charge FROM n)
"""
REQUESTS = (
    "INSERT INTO requests (id, ts, user_id, key_id, group_id, endpoint, model, provider, upstream_model, "
    'stream, status, reason, "end", attempts, counters, source, hold, charge, group_ppm, user_ppm, flags, '
    "t_first, t_total, bill) "
    + ROWS
    + "SELECT id, ts, o.user_id, o.key_id, 1, 'chat', 'model-' || (i / :owners % 5), 'P' || (1 + i / 7 % 2), "
    "'up-' || (i / :owners % 5), i % 2, 200, NULL, 'finished', 1, 'in_text=250 out_text=200', 'upstream', "
    "400000, charge, 1000000, 1000000, '', 300, 2000, 'in_text=250*100000=25000000 out_text=200*60000=12000000' "
    "FROM row JOIN owner o ON o.n = row.owner"
)
LEDGER = (
    "INSERT INTO ledger (id, ts, kind, user_account, amount, request_id) "
    + ROWS
    + "SELECT id, ts, 'charge', o.account, charge, id FROM row JOIN owner o ON o.n = row.owner"
)


def main():
    path, rows, days = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    step = days * 86400000 // rows
    start = int(time.time() * 1000) - 3600000 - rows * step
    db = sqlite3.connect(path)
    db.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-262144;")
    owners = db.execute(
        "SELECT k.user_id, k.id, a.id FROM keys k JOIN accounts a ON a.kind = 0 AND a.owner_id = k.user_id"
    ).fetchall()
    assert owners and step > 0
    db.execute("CREATE TEMP TABLE owner (n INTEGER PRIMARY KEY, user_id, key_id, account)")
    db.executemany("INSERT INTO owner VALUES (?, ?, ?, ?)", [(n, *owner) for n, owner in enumerate(owners)])
    for first in range(0, rows, AT_ONCE):
        words = {
            "first": first,
            "last": min(first + AT_ONCE, rows),
            "start": start,
            "step": step,
            "epoch": EPOCH_MS,
            "shift": SHIFT,
            "owners": len(owners),
        }
        db.execute(REQUESTS, words)
        db.execute(LEDGER, words)
        db.commit()
    db.execute(
        "UPDATE accounts SET spent = (SELECT COALESCE(SUM(amount), 0) FROM ledger "
        "WHERE user_account = accounts.id AND kind <> 'credit')"
    )
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


main()
