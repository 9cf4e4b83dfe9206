"""The cache of repositories: what it serves, what it survives, and what hostile repositories and servers cannot do."""

import base64
import os
import resource
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bot.adapters import sources
from bot.adapters.sources import KEPT_SECONDS, GitSources
from bot.errors import Unavailable
from bot.text.urls import canonical
from tests.projects import Project
from tests.servers import serving

URL = "https://github.com/acme/thing"


@pytest.fixture
def thing(tmp_path: Path) -> Project:
    made = Project(tmp_path / "mirror" / "acme" / "thing", {"a": "one\n"})
    made.git("tag", "--annotate", "-m", "First", "v1")
    return made


@pytest.fixture
def have(tmp_path: Path) -> Callable[[], GitSources]:
    """A cache as each command has it: the same folder, nothing known yet."""
    return lambda: GitSources(tmp_path / "cache", {"https://github.com/": f"file://{tmp_path}/mirror/"})


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_tags_branches_and_commits(thing: Project, have: Callable[[], GitSources], tmp_path: Path) -> None:
    first = thing.git("rev-parse", "HEAD")
    thing.write({"a": "two\n", "run.sh": "#!/bin/sh\n"})
    thing.commit("Second")
    cache = have()
    for ref, text in (("v1", "one\n"), ("main", "two\n"), (first, "one\n")):
        assert (cache.files(URL, ref) / "a").read_text() == text
    assert os.access(cache.files(f"git+{URL}.git", "main") / "run.sh", os.X_OK)
    cache.repository(URL, tmp_path / "copy")
    assert Project(tmp_path / "copy").git("rev-parse", "v1^{commit}", "HEAD").split()[0] == first
    for wrong in (first[:12], "v2", "-v1", "a..b", ""):
        with pytest.raises(Unavailable):
            cache.files(URL, wrong)


def test_a_ref_is_asked_for_once_per_command(thing: Project, have: Callable[[], GitSources], tmp_path: Path) -> None:
    cache = have()
    cache.files(URL, "v1")
    cache.repository(URL, tmp_path / "one")
    thing.root.rename(tmp_path / "gone")
    assert (cache.files(URL, "v1") / "a").exists()
    cache.repository(URL, tmp_path / "two")
    assert cache.notes == ()
    later = have()
    later.files(URL, "v1")
    later.repository(URL, tmp_path / "three")
    assert len(later.notes) == 2


@pytest.mark.parametrize("damage", ["file", "extra", "pack", "head", "refs", "copy"])
def test_what_is_damaged_is_made_again(
    thing: Project, have: Callable[[], GitSources], tmp_path: Path, damage: str
) -> None:
    tree = have().files(URL, "v1")
    have().repository(URL, tmp_path / "copy")
    if damage == "file":
        (tree / "a").write_text("other\n")
    if damage == "extra":
        (tree / "planted").write_text("x")
    for pack in (tmp_path / "cache").glob("*/*.git/objects/pack/*.pack"):
        if damage == "pack":
            pack.chmod(0o644)
            pack.write_bytes(pack.read_bytes()[:-30] + b"x" * 30)
    for head in (tmp_path / "cache").glob("*/*.git/HEAD"):
        if damage == "head":
            head.unlink()
    for ref in (tmp_path / "cache").glob("*/*.git/refs/*/*"):
        if damage == "refs":
            ref.write_text("garbage\n")
    if damage in ("pack", "refs"):
        (tree / "a").unlink()
    if damage == "copy":
        for file in (p for p in (tmp_path / "copy").rglob("*") if p.is_file() and p.parent.name != "pack"):
            file.write_text("other\n")
        assert b"other\n" not in {p.read_bytes() for p in (tmp_path / "cache").rglob("*") if p.is_file()}
    assert names(have().files(URL, "v1")) == ["a"]
    assert (tree / "a").read_text() == "one\n"
    have().repository(URL, tmp_path / "again")
    assert Project(tmp_path / "again").git("show", "v1:a") == "one"


def test_several_processes_at_once(thing: Project, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from bot.adapters.sources import GitSources\n"
        f"cache = GitSources(Path({str(tmp_path / 'cache')!r}), {{'https://github.com/': 'file://{tmp_path}/mirror/'}})\n"
        f"print(cache.files({URL!r}, 'v1')); cache.repository({URL!r}, Path(sys.argv[1]))"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / f"copy{n}")], stdout=subprocess.PIPE, text=True)
        for n in range(8)
    ]
    said = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0] * 8
    assert len(said) == 1
    assert not [p for p in (tmp_path / "cache" / "files").iterdir() if p.name.startswith(".")]


