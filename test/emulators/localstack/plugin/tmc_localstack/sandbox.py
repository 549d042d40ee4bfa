"""A function in a process of its own: started, given events, ended. Knows nothing of LocalStack."""

import json
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone

from tmc_localstack.output import Output

INIT_SECONDS = 20.0
OUTPUT_SECONDS = 1.0


@dataclass(frozen=True)
class Invocation:
    """One event; `event` is its JSON text."""

    id: str
    arn: str
    trace: str
    event: str


@dataclass(frozen=True)
class Answer:
    """What came of an event; `payload` is JSON text, of an error object if `is_error`."""

    payload: str
    is_error: bool
    logs: str
    milliseconds: float


class InitFailed(Exception):
    """The handler could not be loaded; `error` is the object that Lambda answers then."""

    def __init__(self, error: dict):
        super().__init__(f"{error['errorType']}: {error['errorMessage']}")
        self.error = error


class _Ended(Exception):
    """The process ended, or was ended, before it said what was waited for."""


class Sandbox:
    """
    The process gets events and gives answers as lines of JSON through a socket whose other end only this object holds, so it sees the end
    of LocalStack, however that comes, as the end of that socket. A process that timed out or ended is replaced at the next event.
    """

    def __init__(self, command: list[str], code: str, environment: dict[str, str], timeout: float):
        self._command = command
        self._code = code
        self._environment = environment
        self._timeout = timeout
        self._lock = threading.Lock()
        self._in_use = threading.RLock()
        self._stopped = False
        self._process: subprocess.Popen | None = None
        self._channel: socket.socket | None = None
        self._output: Output | None = None
        self._received = b""

    def start(self) -> None:
        """Starts the process and waits until the handler is loaded. Raises InitFailed."""
        with self._in_use:
            self._start()

    def _start(self) -> None:
        self._spawn()
        try:
            said = self._receive(time.monotonic() + INIT_SECONDS)
        except TimeoutError:
            self._end()
            raise InitFailed(_error("Sandbox.Timedout", f"Init timed out after {INIT_SECONDS:.2f} seconds")) from None
        except _Ended:
            raise InitFailed(_error("Runtime.ExitError", f"Runtime exited during init: {self._exit_reason()}")) from None
        if "initError" in said:
            self._end()
            raise InitFailed(said["initError"])

    def invoke(self, invocation: Invocation) -> Answer:
        """Sends one event and waits for what comes of it, at most the timeout of the function."""
        with self._in_use:
            return self._invoke(invocation)

    def _invoke(self, invocation: Invocation) -> Answer:
        started = time.monotonic()
        try:
            if self._process is None or self._process.poll() is not None:
                self._start()
            payload, is_error = self._exchange(invocation)
        except InitFailed as failed:
            payload, is_error = json.dumps(failed.error), True
        milliseconds = (time.monotonic() - started) * 1000
        return Answer(payload, is_error, self._take_output(), milliseconds)

    def stop(self) -> None:
        """Ends the process for good; safe from any thread, also twice."""
        with self._lock:
            self._stopped = True
        self._end()
        # Who waits for the process sees its end now.
        with self._in_use:
            if self._channel is not None:
                self._channel.close()

    def logs(self) -> str:
        """What the process wrote since the last event was answered."""
        return "" if self._output is None else self._output.peek()

    def _exchange(self, invocation: Invocation) -> tuple[str, bool]:
        event = {**vars(invocation), "deadline": int((time.time() + self._timeout) * 1000)}
        limit = time.monotonic() + self._timeout
        try:
            self._channel.settimeout(self._timeout)
            self._channel.sendall(json.dumps(event).encode() + b"\n")
            said = self._receive(limit)
        except TimeoutError:
            self._end()
            now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            text = f"{now} {invocation.id} Task timed out after {self._timeout:.2f} seconds"
            return json.dumps(_error("Sandbox.Timedout", text)), True
        except (_Ended, OSError):
            self._end()
            text = f"RequestId: {invocation.id} Error: Runtime exited {self._exit_reason()}"
            return json.dumps(_error("Runtime.ExitError", text)), True
        if "result" in said:
            return said["result"], False
        # An initError here is of something nobody waited for, which failed between two events.
        return json.dumps(said.get("error") or said["initError"]), True

    def _spawn(self) -> None:
        here, there = socket.socketpair()
        reading, writing = os.pipe()
        mark = secrets.token_hex(16)
        with self._lock:
            if self._stopped:
                for end in (here, there):
                    end.close()
                os.close(reading)
                os.close(writing)
                raise InitFailed(_error("Runtime.ExitError", "stopped before it was started"))
            self._process = subprocess.Popen(
                [*self._command, str(there.fileno()), mark],
                cwd=self._code,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                pass_fds=[there.fileno()],
                start_new_session=True,
            )
        there.close()
        os.close(writing)
        if self._channel is not None:
            self._channel.close()
        self._channel = here
        self._received = b""
        self._output = Output(reading, mark.encode())

    def _receive(self, limit: float) -> dict:
        """The next line; TimeoutError at the limit, _Ended at the end of the process."""
        while b"\n" not in self._received:
            left = limit - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._channel.settimeout(left)
            try:
                chunk = self._channel.recv(1 << 20)
            except ConnectionError:
                chunk = b""
            if chunk == b"":
                raise _Ended
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    def _take_output(self) -> str:
        return "" if self._output is None else self._output.take(OUTPUT_SECONDS)

    def _end(self) -> None:
        """Kills the process with all it started."""
        process = self._process
        if process is None:
            return
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    def _exit_reason(self) -> str:
        code = self._process.wait()
        return f"with exit status {code}" if code >= 0 else f"by signal {signal.Signals(-code).name}"


def _error(kind: str, message: str) -> dict:
    return {"errorType": kind, "errorMessage": message}
