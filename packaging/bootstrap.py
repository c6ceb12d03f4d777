"""Set up an environment on a machine that has python3 and nothing else: ``bootstrap.py run`` or ``bootstrap.py test``.

Makes ``.venv-run`` or ``.venv-test`` beside the sources, from the lock of that name. Says what it does on stderr;
exit status 0 when the environment is ready, otherwise 1 with one line that says what to do.
"""

import os
import shutil
import sys

if sys.version_info < (3, 11):  # noqa: UP036  older interpreters must get this far to hand over or say so
    for _name in ("python3.11", "python3.12", "python3.13", "python3.14"):
        if shutil.which(_name):
            os.execvp(_name, [_name, *sys.argv])  # noqa: S606
    sys.exit("latticewatch set-up: needs Python 3.11 or newer; install one and call it python3")

import fcntl
from pathlib import Path

import system_libraries
from environment import Places, obtain_installer, prepare, up_to_date
from package_index import configured_index
from setup_error import SetupError

LOCKS = {"run": "requirements.lock", "test": "requirements-test.lock"}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        return _complain("say which environment: run or test")
    try:
        _set_up(arguments[0])
    except (SetupError, OSError) as error:
        return _complain(" ".join(str(error).split()))
    except KeyboardInterrupt:
        return _complain("stopped; run it again to continue")
    return 0


def _set_up(name: str) -> None:
    checkout = Path(__file__).resolve().parents[1]
    tools = checkout / ".venv-tools"
    tools.mkdir(exist_ok=True)
    places = Places(checkout, tools, checkout / f".venv-{name}", checkout / "packaging" / LOCKS[name])
    with (tools / "busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)  # two set-ups of one checkout take turns
        display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
        missing = system_libraries.missing_packages(display=display, tests=name == "test")
        done = up_to_date(places)
        index = configured_index()
        if not done:
            needed = index.url.startswith("https:") and index.ca_bundle is None
            missing += [system_libraries.CA_PACKAGE] if needed else []
        system_libraries.ensure_packages(missing, tools / "apt.log", _say)
        if not done:
            index = configured_index()
            prepare(places, obtain_installer(places, index, _say), _say)


def _say(message: str) -> None:
    print(f"set-up: {message}", file=sys.stderr, flush=True)


def _complain(message: str) -> int:
    print(f"latticewatch set-up: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
