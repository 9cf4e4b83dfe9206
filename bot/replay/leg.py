"""One leg: act in its sandbox, followed as it runs, held at its failing step when that is wanted.

One thread per leg starts the sandbox, reads act's events, talks to the wrapper of each step and serves the workbench;
it lives until the sandbox has ended, because bubblewrap dies with the thread that started it.
"""

import json
import os
import queue
import select
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime

from bot.errors import Transient, Unavailable
from bot.model import Result
from bot.ports import Egress, Sandbox, Sandboxed, SandboxSpec
from bot.replay import actlog
from bot.replay.control import CHUNK, Client, Message, listen
from bot.replay.derive import OUTPUTS_STEP
from bot.replay.events import Events, Watcher
from bot.replay.joblog import JobLog
from bot.replay.layout import LegFolder
from bot.replay.record import STEP_TIME_LIMIT, TIME_LIMIT, Answer, Call, Held, Record
from bot.replay.refusals import is_owed

MARKER_WAIT_SECONDS = 2.0
JAVASCRIPT = "node"  # the program of the calls that are JavaScript actions
ENDED = "the held job has ended"
MAX_NOTES, MAX_NOTE = 20, 200  # how many, and characters of each: any step could send them


class Leg(threading.Thread):
    """Runs one leg.

    `settled` is resolved with the record when the job has ended, or is held at its failing step; `held` is set then.
    `serve` says of a repository's URL where it stands inside, or raises `Unavailable`; `reach` serves what the leg
    reaches outside: the proxy, or its container engine. `scripts` are those of the steps of a job in containers, where
    no program of ours tells them. `deadline_seconds` is the job's time limit, which does not count while it is held;
    `step_seconds` are those of steps that our wrapper cannot limit; `actions` is what steps use, by their ids.
    `hold_nested`: steps of composite actions may be held, too.
    """

    def __init__(
        self,
        job_id: str,
        spec: SandboxSpec,
        folder: LegFolder,
        sandbox: Sandbox,
        serve: Callable[[str], str],
        reach: Callable[[socket.socket], Egress] | None,
        log: JobLog,
        *,
        hold: bool,
        hold_nested: bool,
        deadline_seconds: float,
        step_seconds: Mapping[str, float],
        actions: Mapping[str, str],
        scripts: Mapping[str, str] | None = None,
        watcher: Watcher,
    ) -> None:
        super().__init__(name=f"leg-{job_id}")
        self.settled: Future[Record] = Future()
        self.underway = threading.Event()
        self.held: Held | None = None
        self.folder = folder
        self._spec, self._sandbox, self._log, self._hold, self._hold_nested = spec, sandbox, log, hold, hold_nested
        self._serve, self._reach = serve, reach
        self._step_seconds, self._deadline_seconds = step_seconds, deadline_seconds
        self._events = Events(
            job_id,
            folder,
            log,
            watcher,
            self._denied,
            actions=actions,
            scripts=scripts,
            step_seconds=step_seconds,
        )
        self._record = self._events.record
        self._requests: queue.SimpleQueue[tuple[tuple[object, ...], Future[Answer]]] = queue.SimpleQueue()
        self._wake_reader, self._wake_writer = os.pipe()
        self._selector = selectors.DefaultSelector()
        self._lines = actlog.Lines()
        self._process: Sandboxed
        self._began: float
        self._egress: Egress | None = None
        self._deadline = 0.0
        self._holding: Client | None = None
        self._answering: Future[Answer] | None = None
        self._closing = self._ended = False
        self._lock = threading.Lock()

    # --- from other threads ---

    def request(self, *message: object) -> Answer:
        """Let the held job serve one request and wait for the answer. Raises `Transient` when the job has ended."""
        answer: Future[Answer] = Future()
        with self._lock:
            if self._ended:
                raise Transient(ENDED)
            self._requests.put((message, answer))
            self._wake()
        return answer.result()

    def printed(self, step_id: str) -> Iterator[str]:
        """The lines that a step has printed."""
        return self._events.printed(self._record.steps[step_id])

    def exit_code(self, step_id: str) -> int | None:
        """The exit code of a step, None where it is not known."""
        return self._events.exit_code(self._record.steps[step_id])

    def close(self) -> None:
        """End the sandbox now and wait for the thread."""
        self._closing = True
        with self._lock:
            if not self._ended:
                self._wake()
        if self.is_alive():
            self.join()

    def forget(self) -> None:
        """Let go of what belongs to a leg that will never begin."""
        self._close()

    def _wake(self) -> None:
        os.write(self._wake_writer, b"!")

    # --- in the thread ---

    def run(self) -> None:
        """Run the leg; whatever goes wrong ends up in `settled`."""
        self._began = time.monotonic()
        try:
            try:
                self._follow()
            finally:
                if not self.settled.done():
                    self._record.seconds = time.monotonic() - self._began
                self._close()
        except BaseException as e:  # noqa: BLE001 - a thread's edge: the one who waits gets it
            if not self.settled.done():
                self.settled.set_exception(e)
        if not self.settled.done():
            self.settled.set_result(self._record)
        self.underway.set()

    def _follow(self) -> None:
        listener = listen(self.folder.control)
        if self._reach:
            try:
                self._egress = self._reach(listen(self.folder.network))
            except Unavailable as e:
                self._record.unreplayable = e.message
                listener.close()
                return
        process = self._sandbox.start(self._spec)
        self.underway.set()
        os.set_blocking(process.output, False)
        self._selector.register(process.output, selectors.EVENT_READ, "act")
        self._selector.register(process.exited, selectors.EVENT_READ, "exited")
        self._selector.register(listener, selectors.EVENT_READ, "listener")
        self._selector.register(self._wake_reader, selectors.EVENT_READ, "wake")
        self._process, self._deadline = process, self._began + self._deadline_seconds
        try:
            while self._read_once(process, listener):
                pass
            self._hear_out(listener)
        finally:
            if self._closing:
                process.kill("")
            self._record.code = process.wait()
            self._record.killed = process.killed
            os.close(process.output)
            listener.close()
        if self._record.code < 0 and not (self._closing or process.killed):
            raise Transient(f"the sandbox was killed from outside (signal {-self._record.code})")

    def _read_once(self, process: Sandboxed, listener: socket.socket) -> bool:
        """Wait for something and deal with it; whether to go on."""
        left = None if self._holding else min(self._deadline, self._events.step_deadline) - time.monotonic()
        if self._closing:
            return False
        if left is not None and left <= 0:
            process.kill(self._over_time())
            return False
        ready = self._selector.select(left)
        for key, _ in sorted(ready, key=lambda one: one[0].data != "exited"):
            if key.data == "exited":
                self._selector.unregister(process.exited)
                self._fail_answer()  # what its dying programs still say is no answer
                process.kill("")  # else what it left behind would hold its output open
            elif key.data == "act":
                if not self._read_act(process):
                    return False
            elif key.data == "listener":
                self._on_listener(listener)
            elif key.data == "wake":
                os.read(self._wake_reader, CHUNK)
                self._next_request()
            else:
                self._on_client(key.data)
        return True

    def _hear_out(self, listener: socket.socket) -> None:
        """Take what our programs had said before act ended: on a busy machine we learn of both at once."""
        deadline = time.monotonic() + MARKER_WAIT_SECONDS
        self._hold = False
        while time.monotonic() < deadline:
            ready = [k.data for k, _ in self._selector.select(0) if k.data == "listener" or isinstance(k.data, Client)]
            if not ready:
                return
            for one in ready:
                self._on_listener(listener) if one == "listener" else self._on_client(one)

    def _over_time(self) -> str:
        if self._events.step_deadline <= self._deadline:
            return f"{STEP_TIME_LIMIT} after {self._step_seconds[next(reversed(self._record.steps))] / 60:g} minutes"
        return f"{TIME_LIMIT} of {self._deadline_seconds / 60:g} minutes"

    def _read_act(self, process: Sandboxed) -> bool:
        try:
            data = os.read(process.output, CHUNK)
        except BlockingIOError:  # `_catch_up` has read what this round was told of
            return True
        for line in self._lines.feed(data or b"\n"):
            self._events.read(line)
        return bool(data)

    def _on_listener(self, listener: socket.socket) -> None:
        client = Client(listener.accept()[0])
        self._selector.register(client.socket, selectors.EVENT_READ, client)

    def _on_client(self, client: Client) -> None:
        messages = client.receive()
        if messages is None:
            self._drop(client)
            return
        try:
            for word, *fields in messages:
                self._on_message(client, word, fields)
        except (ValueError, IndexError, TypeError, AttributeError, RecursionError):  # nobody of ours talks like that
            self._drop(client)

    def _drop(self, client: Client) -> None:
        self._selector.unregister(client.socket)
        client.socket.close()
        if client is self._holding:
            self._holding = None
            self._fail_answer()

    def _on_message(self, client: Client, word: str, fields: Message) -> None:
        if word == "began":
            call = Call(len(self._events.calls) + 1, bool(int(fields[0])), fields[1])
            self._events.calls[call.number], client.call = call, call.number
            client.send("call", call.number)
        elif word == "unreplayable":
            self._events.cannot(fields[0])
        elif word == "source":
            self._on_source(client, fields[0])
        elif word == "absent" and len(self._record.absent) < MAX_NOTES:
            self._record.absent |= dict.fromkeys(fields[:MAX_NOTES])
        elif word == "note" and len(self._record.notes) < MAX_NOTES:
            self._record.notes[fields[0][:MAX_NOTE]] = None
        elif word == "outputs" and self._catch_up(lambda: OUTPUTS_STEP in self._record.steps):
            self._record.outputs = {str(k): str(v) for k, v in dict(json.loads(fields[0])).items()}
        elif word == "answered" and client is self._holding and self._answering:
            answered = Answer(int(fields[0]), float(fields[1]), bool(int(fields[2])))
            answering, self._answering = self._answering, None
            answering.set_result(answered)
            self._next_request()
        elif client.call:
            self._on_call(client, self._events.calls[client.call], word, fields)

    def _on_source(self, client: Client, url: str) -> None:
        try:
            client.send("source", self._serve(url))
        except Unavailable as e:
            client.send("source", "", e.message)

    def _on_call(self, client: Client, call: Call, word: str, fields: Message) -> None:
        if word == "command":
            call.script, call.command = fields[0], tuple(fields[1:])
        elif word == "ended":
            call.code, call.denied = int(fields[0]), self._denied()
            call.is_owed = bool(call.code and call.denied) and is_owed(
                call.denied, self._events.printed_by(call.number)
            )
        elif word == "held":
            if self._may_hold(call):
                self._begin_hold(client, fields)
            else:
                client.send("release")

    def _may_hold(self, call: Call) -> bool:
        """Whether to hold the job at a failure: it counts, is known to be one, and no step around it may judge it."""
        if not self._hold or call.continue_on_error or self._record.unreplayable or call.is_owed:
            return False
        if call.program != JAVASCRIPT:
            return call.program == "step" or self._hold_nested
        is_main = self._catch_up(
            lambda: call.number in self._events.paths
        )  # else it runs before or after the job's steps
        return is_main and (len(self._events.paths[call.number]) == 1 or self._hold_nested)

    def _catch_up(self, has_come: Callable[[], bool]) -> bool:
        """Read act's lines until something has come, if it does: our own programs' lines are quicker than act's."""
        poll = select.poll()
        poll.register(self._process.output, select.POLLIN)
        deadline = time.monotonic() + MARKER_WAIT_SECONDS
        while not has_come():
            if not poll.poll(max(0, deadline - time.monotonic()) * 1000) or not self._read_act(self._process):
                return has_come()
        return True

    def _begin_hold(self, client: Client, fields: Message) -> None:
        call = client.call
        self._catch_up(lambda: any(call in step.calls for step in self._record.steps.values()))
        step = next((s for s in reversed(self._record.steps.values()) if s.result is None), None)
        if step:
            step.result = Result.FAILURE
            step.seconds = (datetime.now(UTC) - step.began).total_seconds()
            self._events.finish(step)
        self._holding = client
        end = 3 + int(fields[2])
        env = dict(pair.split("=", 1) for pair in fields[end:])
        began = step.began if step else datetime.now(UTC)
        self.held = Held(
            fields[0],
            env,
            tuple(fields[3:end]),
            step.id if step else "",
            began,
            float(fields[1]),
            frozenset(self._record.absent),
        )
        self._record.job, self._record.seconds = Result.FAILURE, time.monotonic() - self._began
        self.settled.set_result(self._record)

    def _next_request(self) -> None:
        if self._answering or self._requests.empty():
            return
        message, answer = self._requests.get()
        if not self._holding:
            answer.set_exception(Transient(ENDED))
            self._next_request()
        else:
            self._answering = answer
            self._holding.send(*message)

    def _fail_answer(self) -> None:
        if self._answering:
            self._answering.set_exception(Transient(ENDED))
            self._answering = None
        while not self._requests.empty():
            self._requests.get()[1].set_exception(Transient(ENDED))

    def _denied(self) -> tuple[str, ...]:
        return self._egress.denied() if self._egress else ()

    def _close(self) -> None:
        with self._lock:
            self._ended = True
        self._fail_answer()
        if self._egress:
            self._egress.close()
        for step in self._record.steps.values():
            if step.result is None:
                self._events.finish(step)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, Client):
                key.data.socket.close()
        self._selector.close()
        self._log.close()
        os.close(self._wake_reader)
        os.close(self._wake_writer)
