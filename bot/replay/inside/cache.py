"""Stand-in for actions/cache and its halves, and for rust-cache: every restore is a miss, every save does nothing."""

from bot.replay.inside.adapter import fail, inputs, set_env, set_output, truth, unreplayable


def main(original: str = "") -> None:
    """Miss; `rust` is Swatinem/rust-cache, which has no paths and no key."""
    given = inputs()
    if original == "rust":
        set_env("CACHE_ON_FAILURE", str(truth(given["cache-on-failure"])).lower())
        set_env("CARGO_INCREMENTAL", "0")
        set_output("cache-hit", "false")
        return
    for name in ("key", "path"):
        if not given.get(name, "").strip():
            fail(f"Input required and not supplied: {name}")
    if truth(given.get("fail-on-cache-miss", "false")):
        unreplayable(f"a step must find the cache '{given['key']}', and replays have none")
    set_output("cache-hit", "")
    set_output("cache-primary-key", given.get("key", ""))
    print(f"Cache not found for input keys: {given.get('key', '')}")
