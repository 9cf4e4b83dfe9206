"""CI files whose edit is allowed: whether jobs, steps, legs and triggers are still all there, and still count.

The words are GitHub's (docs: workflow syntax) and GitLab's; the commands in them are judged in `scripts.py`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import re2
import yaml

from bot.errors import UsageError
from bot.repair.guard.change import Change
from bot.repair.guard.config.readers import Setting, yaml_tree
from bot.repair.guard.facts import TooComplex, Unparsable
from bot.repair.guard.findings import Finding
from bot.repair.guard.floors import Floors, is_below
from bot.repair.guard.jobs import below, left_out
from bot.repair.guard.kinds import is_workflow
from bot.repair.guard.shell import checker, commands
from bot.yaml12 import compose

TOLERANT = re2.compile(
    r"(^|\.)(continue-on-error|continueOnError|allow_failure|allow-failure|ignore_failure|allow_failures(\[.*\])?(\.\w+)?)$"
)
CONDITION = re2.compile(r"(^|\.)(if|when|only|except|rules\.if|condition)$")
KEEPS = re2.compile(r"\.(artifacts|cache)(\[.*\])?\.when$")
"""When the results of a job of GitLab's are kept, which is no condition on the job."""
PIPELINES = "workflow.rules"
EVERY_BRANCH = frozenset({'$CI_PIPELINE_SOURCE == "merge_request_event"', "$CI_COMMIT_BRANCH", "$CI_COMMIT_TAG"})
"""Conditions of pipelines of GitLab's that leave no branch out."""
NEVER = frozenset({"false", "${{ false }}", "${{false}}", "0", "never", "manual", "${{ 0 }}"})
ALWAYS = frozenset({"always()", "!cancelled()", "success()", "success()||failure()", "failure()||success()", "true"})
UNMET = ALWAYS - {"success()", "true"}
"""Conditions under which a job runs although one that it needs failed."""
RETRY = re2.compile(r"(?i)(^|[/_-])(retry|wretry|retries)([/._-]|$)")
ON_STEP = re2.compile(r"^jobs\.[^.]+\.steps(\[.*\])?\.(if|continue-on-error)$")
STRICT = re2.compile(r"(?i)(^|\.)with\.[^.]*(fail|strict|error|verify|check|enforce)[^.]*$")
TIMEOUT = re2.compile(r"(^|\.)(timeout-minutes|timeoutInMinutes)$")
LONGER = 10  # times from which a time limit is none any more
LEGS = re2.compile(
    r"^(node_js|python|rvm|php|go|jdk|rust|perl|scala|otp_release|compiler)$"  # of Travis
    r"|(^|\.)(matrix\.[^.]+|matrix\.include(\[.*\])?\.[^.]+|parallel\.matrix\..*)$"
)
DOES_SO = re2.compile(r"\.(before_|after_)?(script|install)$")
"""What a leg runs, which is judged as commands."""
VERSION = re2.compile(r"^[0-9]+(\.[0-9]+){1,2}$")
IMAGE = re2.compile(r"^(ubuntu|macos|windows)-([0-9]{1,4}(?:\.[0-9]{2})?|latest)(-[a-z0-9]+)?$")
SPARE = "actions/cache"  # without it all is done anew
PREPARES = re2.compile(r"^actions/(checkout|cache|setup-[\w-]+|(upload|download)-artifact)$")
"""Actions that check nothing themselves, so that one fewer of them asks for no less."""
SETS_UP = re2.compile(r"^[\w.-]+/(setup-[\w-]+|action-setup|[\w-]*toolchain|install-[\w-]+)$")
"""Actions that install what the steps after them run, one of which may stand in for another."""
FEWER = re2.compile(
    r"(^|\.)(matrix\.exclude.*|on\..*(paths|branches|tags|types)(-ignore)?|paths-ignore|branches-ignore)$"
)
TRUNK = re2.compile(r"^(main|master|trunk|develop|dev|\$default-branch)$")
ROW = re2.compile(r"^jobs\.[^.]+\.strategy\.matrix\.exclude\b")  # what it leaves out depends on the whole row
PUBLISHES = re2.compile(
    r"(?i)^(jobs\.([\w-]*[_-])?(publish|release|deploy|dist|docker|website|pages)([_-][\w-]*)?\.if$|deploy(\[[^\]]*\])?\.)"
)
"""Conditions on what hands over the result of a build, which is no check of it."""
HANDS_OVER = re2.compile(r"(?i)\b(publish|dist|release|deploy|upload|build|install|package|ci)")
TESTS = re2.compile(r"(?i)test|check|lint|verif|valid|cov|audit")
ONLY = re2.compile(r"\.(paths|branches|tags|types)$")
DOES = re2.compile(r"\.(run|uses|script)$")
USES = re2.compile(r"(^|\.)uses$")


