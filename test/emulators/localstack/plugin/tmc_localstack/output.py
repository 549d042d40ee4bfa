"""What a process writes to its standard output and error, by invocation."""

import os
import threading


class Output:
    """Reads in a thread of its own until nobody can write any more; the process says by a mark where an invocation ends."""

    def __init__(self, descriptor: int, mark: bytes):
        self._descriptor = descriptor
        self._mark = mark
        self._text = b""
        self._ended = False
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def take(self, seconds: float) -> str:
        """What was written up to the next mark, which may take this long to come through; all there is when it does not."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._mark in self._text, seconds)
            text, _, self._text = self._text.partition(self._mark)
        return text.decode(errors="replace")

    def peek(self) -> str:
        """What was written since the last mark taken."""
        with self._changed:
            return self._text.replace(self._mark, b"").decode(errors="replace")

    def _read(self) -> None:
        while chunk := os.read(self._descriptor, 65536):
            with self._changed:
                self._text += chunk
                self._changed.notify_all()
        os.close(self._descriptor)
        with self._changed:
            self._ended = True
            self._changed.notify_all()
