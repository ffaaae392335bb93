"""A process that writes to a store, for the tests that kill, stop and race such processes."""

import sys
from pathlib import Path

from actors.ports import Change, JournalRow, Lookup, Message, Verdict
from actors.stores.sqlite import SqliteStore
from actors.stores.sqlite_file import FileLock
from tests.contracts.store_support import NOW, P, run


def say(text):
    print(text, flush=True)


def turn_of(store, number, who):
    """Take one turn of a customer, again and again until no other process was first."""
    while True:
        row = run(store.lookup(Lookup(numbers=(number,)))).customers.get(number)
        seq = row.seq if row else 0
        change = Change(number, P, 1, seq, seq + 1, who.encode())
        change.journal.append(JournalRow(seq + 1, NOW, 1, who.encode()))
        change.messages.append(Message(b"%7d:%8d" % (number, seq + 1), b"f" * 16, seq + 1))
        (verdict,) = run(store.commit([change], NOW))
        if verdict is Verdict.COMMITTED:
            return seq + 1


def take_turns(store, who, turns):
    say("ready")
    sys.stdin.readline()
    for _ in range(turns):
        turn_of(store, 1, who)
        turn_of(store, int(who), who)
    say("done")


def take_turns_for_ever(store):
    while True:
        say(turn_of(store, 1, "child"))


def hold_the_lock(path):
    with FileLock(path.with_name(path.name + ".lock")).held():
        say("held")
        sys.stdin.readline()


def main():
    path, what, *rest = sys.argv[1:]
    if what == "hold":
        hold_the_lock(Path(path))
        return
    store = SqliteStore.open(Path(path))
    if what == "turns":
        take_turns(store, rest[0], int(rest[1]))
    else:
        take_turns_for_ever(store)


if __name__ == "__main__":
    main()