def judge(change: Change, floors: Floors = ()) -> Iterator[Finding]:
    """Yield what a changed CI file lets pass. Other files, and files that are not YAML, yield nothing.

    `floors` say which versions the candidate supports no more; those need not be tested.
    """
    if not is_workflow(change.path) or not change.path.endswith((".yml", ".yaml")) or change.old is None:
        return
    try:
        old = yaml_tree(change.old_text)
    except (Unparsable, TooComplex):
        old = []
    try:
        new = yaml_tree(change.new_text) if change.new is not None else []
    except TooComplex as e:
        yield Finding("unreadable", change.path, 1, str(e))
        return
    except Unparsable as e:
        yield Finding("syntax", change.path, e.line, f"not valid: {e.message}")
        return
    told = (
        *_tolerance(old, new),
        *_conditions(old, new),
        *_lost(old, new, floors),
        *_inputs(old, new),
        *_gates(old, new),
    )
    left = (("weakened-command", line, message) for line, message in left_out(change))
    for rule, line, message in (*told, *_retried(old, new), *_steps(change), *left):
        yield Finding(rule, change.path, max(line, 1), message)


Told = Iterator[tuple[str, int, str]]


def _tolerance(old: Sequence[Setting], new: Sequence[Setting]) -> Told:
    known = Counter((s.key, s.value) for s in old)
    for setting in new:
        if known[setting.key, setting.value]:
            known[setting.key, setting.value] -= 1
        elif ON_STEP.search(setting.key) or ("allow_failures" in setting.key and _is_new_leg(setting.value, old, new)):
            continue
        elif TOLERANT.search(setting.key) and setting.value.lower() not in {"false", "no", "off"}:
            yield "ignored-failure", setting.line, f"{setting.key} lets a failure pass"
        elif PUBLISHES.search(setting.key) or ROW.search(setting.key) or _spares_pushes(setting, old, new):
            continue
        elif FEWER.search(setting.key) and not _is_new(setting.key, "on", old) and not _widens(setting, old, new):
            yield "weakened-command", setting.line, f"{setting.key} narrows when or on what it runs"


def _conditions(old: Sequence[Setting], new: Sequence[Setting]) -> Told:
    known = Counter((s.key, s.value) for s in old)
    for setting in new:
        if not CONDITION.search(setting.key) or ON_STEP.search(setting.key) or _is_new(setting.key, "jobs", old):
            continue
        if KEEPS.search(setting.key) or (setting.key.startswith(PIPELINES) and setting.value in EVERY_BRANCH):
            continue
        if PUBLISHES.search(setting.key) and not _checks(setting.key, new):
            continue
        if known[setting.key, setting.value]:
            known[setting.key, setting.value] -= 1
        elif _bare_condition(setting.value) in ALWAYS:
            continue
        elif setting.value.strip().lower() in NEVER:
            yield "ignored-failure", setting.line, f"{setting.key}: it never runs"
        else:
            yield "weakened-command", setting.line, f"{setting.key}: it does not run always any more"


