"""Program of ours as a child: it may be killed and started again, as it was and at the same address."""

from cli.machine.process import Command, Process


class Program:
    """One at a time; its command names a port, for one that it chose itself would be another each time."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._process: Process | None = None
        self.url = ""
        """Where it serves, as it says."""

    @property
    def processes(self) -> list[Process]:
        """The one that was started last, if any was."""
        return [] if self._process is None else [self._process]

    async def start(self) -> None:
        """Start it and wait until it serves. Raises CannotStart."""
        self._process = Process(self._command)
        self.url = str((await self._process.ready_line()).get("url", ""))

    async def stop(self) -> None:
        """End it in peace."""
        if self._process is not None:
            await self._process.terminate()

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            await self._process.kill()
