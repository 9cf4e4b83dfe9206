"""A language model that looks around in the sandbox, edits, and runs the failing step, until it finishes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Any

from bot.errors import Misfit, NoFix, OutOfBudget
from bot.llm import Reply, Turn, Unanswered
from bot.model import Candidate, Incident
from bot.ports import Consultation, Tools, Written
from strategies.llm_edit import CATEGORIES, MOST_CAUSE, STOPPED, candidate_of, question, usable
from strategies.llm_edit import applies as applies  # the same failures

__all__ = ["CATEGORIES", "NAME", "applies", "propose"]
NAME = "llm_agent"
MOST_LINES, MOST_CHARACTERS = 400, 20_000
MOST_NUDGES = 2
"""How often in a row a model is reminded that only tools do something."""
SECONDS = 300
SEARCH = """pattern=$1; shift
git grep -nIE -e "$pattern"; found=$?
if [ $# -gt 0 ] && GIT_LITERAL_PATHSPECS=1 git grep --no-index -nIE -e "$pattern" -- "$@"; then found=0; fi
exit $found"""
"""Files that git does not know are named."""
CANNOT = "CANNOT"  # as those say it who are asked for edits


def _tool(name: str, told: str, **arguments: str) -> Mapping[str, Any]:
    properties = {key: {"type": "string", "description": what} for key, what in arguments.items()}
    schema = {"type": "object", "properties": properties, "required": list(arguments), "additionalProperties": False}
    return {"name": name, "description": told, "input_schema": schema}


TOOLS = (
    _tool("list_files", "The files of the repository whose paths begin so.", prefix="empty for all"),
    _tool("read_file", f"A file, {MOST_LINES} lines at most.", path="relative to the repository", first_line="from 1"),
    _tool(
        "search",
        "Lines of the repository's files that match, with path and number.",
        pattern="extended regular expression",
    ),
    _tool("run", "Run a command with bash at the root of the repository; its writes stay here.", command="the command"),
    _tool("run_step", "Run the failing step again."),
    _tool(
        "edit",
        "Put other lines in the place of some, which must be found once; an empty `old` makes a new file.",
        path="relative to the repository",
        old="whole lines exactly as they are",
        new="the lines that take their place",
    ),
    _tool("delete_file", "Delete a file of the repository.", path="relative to the repository"),
    _tool("diff", "What your edits have changed so far."),
    _tool("finish", "All is done.", cause="in one or two sentences: what was wrong"),
    _tool("cannot", "It cannot be fixed here.", reason="why not, and what people would have to do"),
)


def propose(incident: Incident, tools: Tools) -> Iterator[Candidate]:
    """The candidate of what the agent has edited. Raises `NoFix` where there is none."""
    model = tools.consultation
    if model is None:
        return
    system, opening = question(model, model.prompt("agent", turns=model.turns), tools.diagnosis, agent=True)
    turns = [opening]
    agent = Agent(tools, model)
    try:
        for _ in range(0 if agent.ended else model.turns):
            reply = model.ask(system, turns, TOOLS)
            if reply.stop in STOPPED:
                if agent.passes:
                    break
                usable(reply)
            turns += [Turn("assistant", reply.blocks), Turn("user", agent.answer(reply))]
            if agent.ended:
                break
    except (OutOfBudget, Unanswered):
        if not agent.passes:
            raise
    yield candidate_of(list(agent.files.values()), agent.cause, tools)


class Agent:
    """What the agent has done: `files` are those that it edited.

    It goes on from where a process that was ended had come.
    """

    def __init__(self, tools: Tools, model: Consultation) -> None:
        self.files: dict[str, Written] = {}
        self._green, self._nudges = False, 0
        last = model.done[-1] if model.done else None
        self.ended = last is not None and last.tool == "finish"
        self.cause = last.told if last and self.ended else ""
        self._tools, self._model, self._session = tools, model, tools.session(fresh_step=True)
        self._put(model.draft())
        self._does: Mapping[str, Callable[..., str]] = {
            "list_files": self._list,
            "read_file": self._read,
            "search": lambda pattern: self._run("sh", "-c", SEARCH, "sh", pattern, *self._new),
            "run": lambda command: self._run("bash", "-c", command),
            "run_step": self._step,
            "edit": self._edit,
            "delete_file": lambda path: self._answer(f"{path}\n<<<<<<< DELETE\n>>>>>>> DELETE\n"),
            "diff": self._diff,
            "finish": self._finish,
            "cannot": self._cannot,
        }

    @property
    def passes(self) -> bool:
        """Whether the failing step has passed with its edits as they are: a candidate, whatever the model says next."""
        return self._green and bool(self.files)

    def answer(self, reply: Reply) -> tuple[Mapping[str, Any], ...]:
        """Do what the model asks for, and say what it is told next. Raises `NoFix` where it ends without an edit."""
        if reply.uses:
            self._nudges = 0
            return tuple(self.use(use) for use in reply.uses)
        told, is_pause = reply.text if self.passes else usable(reply), reply.stop == "pause_turn"
        if not is_pause and (self.passes or self._nudges == MOST_NUDGES or told.lstrip().startswith(CANNOT)):
            self._leave(told)
        elif not is_pause:
            self._nudges += 1
        # a pause goes on with words of ours, too: models refuse a conversation that ends with their own
        return ({"type": "text", "text": self._model.prompt("nudge")},)

    def use(self, use: Mapping[str, Any]) -> Mapping[str, Any]:
        """Do what the model asks for; what goes wrong is told to it."""
        name, told = use["name"], use["input"]
        given = {k: str(v).replace("\0", "") for k, v in told.items()} if isinstance(told, dict) else {}
        try:
            came, wrong = self._does[name](**given), False
        except (KeyError, TypeError):
            came, wrong = "there is no such tool, or it has other arguments", True
        except Misfit as e:
            came, wrong = self._model.excerpt(e.report), True
        self._model.step(name, "\n".join(given.values()), came, [*self.files.values()])
        content = came[:MOST_CHARACTERS] or "(nothing)"
        return {"type": "tool_result", "tool_use_id": use["id"], "content": content, "is_error": wrong}

    def _leave(self, told: str) -> None:
        """End with what the model says in place of asking for a tool. Raises `NoFix` where it has edited nothing."""
        if not self.files:
            raise NoFix(f"the model ends without an edit: {told.strip()[:MOST_CAUSE]}")
        self.cause, self.ended = self.cause or told.strip(), True

    @property
    def _new(self) -> list[str]:
        """The files that it has made, which git does not know."""
        made = (path for path, file in self.files.items() if file.content is not None)
        return [path for path in made if path not in self._tools.paths]

    def _list(self, prefix: str) -> str:
        deleted = {path for path, file in self.files.items() if file.content is None}
        found = sorted(p for p in (self._tools.paths - deleted).union(self._new) if p.startswith(prefix))
        more = len(found) - MOST_LINES
        return "\n".join([*found[:MOST_LINES], *([f"[and {more} more]"] if more > 0 else [])])

    def _read(self, path: str, first_line: str = "1") -> str:
        first = max(1, int(first_line)) if first_line.isdigit() else 1
        program = f'NR>={first} && NR<{first + MOST_LINES} {{print}} END {{print "[of " NR " lines]"}}'
        return self._run("awk", program, path)

    def _diff(self) -> str:
        told: list[str] = []
        for path, file in self.files.items():
            before, after = self._tools.read(path), (file.content or b"").decode("utf-8", "replace")
            names = f"a/{path}", f"b/{path}" if file.content is not None else "/dev/null"
            told += unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
        return self._model.excerpt("\n".join(told)) or "nothing is changed"

    def _run(self, *argv: str) -> str:
        ran = self._session.run(argv, cwd=self._session.workspace, timeout=SECONDS)
        end = "[it was ended: too long]" if ran.timed_out else f"[exit code {ran.code}]" if ran.code else ""
        return f"{self._model.excerpt(ran.output)}{end}"

    def _step(self) -> str:
        ran = self._session.rerun()
        self._green = ran.code == 0
        return f"{self._model.excerpt(ran.output)}\n[exit code {ran.code}]"

    def _edit(self, path: str, old: str, new: str) -> str:
        rows = ["<<<<<<<<< SEARCH", *old.splitlines(), "=========", *new.splitlines(), ">>>>>>>>> REPLACE"]
        return self._answer("\n".join([path, *rows]))

    def _answer(self, answer: str) -> str:
        written, _ = self._model.edited(answer, {path: w.content for path, w in self.files.items()})
        self._put(written)
        self._green = False
        return "done"

    def _put(self, written: Sequence[Written]) -> None:
        for file in written:
            self._session.put(file.path, file.content)
            self.files[file.path] = file

    def _finish(self, cause: str) -> str:
        self.cause, self.ended = cause, True
        return "done"

    def _cannot(self, reason: str) -> str:
        raise NoFix(f"the model cannot: {reason[:MOST_CAUSE]}")
