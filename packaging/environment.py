"""An environment that holds exactly a hash-locked list of packages and this project's own wheel."""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from package_index import Index, fetch_wheel
from setup_error import SetupError

STAMP = "latticewatch-stamp.json"
# Published without a wheel: built here, with the pinned setuptools. Everything else comes as a wheel.
FROM_SOURCE = ("querypool", "stompest")


@dataclass(frozen=True)
class Places:
    """Folders and files of one set-up: the checkout, its tools folder, the environment and its lock."""

    checkout: Path
    tools: Path
    environment: Path
    lock: Path

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    @property
    def tools_lock(self) -> Path:
        return self.checkout / "packaging" / "tools.lock"


@dataclass(frozen=True)
class Installer:
    """A client for the package index: ``uv`` (a program) or pip (a wheel that the environment's python runs)."""

    uv: Path | None
    pip: Path | None
    index: Index


def pinned(lock: Path, name: str) -> tuple[str, frozenset[str]]:
    """Version and sha256 hashes of one package of a lock file."""
    found = re.search(rf"^{name}==(\S+)((?: *\\\n *--hash=sha256:[0-9a-f]+)+)", lock.read_text("utf-8"), re.MULTILINE)
    if not found:
        raise SetupError(f"{lock}: no pin of {name}; lock again (docs/developing.md)")
    return found[1], frozenset(re.findall(r"sha256:([0-9a-f]{64})", found[2]))


def obtain_installer(places: Places, index: Index, say: Callable[[str], None]) -> Installer:
    """The pinned uv; where it cannot be had or does not run, the pinned pip."""
    wanted = os.environ.get("LATTICEWATCH_INSTALLER", "uv")
    if wanted not in ("uv", "pip"):
        raise SetupError(f"LATTICEWATCH_INSTALLER={wanted}: say uv or pip")
    if wanted == "uv":
        try:
            return Installer(_uv(places, index), None, index)
        except (SetupError, OSError, subprocess.SubprocessError, zipfile.BadZipFile) as error:
            say(f"no uv ({error}); continuing with pip, which takes longer")
    return Installer(None, _pip(places, index), index)


def _uv(places: Places, index: Index) -> Path:
    version, hashes = pinned(places.tools_lock, "uv")
    program = places.tools / f"uv-{version}" / "uv"
    if not program.exists():
        tags = re.compile(rf"(^|\.)manylinux[^.]*_{re.escape(platform.machine())}($|\.)")
        filename, content = fetch_wheel(index, "uv", version, hashes, tags)
        wheel = _kept(places.tools / filename, content)
        with zipfile.ZipFile(wheel) as archive:
            member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
            _kept(program, archive.read(member), mode=0o755)
        wheel.unlink()
    subprocess.run([program, "--version"], check=True, capture_output=True)
    return program


def _pip(places: Places, index: Index) -> Path:
    version, hashes = pinned(places.tools_lock, "pip")
    wheel = places.tools / f"pip-{version}-py3-none-any.whl"
    return wheel if wheel.exists() else _kept(wheel, fetch_wheel(index, "pip", version, hashes, re.compile("^any$"))[1])


