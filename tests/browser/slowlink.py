"""A slow link between a browser and a Jupyter server: a proxy that lets so many bytes through a second."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType


class SlowLink:
    """A TCP proxy in a thread of its own; what the server sends shares one line.

    Args:
        port: of the server, on this machine.
        delay: seconds that everything takes each way.

    Attributes:
        port: of the proxy.
        rate: bytes a second towards the browser; None lets everything through.
        carried: bytes that went to the browser so far.
    """

    def __init__(self, port: int, *, delay: float = 0.02) -> None:
        self._target, self._delay = port, delay
        self.rate: float | None = None
        self.carried = 0
        self._free = 0.0  # when the line has carried everything before
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slow-link")

    def __enter__(self) -> SlowLink:
        self._thread.start()
        start = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, out = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._carry(reader, out, down=False), self._carry(there, writer, down=True))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, down: bool) -> None:
        try:
            while data := await reader.read(8192):
                now = self._loop.time()
                if down:
                    self.carried += len(data)
                if down and self.rate is not None:
                    self._free = max(now, self._free) + len(data) / self.rate
                    await asyncio.sleep(self._free - now)
                elif not down:
                    await asyncio.sleep(self._delay)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
