"""How long GitHub is asked again where no answer comes, by its API and by git alike."""

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from bot.errors import Transient
from bot.ports import Clock

MOST_TRIES = 5
PAUSE = wait_exponential_jitter(initial=1, max=4, jitter=1)  # 11 to 15 s in all


def while_transient(clock: Clock) -> Retrying:
    """Does work again as long as it raises `Transient`, and raises that itself in the end."""
    return Retrying(
        retry=retry_if_exception_type(Transient),
        wait=PAUSE,
        stop=stop_after_attempt(MOST_TRIES),
        sleep=clock.sleep,
        reraise=True,
    )