def _is_new_leg(value: str, old: Sequence[Setting], new: Sequence[Setting]) -> bool:
    """Whether a leg came with the change: that it may fail takes nothing away."""
    return not any(s.value == value for s in old) and any(s.value == value and LEGS.search(s.key) for s in new)


def _spares_pushes(setting: Setting, old: Sequence[Setting], new: Sequence[Setting]) -> bool:
    """Whether pushes to branches are looked at no more where each pull request is."""
    return setting.key == "on.push.branches" and bool(TRUNK.search(setting.value)) and _pulled(old) and _pulled(new)


def _pulled(settings: Sequence[Setting]) -> bool:
    """Whether it runs for every pull request, so that it need not run for each push to its branch, too."""
    narrowed = any(s.key.startswith("on.pull_request.") and FEWER.search(s.key) for s in settings)
    return "pull_request" in _members(settings, "on") and not narrowed


def _checks(key: str, settings: Sequence[Setting]) -> bool:
    """Whether a command in the job or section of `key` checks something."""
    place = ".".join(key.split(".")[:2]) + "."
    told = (s.value for s in settings if s.key.startswith(place) and DOES.search(s.key))
    found = (" ".join(c.words) for text in told for c in commands(text) if checker(c.words))
    return any(TESTS.search(words) or not HANDS_OVER.search(words) for words in found)


def _widens(setting: Setting, old: Sequence[Setting], new: Sequence[Setting]) -> bool:
    """Whether a list of what a trigger looks at got one more entry, and kept all that it had."""
    was, now = ({s.value for s in side if s.key == setting.key} for side in (old, new))
    return bool(ONLY.search(setting.key)) and bool(was) and was <= now and not setting.value.startswith("!")


def _is_new(key: str, root: str, old: Sequence[Setting]) -> bool:
    """Whether a key lies in a job or trigger that was not there before."""
    parts = key.split(".")
    return len(parts) > 1 and parts[0] == root and bool(known := _members(old, root)) and parts[1] not in known


def _bare_condition(text: str) -> str:
    """A condition without blanks and the braces around it."""
    return "".join(text.split()).removeprefix("${{").removesuffix("}}")


def _inputs(old: Sequence[Setting], new: Sequence[Setting]) -> Told:
    """Inputs of actions that make them strict and are gone or off; time limits that are none any more."""
    before, after = ({s.key: s for s in side} for side in (old, new))
    for key, setting in before.items():
        now = after.get(key)
        if STRICT.search(key) and setting.value.lower() == "true" and (now is None or now.value.lower() == "false"):
            if any(k.startswith(key.rpartition(".")[0]) for k in after):
                yield "ignored-failure", now.line if now else 1, f"{key} is not true any more"
        elif TIMEOUT.search(key) and now and _is_far_longer(setting.value, now.value):
            yield "weakened-command", now.line, f"{key} went from {setting.value} to {now.value}"


def _gates(old: Sequence[Setting], new: Sequence[Setting]) -> Told:
    """Jobs that wait for others, and pass where those fail: that run always, or wait for fewer.

    A job that checks something itself need not wait; one that reads what became of the others may run always.
    """
    before, after = _by_job(old), _by_job(new)
    for job in sorted(before.keys() & after.keys()):
        was, now, told = _needs(before, job), _needs(after, job), after[job]
        known, condition = (next((s for s in x if s.key == f"jobs.{job}.if"), None) for x in (before[job], told))
        changed = condition is not None and (known is None or known.value != condition.value)
        unmet = condition and changed and was and _bare_condition(condition.value) in UNMET
        if condition and unmet and not any("needs." in s.value for s in told):
            yield "ignored-failure", condition.line, f"{job} runs although a job that it needs failed"
        lost = was & after.keys() - _needed(now, after) if was - now else NOTHING
        if lost and not any(checker(c.words) for s in told if DOES.search(s.key) for c in commands(s.value)):
            yield "weakened-command", told[0].line, f"{job} does not wait for {min(lost)} any more"