def _kept(path: Path, content: bytes, mode: int = 0o644) -> Path:
    """Written whole or not at all: an interrupted set-up leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(path.name + ".begun")
    begun.write_bytes(content)
    begun.chmod(mode)
    return begun.replace(path)


def up_to_date(places: Places) -> bool:
    """Whether the environment already holds this lock and these sources."""
    return places.python.exists() and _stamp(places) == {"packages": _packages(places), "project": _project(places)}


def prepare(places: Places, installer: Installer, say: Callable[[str], None]) -> None:
    """Bring the environment to this lock and these sources, doing only what is not done yet."""
    stamp = {"packages": _packages(places), "project": _project(places)}
    if not places.python.exists() or _stamp(places).get("packages") != stamp["packages"]:
        say(f"installing {places.lock.name} into {places.environment.name}")
        (places.environment / STAMP).unlink(missing_ok=True)
        _install_packages(places, installer)
        _put_stamp(places, {"packages": stamp["packages"]})
    say("installing latticewatch")
    _install_project(places, installer)
    say("compiling, once")
    _compile(places)
    _put_stamp(places, stamp)


def _compile(places: Places) -> None:
    """What numba compiles is kept beside the installed modules, so that no run waits for it."""
    _run([str(places.python), "-m", "latticewatch.app", "doctor", "--warm-up"], dict(os.environ))


def _put_stamp(places: Places, stamp: dict[str, str]) -> None:
    (places.environment / STAMP).write_text(json.dumps(stamp), encoding="utf-8")


def _stamp(places: Places) -> dict[str, str]:
    try:
        stamp = json.loads((places.environment / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _packages(places: Places) -> str:
    # An environment's scripts name its own path and interpreter: moved or upgraded, it is another one.
    where = f"{places.environment}\n{Path(sys.executable).resolve()}\n{sys.version}\n"
    return _digest([where.encode(), places.lock.read_bytes(), places.tools_lock.read_bytes()])


def _project(places: Places) -> str:
    files = source_files(places.checkout)
    return _digest(part for path in files for part in (path.as_posix().encode(), (places.checkout / path).read_bytes()))


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def source_files(checkout: Path) -> list[Path]:
    """What the wheel is built from, relative to the checkout."""
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    files = [Path("pyproject.toml"), Path(project["project"]["readme"])]
    files += [Path(name) for name in project["project"]["license-files"]]
    for folder in project["tool"]["setuptools"]["package-dir"].values():
        found = (checkout / folder).rglob("*")
        files += [path.relative_to(checkout) for path in found if path.is_file() and "__pycache__" not in path.parts]
    return sorted(files)


def _install_packages(places: Places, installer: Installer) -> None:
    python, lock = str(places.python), str(places.lock)
    if installer.uv:
        _call(installer, ["venv", "--quiet", "--clear", "--python", sys.executable, str(places.environment)])
        pins = ["--require-hashes", "--build-constraints", str(places.tools_lock), *_wheels_only()]
        _call(installer, ["pip", "sync", "--quiet", "--python", python, *pins, lock])
    else:
        shutil.rmtree(places.environment, ignore_errors=True)
        _run([sys.executable, "-m", "venv", "--without-pip", str(places.environment)], dict(os.environ))
        builder = places.tools / "setuptools.lock"
        version, hashes = pinned(places.tools_lock, "setuptools")
        pin = [f"setuptools=={version}", *(f"--hash=sha256:{value}" for value in sorted(hashes))]
        builder.write_text(" ".join(pin) + "\n", encoding="utf-8")
        for wanted in (builder, places.lock):
            own = ["--require-hashes", "--no-build-isolation", *_wheels_only()]
            _call(installer, ["install", "-q", *own, "-r", str(wanted)], places)


def _wheels_only() -> list[str]:
    exceptions = [argument for name in FROM_SOURCE for argument in ("--no-binary", name)]
    return ["--only-binary", ":all:", *exceptions]


def _install_project(places: Places, installer: Installer) -> None:
    # Built from a copy: setuptools keeps deleted modules alive in a checkout's own build folder.
    source = places.tools / f"source{places.environment.name}"
    shutil.rmtree(source, ignore_errors=True)
    for path in source_files(places.checkout):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(places.checkout / path, source / path)
    python = str(places.python)
    if installer.uv:
        pins = ["--require-hashes", "--build-constraints", str(places.tools_lock)]
        _call(
            installer,
            ["build", "--wheel", "--python", python, *pins, "--out-dir", str(source / "dist"), str(source)],
        )
        wheel = next((source / "dist").glob("*.whl"))
        _call(installer, ["pip", "install", "--quiet", "--python", python, "--no-deps", "--reinstall", str(wheel)])
    else:
        own = ["--no-deps", "--no-build-isolation", "--force-reinstall"]
        _call(installer, ["install", "-q", "--no-cache-dir", *own, str(source)], places)
    shutil.rmtree(source)


def _call(installer: Installer, arguments: list[str], places: Places | None = None) -> None:
    program = [str(installer.uv)] if places is None else [str(places.python), f"{installer.pip}/pip"]
    _run([*program, *arguments], installer_variables(installer.index))


def installer_variables(index: Index) -> dict[str, str]:
    """The variables an installer runs with: the machine's own, plus what uv would not find by itself."""
    variables = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    variables |= {
        "UV_PYTHON_DOWNLOADS": "never",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_WARN_SCRIPT_LOCATION": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }
    variables.setdefault("UV_HTTP_TIMEOUT", "180")
    if index.configured:
        variables["UV_DEFAULT_INDEX"] = index.url
    if index.ca_bundle:
        variables["SSL_CERT_FILE"] = index.ca_bundle
    if index.proxy:
        variables |= {name: index.proxy for name in ("HTTP_PROXY", "HTTPS_PROXY") if name.lower() not in variables}
    return variables


def _run(command: list[str], variables: dict[str, str]) -> None:
    ended = subprocess.run(
        command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        lines = (ended.stderr.strip() or ended.stdout.strip() or f"exit {ended.returncode}").splitlines()
        first = next((number for number, line in enumerate(lines) if "error:" in line.lower()), 0)
        words = " ".join(" ".join(lines[first:]).split())
        raise SetupError(f"{Path(command[0]).name} {command[1]} failed: {words[:500]}")
