"""Broken traces and logs, to see that every command says what is wrong in a line, and ends with a status that means it.

`python tests/quality/fuzz_inputs.py --count 7000` runs it at length.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from psci.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
TRACES = sorted((ROOT / "tests" / "oracle" / "traces").glob("*.ndjson"))
LOGS = {
    "ftrace": ROOT / "tests" / "oracle" / "logs" / "importing" / "kvm-ftrace.log",
    "qemu": ROOT / "tests" / "oracle" / "logs" / "importing" / "qemu-hvc.log",
    "plain": None,
}
TABLE = b"cpu,fn,x1,x2,x3,answer\n0,0x84000000,,,,0x10001\n0,0xc4000003,1,0x40000000,0x2a,0\n1,0x84000002,,,,\n"
PIECES = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"\\ud800"', b"-1", b"1e999", b"NaN", b"null", b"[]", b"{}", b'"0x"', b"\n",
    b'"0x1ffffffffffffffff"', b"9" * 400, b"[" * 3_000, b'"' + b"a" * 5_000 + b'"', b"0x", b",", b"'", "é".encode(),
)  # fmt: skip
STATUSES = (0, 1, 2, 3)


class Broken(NamedTuple):
    """An input that a command did not take well."""

    seed: int
    command: tuple[str, ...]
    why: str


def mutated(content: bytes, random: Random) -> bytes:
    """The same with something wrong."""
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(content) + 1)
        to = min(len(content), at + random.choice((0, 1, 2, 8, 40)))
        match random.randrange(6):
            case 0:
                content = content[:at] + random.choice(PIECES) + content[to:]
            case 1:
                content = content[:at] + bytes([random.randrange(256)]) + content[at + 1 :]
            case 2:
                content = content[:at]
            case 3:
                content = content[:at] + content[to:]
            case 4:
                lines = content.splitlines(keepends=True) or [b""]
                lines.insert(random.randrange(len(lines) + 1), random.choice(lines))
                content = b"".join(lines)
            case 5:
                lines = content.splitlines(keepends=True) or [b""]
                random.shuffle(lines)
                content = b"".join(lines)
    return content


def broken(seed: int, folder: Path) -> Broken | None:
    """What a command made of a mutated input, if that is not as it should be."""
    random = Random(seed)
    source = random.choice(("trace", "trace", "trace", *LOGS))
    log = LOGS.get(source)
    content = TABLE if source == "plain" else (log or random.choice(TRACES)).read_bytes()
    file = folder / "input.ndjson"
    file.write_bytes(mutated(content, random))
    name = str(file)
    command = random.choice(
        (("trace", "check", name), ("trace", "check", "--json", name), ("trace", "show", name),
         ("trace", "show", name, "-o", str(folder / "x.svg")), ("trace", "check", "--verbose", name, name))
    ) if source == "trace" else ("trace", "import", source, name)  # fmt: skip
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("error")
            status = run([*command[:2], "--time-limit", "20", *command[2:]] if "check" in command else list(command))
    except Exception as error:  # whatever escapes is what is looked for
        return Broken(seed, command, repr(error)[:300])
    if status not in STATUSES:
        return Broken(seed, command, f"status {status}")
    if status == 1 and "deviates" not in out.getvalue():
        return Broken(seed, command, "status 1 without a finding")
    if status == 2 and "Traceback" in err.getvalue() + out.getvalue():
        return Broken(seed, command, "a traceback")
    if len(err.getvalue()) > 4_000:
        return Broken(seed, command, f"an error of {len(err.getvalue())} characters")
    return None


def all_broken(first: int, count: int) -> Iterator[Broken]:
    """Those of some seeds."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            found = broken(seed, Path(folder))
            if found is not None:
                yield found


def main() -> int:
    """Print each input that a command did not take well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=7_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found = 0
    for one in all_broken(arguments.seed, arguments.count):
        found += 1
        sys.stdout.write(f"seed {one.seed}: {' '.join(one.command)}: {one.why}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{arguments.count:,} inputs: {found} were not taken well\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
