"""Which files and functions a failure is about, the likeliest first: those that have to be read to put it right."""

import posixpath
from collections.abc import Iterator, Sequence

from bot.model import Category
from bot.repair.context.configs import BY_WORKFLOW, about_config, configs, workflow_of
from bot.repair.context.failing import failing
from bot.repair.context.imports import SOURCE
from bot.repair.context.related import related
from bot.repair.context.scene import Scene, Wanted, is_test, joined
from bot.repair.context.symbols import defined

LOCATED, MENTIONED, TESTS, DEFINED, CHANGED = 8, 4, 4, 4, 3
"""How many files each way may add."""
FOLLOWED = 3  # files of tests, and of other code, whose imports are followed


def choice(scene: Scene) -> list[Wanted]:
    """What to show, piece by piece: a file may come several times, each time with other lines and names in it."""
    located = scene.located()[:LOCATED]
    mentioned = scene.mentioned()
    named = [w.path for w in joined((*located, *mentioned))]
    tests = [
        Wanted(path, names=frozenset(t.names), named=True)
        for t in failing(scene.tree, scene.diagnosis.failing_tests, named, scene.near())
        for path in t.paths
    ][:TESTS]
    first = joined((*located, *tests))
    found = [*first, *_defined(scene, first), *_built_on(scene, first)]
    settings = list(_settings(scene, [w.path for w in first]))
    fresh = [w for w in mentioned if w.path not in {x.path for x in first}][:MENTIONED]
    found = [*settings, *found, *fresh] if about_config(scene.diagnosis) else [*found, *fresh, *settings]
    found += _changed(scene, {w.path for w in found})
    scene.tree.read(w.path for w in found)
    return [w for w in found if scene.tree.text(w.path) and (w.named or not scene.hidden(w.path))]


def _built_on(scene: Scene, first: Sequence[Wanted]) -> list[Wanted]:
    """What the failing tests exercise; where none failed, what the code at the places of the log builds on."""
    if scene.diagnosis.category is Category.LINT_ERROR:
        return []
    tests = [w for w in first if is_test(w.path)][:FOLLOWED]
    code = [w for w in first if not is_test(w.path)][:FOLLOWED]
    return related(scene, [*tests, *code])


def _defined(scene: Scene, first: Sequence[Wanted]) -> list[Wanted]:
    """Where names are defined around which the error turns, if the files that it names do not define them."""
    endings = {posixpath.splitext(w.path)[1] for w in first if SOURCE.search(w.path)}
    known = {b.name for w in first for b in scene.blocks(w.path)}
    return defined(scene, known, endings)[:DEFINED]


def _settings(scene: Scene, paths: Sequence[str]) -> Iterator[Wanted]:
    """The workflow and the configuration that the failure may be about."""
    workflow, lines = workflow_of(scene.tree, scene.diagnosis, scene.workflow)
    files = [Wanted(p) for p in configs(scene.tree, scene.diagnosis, [posixpath.dirname(p) for p in paths])]
    mine = [Wanted(workflow, lines, named=True)] if workflow else []
    steers = scene.diagnosis.category in BY_WORKFLOW
    if about_config(scene.diagnosis) or steers or not paths:
        yield from [*mine, *files] if steers else [*files, *mine]


def _changed(scene: Scene, shown: set[str]) -> list[Wanted]:
    """The code that has changed since it was green, where none of it is shown yet."""
    code = [p for p in scene.changed if SOURCE.search(p) and p in scene.tree]
    return [] if shown & set(code) else [Wanted(p) for p in code[:CHANGED]]