Jobs = Mapping[str, Sequence[Setting]]
NOTHING = frozenset[str]()


def _by_job(settings: Sequence[Setting]) -> Jobs:
    found: dict[str, list[Setting]] = {}
    for setting in settings:
        parts = setting.key.split(".", 2)
        if len(parts) > 2 and parts[0] == "jobs":
            found.setdefault(parts[1], []).append(setting)
    return found


def _needs(jobs: Jobs, job: str) -> frozenset[str]:
    return frozenset(s.value for s in jobs.get(job, ()) if s.key == f"jobs.{job}.needs")


def _needed(needs: frozenset[str], jobs: Jobs) -> frozenset[str]:
    """Jobs with all that they need in turn."""
    found: set[str] = set()
    todo = [*needs]
    while todo:
        job = todo.pop()
        if job not in found:
            found.add(job)
            todo += _needs(jobs, job)
    return frozenset(found)


def _retried(old: Sequence[Setting], new: Sequence[Setting]) -> Told:
    """Actions that run a command again until it passes, where the command checks something."""
    known = {_bare(s.value) for s in old if USES.search(s.key)}
    for setting in new:
        if USES.search(setting.key) and RETRY.search(_bare(setting.value)) and _bare(setting.value) not in known:
            inputs = setting.key.removesuffix("uses") + "with."
            given = (s.value for s in new if s.key.startswith(inputs))
            if any(checker(c.words) for text in given for c in commands(text)):
                yield "retried-test", setting.line, f"{_bare(setting.value)} runs a check again until it passes"


def _is_far_longer(old: str, new: str) -> bool:
    return old.isdigit() and new.isdigit() and int(new[:9]) >= LONGER * int(old[:9])


@dataclass(frozen=True, slots=True)
class _Step:
    """A step of a job: what it does, in words that stay when other things about it change, and its own exceptions."""

    does: frozenset[str]
    checks: bool
    condition: str
    tolerant: str
    line: int


def _steps(change: Change) -> Told:
    """Conditions and tolerance of steps. A step that did not exist before and checks nothing may have them."""
    before, after = (list(_steps_of(text)) for text in (change.old_text, change.new_text))
    known = {word for step in before for word in step.does}
    conditions = {(word, step.condition) for step in before for word in step.does}
    tolerances = {(word, step.tolerant) for step in before for word in step.does}
    for step in after:
        is_old = bool(step.does & known)
        if step.condition and not any((word, step.condition) in conditions for word in step.does):
            if step.condition.lower() in NEVER and (is_old or step.checks):
                yield "ignored-failure", step.line, f"steps.if: {step.condition}: it never runs"
            elif is_old and step.condition not in ALWAYS:
                yield "weakened-command", step.line, f"steps.if: {step.condition}: it does not run always any more"
        tolerated = any((word, step.tolerant) in tolerances for word in step.does)
        if step.tolerant and (is_old or step.checks) and not tolerated:
            yield "ignored-failure", step.line, "steps.continue-on-error lets a failure pass"


def _steps_of(text: str) -> Iterator[_Step]:
    try:
        root = compose(text, "workflow")
    except UsageError:
        return
    read: dict[str, frozenset[str]] = {}
    for job in below(below(root).get("jobs")).values():
        steps = below(job).get("steps")
        for node in steps.value if isinstance(steps, yaml.SequenceNode) else ():
            step = {k: v for k, v in below(node).items() if isinstance(v, yaml.ScalarNode)}
            words = {k: str(v.value).strip() for k, v in step.items()}
            run = words.get("run", "")
            if run not in read:
                read[run] = frozenset(told[0] for c in commands(run) if (told := checker(c.words)))
            tools = read[run]
            does = {words.get("run", ""), _bare(words.get("uses", "")), words.get("name", ""), *tools} - {""}
            tolerant = words.get("continue-on-error", "")
            tolerant = "" if tolerant.lower() in {"false", "no", "off"} else tolerant
            where = step.get("if") or step.get("continue-on-error") or node
            condition = _bare_condition(words.get("if", ""))
            yield _Step(frozenset(does), bool(tools), condition, tolerant, where.start_mark.line + 1)


