"""What programs share that die by SIGKILL at a moment of their work."""

import os
import signal


class Death:
    """Comes when it is reached so many times."""

    def __init__(self, number: int) -> None:
        self.left = number

    def reached(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
