"""Whether a held step fails only since a fix: it is run without the fix, and with it again."""

from bot.ports import Git, Session
from bot.repair.trees import tracked


def fails_only_with(git: Git, before: str, after: str, session: Session) -> bool:
    """Whether the held step of a replay of the commit `after` passes with what has changed since `before` undone.

    What an earlier step has installed or built stays as it is; where that decides, this is not seen.
    """
    was, now = tracked(git, before), tracked(git, after)
    changed = sorted(path for path in was.keys() | now.keys() if was.get(path) != now.get(path))

    def passes(files: dict[str, tuple[str, str]]) -> bool:
        for path in changed:
            session.put(path, git.run("cat-file", "blob", files[path][1]) if path in files else None)
        return session.rerun().code == 0

    return passes(was) and not passes(now)