def test_what_was_not_used_for_a_month_goes(thing: Project, have: Callable[[], GitSources], tmp_path: Path) -> None:
    Project(tmp_path / "mirror" / "acme" / "other", {"b": ""})
    have().files(URL, "v1")
    have().files("https://github.com/acme/other", "main")
    assert len(list((tmp_path / "cache" / "files").iterdir())) == 2
    long_ago = time.time() - KEPT_SECONDS - 60
    for folder in [*(tmp_path / "cache").glob("*/"), *(tmp_path / "cache").glob("files/*/")]:
        os.utime(folder, (long_ago, long_ago))
    have().files(URL, "v1")
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert len(list((tmp_path / "cache" / "files").iterdir())) == 1


# --- hostile repositories ---


def large(project: Project) -> None:
    project.write({"large": os.urandom(3_000_000)})
    project.commit("Large")


def bomb_of_zeros(project: Project) -> None:
    project.write({"zeros": bytes(50_000_000)})
    project.commit("Zeros")


def bomb_of_trees(project: Project) -> None:
    tree = project.git("rev-parse", "HEAD^{tree}")
    for _ in range(7):
        listing = "".join(f"040000 tree {tree}\t{n}\n" for n in range(10))
        made = subprocess.run(
            ["git", "mktree"], cwd=project.root, input=listing, capture_output=True, text=True, check=True
        )
        tree = made.stdout.strip()
    project.git("update-ref", "HEAD", project.git("commit-tree", "-m", "Bomb", tree))


