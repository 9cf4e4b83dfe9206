"""Stand-in for actions/cache and its halves: every restore is a miss, every save does nothing."""

from bot.replay.inside.adapter import fail, inputs, set_output, truth


def main() -> None:
    """Miss."""
    given = inputs()
    if truth(given.get("fail-on-cache-miss", "false")):
        fail(f"Failed to restore cache entry. Exiting as fail-on-cache-miss is set. Input key: {given.get('key', '')}")
    set_output("cache-hit", "")
    set_output("cache-primary-key", given.get("key", ""))
    print(f"Cache not found for input keys: {given.get('key', '')}")
