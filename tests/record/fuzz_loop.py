"""Spoil run files and journals at random and open them: each is read, or refused in one line.

``python -m tests.record.fuzz_loop FOLDER --files 2500 --seed 2`` prints one JSON object: how often each ending came.
Every file is opened in a process of its own, with 6 GB of address space and a minute of time.
"""

import argparse
import json
import logging
import os
import random
import resource
import signal
import sys
import traceback
from collections import Counter
from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs

ENDINGS = {0: "read", 1: "refused", 2: "not in one line", 3: "raised"}
HEAD_BYTES = 60_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    originals = _originals(given.folder)
    luck = random.Random(given.seed)
    endings = Counter(_attempt(given.folder / f"fuzz{n}.h5", originals, luck) for n in range(given.files))
    sys.stdout.write(json.dumps(endings) + "\n")


def _originals(folder: Path) -> tuple[bytes, bytes]:
    """A run file and the journal of the same run."""
    path = folder / "original.h5"
    with RunWriter(path, runs.header(), runs.two_theta()) as writer:
        writer.append_note(1.0, "a note")
        writer.append_many(runs.rows(40))
        writer.flush()
        journal = journal_path(path).read_bytes()
    return path.read_bytes(), journal


def _attempt(path: Path, originals: tuple[bytes, bytes], luck: random.Random) -> str:
    kind = int(luck.random() < 0.4)
    content = _spoilt(originals[kind], luck)
    target = journal_path(path) if kind else path
    target.write_bytes(content)
    child = os.fork()
    if child == 0:
        os._exit(_open(path))
    status = os.waitpid(child, 0)[1]
    for left in path.parent.glob(f"*{path.name}*"):
        left.unlink()
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else ENDINGS[os.waitstatus_to_exitcode(status)]


def _spoilt(content: bytes, luck: random.Random) -> bytes:
    spoilt = bytearray(content)
    for _ in range(luck.choice([1, 1, 2, 5, 20, 200])):
        # Half of the hits go to the head, where the tables are.
        place = luck.randrange(len(spoilt) if luck.random() < 0.5 else min(len(spoilt), HEAD_BYTES))
        kind = luck.choices(range(4), [4, 2, 3, 1])[0]
        if kind == 0:
            spoilt[place] = luck.randrange(256)
        elif kind == 1:
            spoilt[place] ^= 1 << luck.randrange(8)
        elif kind == 2:
            spoilt[place : place + 8] = luck.choice([b"\xff" * 8, bytes(8), b"\0\0\0\0\0\1\0\0", luck.randbytes(8)])
        else:
            del spoilt[luck.randrange(max(place, 1), len(spoilt)) :]
        if len(spoilt) < 10:
            break
    return bytes(spoilt)


def _open(path: Path) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    signal.alarm(60)
    try:
        with read_run(path) as run:
            list(run.rows)
    except UserError as error:
        return 2 if "\n" in str(error) else 1
    except BaseException:
        traceback.print_exc()
        return 3
    return 0


if __name__ == "__main__":
    main()