@pytest.mark.parametrize("grow", [large, bomb_of_zeros, bomb_of_trees])
def test_a_repository_that_is_too_large_leaves_nothing(
    thing: Project,
    have: Callable[[], GitSources],
    tmp_path: Path,
    grow: Callable[[Project], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grow(thing)
    monkeypatch.setattr(sources, "MAX_BYTES", 1_000_000)
    monkeypatch.setattr(sources, "MAX_MEMORY_BYTES", 300_000_000)
    with pytest.raises(Unavailable, match="larger than 1,000,000 bytes"):
        have().files(URL, "main")
    used = sum(p.stat().st_size for p in (tmp_path / "cache").rglob("*") if p.is_file())
    assert used < 1_000_000
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 600_000  # kB


def test_nothing_is_fetched_to_a_full_disk(
    thing: Project, have: Callable[[], GitSources], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(Unavailable, match="bytes are free"):
        have().files(URL, "v1")


def test_a_tree_that_is_no_tree_is_named(thing: Project, have: Callable[[], GitSources]) -> None:
    blob = thing.git("rev-parse", "HEAD:a")
    twice = b"".join(f"{mode} a\0".encode() + bytes.fromhex(oid) for mode, oid in (("100644", blob), ("40000", thing.git("rev-parse", "HEAD^{tree}"))))  # fmt: skip
    command = ["git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"]
    tree = subprocess.run(command, cwd=thing.root, input=twice, capture_output=True, check=True).stdout.decode().strip()
    thing.git("update-ref", "HEAD", thing.git("commit-tree", "-m", "Twice", tree))
    with pytest.raises(Unavailable, match="cannot be written"):
        have().files(URL, "main")


def test_a_repository_with_too_many_files(
    thing: Project, have: Callable[[], GitSources], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    thing.write({f"d/{n}": "" for n in range(20)})
    thing.commit("Many")
    monkeypatch.setattr(sources, "MAX_FILES", 20)
    with pytest.raises(Unavailable, match="more than 20 files"):
        have().files(URL, "main")
    assert list((tmp_path / "cache" / "files").iterdir()) == []


def test_links_that_lead_outside_are_left_out(thing: Project, have: Callable[[], GitSources]) -> None:
    for name, target in (("absolute", "/etc/passwd"), ("up", "../../../x"), ("inside", "a")):
        (thing.root / name).symlink_to(target)
    thing.commit("Links")
    assert names(have().files(URL, "main")) == ["a", "inside"]


def test_nothing_of_a_repository_runs(
    thing: Project, have: Callable[[], GitSources], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`export-subst` may ask for the signature of a commit, which git leaves to gpg: its parser is not for hostile data."""
    ran, folder = tmp_path / "ran", tmp_path / "bin"
    folder.mkdir()
    (folder / "gpg").write_text(f"#!/bin/sh\ntouch {ran}\n")
    (folder / "gpg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    thing.write({".gitattributes": "a export-subst filter=evil\n", "a": "$Format:%G?$\n",
                 ".gitmodules": f'[submodule "x"]\npath = x\nurl = .\nupdate = !touch {ran}\n'})  # fmt: skip
    thing.commit("Ask")
    raw = thing.git("cat-file", "commit", "HEAD")
    head, _, message = raw.partition("\n\n")
    signed = f"{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n{message}\n"
    command = ["git", "hash-object", "-t", "commit", "-w", "--stdin"]
    commit = subprocess.run(command, cwd=thing.root, input=signed, capture_output=True, text=True, check=True).stdout
    thing.git("update-ref", "HEAD", commit.strip())
    have().files(URL, "main")
    assert not ran.exists()
    thing.git("archive", "--format=tar", f"--output={tmp_path / 'x.tar'}", "HEAD")
    assert ran.exists(), "the positive control: git itself runs it"


# --- servers ---


class Server(BaseHTTPRequestHandler):
    """Asks for credentials, and keeps what it was given."""

    def do_GET(self) -> None:
        self.server.given.append(self.headers.get("Authorization") or self.headers.get("X-Secret"))  # type: ignore[attr-defined]
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server(tls: ssl.SSLContext) -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    made.given = []  # type: ignore[attr-defined]
    with serving(made, tls):
        yield made


GIVE: Mapping[str, Callable[[str], dict[str, str]]] = {
    "netrc": lambda _: {".netrc": "machine 127.0.0.1 login me password word\n"},
    "helper": lambda _: {
        ".gitconfig": '[credential]\n\thelper = "!f() { echo username=me; echo password=word; }; f"\n'
    },
    "header": lambda _: {".gitconfig": "[http]\n\textraHeader = X-Secret: word\n"},
    "instead": lambda host: {".gitconfig": f'[url "https://me:word@{host}/"]\n\tinsteadOf = https://{host}/\n'},
    "askpass": lambda _: {"ask.sh": "#!/bin/sh\necho word\n"},
}


@pytest.mark.parametrize("by", GIVE)
def test_the_users_credentials_are_not_given(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    host = f"127.0.0.1:{server.server_port}"
    home = tmp_path / "home"
    home.mkdir()
    for name, text in GIVE[by](host).items():
        (home / name).write_text(text)
        (home / name).chmod(0o700)
    monkeypatch.setenv("HOME", str(home))
    if by == "askpass":
        monkeypatch.setenv("GIT_ASKPASS", str(home / "ask.sh"))
    cache = GitSources(tmp_path / "cache", {f"https://{host}/": f"https://{host}/"})
    with pytest.raises(Unavailable, match="it does not exist, or needs credentials"):
        cache.files(f"https://me:word@{host}/acme/thing", "v1")
    assert set(server.given) == {None}  # type: ignore[attr-defined]
    subprocess.run(["git", "ls-remote", f"https://{host}/acme/thing"], check=False, capture_output=True)
    basic = f"Basic {base64.b64encode(b'me:word').decode()}"
    answered = {x for x in server.given if x}  # type: ignore[attr-defined]
    assert answered & {basic, "word", f"Basic {base64.b64encode(b'word:word').decode()}"}, "the positive control"


def test_a_server_that_does_not_answer_is_asked_once(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, over = [], threading.Event()

    def hang(self: Server) -> None:
        asked.append(self.path)
        over.wait()

    monkeypatch.setattr(Server, "do_GET", hang)
    monkeypatch.setattr(sources, "ASK_SECONDS", 1.0)
    host = f"https://127.0.0.1:{server.server_port}/"
    cache = GitSources(tmp_path / "cache", {host: host})
    for name, told in (("a/b", "git ls-remote had no answer within 1 s"), ("a/c", "127.0.0.1:.* cannot be reached")):
        with pytest.raises(Unavailable, match=told):
            cache.files(host + name, "v1")
    over.set()
    assert len(asked) == 1


def test_a_server_cannot_lead_elsewhere_than_to_https(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Plain(Server):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    def redirect(self: Server) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://127.0.0.1:{plain.server_port}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    monkeypatch.setattr(Server, "do_GET", redirect)
    host = f"https://127.0.0.1:{server.server_port}/"
    plain = ThreadingHTTPServer(("127.0.0.1", 0), Plain)
    with serving(plain):
        with pytest.raises(Unavailable):
            GitSources(tmp_path / "cache", {host: host}).files(f"{host}a/b", "v1")
        before = list(asked)
        subprocess.run(["git", "ls-remote", f"{host}a/b"], check=False, capture_output=True)
    assert before == []
    assert asked, "the positive control"


@pytest.mark.parametrize(
    "url",
    ["https://example.org/a/b", "ext::sh -c touch% x", "ssh://me@github.com/a/b", "/etc", "file:///etc", "--x", ""],
)
def test_only_what_the_settings_name_is_fetched(have: Callable[[], GitSources], url: str) -> None:
    with pytest.raises(Unavailable, match="not among the sources of the settings"):
        have().files(url, "v1")


@pytest.mark.parametrize("place", ["ext::sh -c 'touch ran'", "ssh://github.com/", "http://github.com/", "/etc/"])
def test_only_https_and_local_mirrors(tmp_path: Path, place: str) -> None:
    cache = GitSources(tmp_path / "cache", {"https://github.com/": place})
    with pytest.raises(Unavailable, match="by other means than https"):
        cache.files(URL, "v1")


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://github.com/a/b", "https://github.com/a/b"),
        ("git+https://user:word@GitHub.com/a/b.git@v1#egg=b", "https://github.com/a/b.git@v1"),
        ("git@github.com:a/b.git", "https://github.com/a/b"),
        ("ssh://git@github.com/a/b.git/", "https://github.com/a/b"),
    ],
)
def test_one_name_for_a_repository(url: str, plain: str) -> None:
    assert canonical(url) == plain