def _lost(old: Sequence[Setting], new: Sequence[Setting], floors: Floors) -> Told:
    """Jobs, triggers, legs of a matrix and steps that are gone."""
    for root, what in (("jobs", "the job"), ("on", "the trigger")):
        for name in sorted(_members(old, root) - _members(new, root)):
            if not (what == "the job" and _moved(name, old, new)):
                yield "weakened-command", 1, f"{what} {name} is gone"
    yield from _lost_legs(old, new, floors) if new else ()
    before, after = (Counter(_bare(s.value) for s in side if USES.search(s.key)) for side in (old, new))
    for value in sorted((before - after).keys()):
        heir = SETS_UP.search(value) and any(SETS_UP.search(other) for other in after - before)
        if not (after[value] and PREPARES.search(value)) and value != SPARE and not heir:
            yield "weakened-command", 1, f"the step {value} is gone"


def _lost_legs(old: Sequence[Setting], new: Sequence[Setting], floors: Floors) -> Told:
    before, after = ({s.value: s.key for s in reversed(side) if LEGS.search(s.key)} for side in (old, new))
    counts = [Counter(s.value for s in side if LEGS.search(s.key)) for side in (old, new)]
    came = counts[1] - counts[0]
    for value in sorted((counts[0] - counts[1]).keys()):
        if DOES_SO.search(before[value]) or is_below(value, floors):
            continue
        node = "node" in before[value]
        if any(_is_newer(value, other, node=node and "node" in after[other]) for other in came):
            continue
        heir = next((other for other in came if came[other] > 0 and _is_newer_image(value, other)), None)
        if heir is not None:
            came[heir] -= 1  # one image stands in for one
        else:
            yield "weakened-command", 1, f"the leg {value} is gone"


def _is_newer(old: str, new: str, *, node: bool) -> bool:
    """Whether a version is a later one of the same line: `3.2.1` after `3.2.0`, of Node.js `7.7` after `7.5`."""
    was, now = ([int(n[:9]) for n in told.split(".")] if VERSION.search(told) else [] for told in (old, new))
    same = 1 if node else 2
    return len(was) == len(now) > same and was[:same] == now[:same] and now > was


def _is_newer_image(old: str, new: str) -> bool:
    """Whether a runner image is a later one of the same system, as `ubuntu-24.04` after `ubuntu-22.04`."""
    was, now = IMAGE.match(old), IMAGE.match(new)
    if not (was and now) or was.group(1, 3) != now.group(1, 3) or was.group(2) == "latest":
        return False
    return now.group(2) == "latest" or float(now.group(2)) > float(was.group(2))


def _moved(job: str, old: Sequence[Setting], new: Sequence[Setting]) -> bool:
    """Whether all that a job does is done by jobs that were not there before, on no condition."""
    came = _members(new, "jobs") - _members(old, "jobs")
    told = [s for s in new if s.key.split(".")[1:2] and s.key.split(".")[1] in came]
    does = {line.strip() for s in told for line in s.value.split("\n")}
    was = [s for s in old if s.key.startswith(f"jobs.{job}.") and DOES.search(s.key)]
    loose = any(TOLERANT.search(s.key) or s.key.endswith(".if") for s in told)
    return (
        bool(was)
        and not loose
        and all(_bare(line.strip()) in {_bare(d) for d in does} for s in was for line in s.value.split("\n"))
    )


def _members(settings: Sequence[Setting], root: str) -> set[str]:
    """The names directly below a key, which may be a mapping, a list or one word."""
    below = {s.key.split(".")[1] for s in settings if s.key.startswith(f"{root}.")}
    return below | {s.value for s in settings if s.key == root and s.value}


def _bare(value: str) -> str:
    """An action without its version."""
    return value.partition("@")[0]
