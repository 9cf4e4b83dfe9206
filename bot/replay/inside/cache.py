"""Stand-in for actions/cache and its halves: every restore is a miss, every save does nothing."""

from bot.replay.inside.adapter import fail, inputs, set_output, truth, unreplayable


def main() -> None:
    """Miss."""
    given = inputs()
    for name in ("key", "path"):
        if not given.get(name, "").strip():
            fail(f"Input required and not supplied: {name}")
    if truth(given.get("fail-on-cache-miss", "false")):
        unreplayable(f"a step must find the cache '{given['key']}', and replays have none")
    set_output("cache-hit", "")
    set_output("cache-primary-key", given.get("key", ""))
    print(f"Cache not found for input keys: {given.get('key', '')}")
