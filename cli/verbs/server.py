"""API as the operators' verbs reach it: one request, its JSON, or one sentence about what went wrong."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.waiting import waiting

if TYPE_CHECKING:
    from callplane_client import CallplaneError

ANSWER_SECONDS = 20.0
REFUSED, UNAVAILABLE = 1, 3


class Failed(Exception):
    """Nothing was done, for this reason; ``status`` is the exit status that says so."""

    def __init__(self, why: str, status: int = REFUSED) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class Server:
    """Where the API is, and the key to it; the address may bring a token in its fragment, as the link of `up` does."""

    url: str
    key: str | None

    @property
    def place(self) -> str:
        """The address without what it brings."""
        return self.url.partition("#")[0].rstrip("/")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer, None where it has none; ``path`` is below the API's version. Raises Failed.

        It is asked once: who sits before a terminal wants to know at once that nobody answers.
        """
        # Not before it is needed: --help should not wait for the client to be imported.
        from callplane_client import Callplane, CallplaneError, Retries, Way

        once = Way(Retries(patience=0, attempt=ANSWER_SECONDS))
        try:
            with waiting(f"asking {self.place}"), Callplane(self.url, api_key=self.key, way=once) as callplane:
                return callplane.request(method, path, body)
        except CallplaneError as trouble:
            raise self._failed(trouble) from None

    def _failed(self, trouble: "CallplaneError") -> Failed:
        """The problem of RFC 9457 in one sentence, or why there is none."""
        from callplane_client import Refused

        if isinstance(trouble, Refused):
            again = trouble.retryable or trouble.code.startswith("http-5")
            why = trouble.title if trouble.detail == trouble.title else f"{trouble.title}: {trouble.detail}"
            return Failed(why, UNAVAILABLE if again else REFUSED)
        why = str(trouble)
        return Failed(why if why.startswith("no answer") else f"no answer from {self.place}: {why}", UNAVAILABLE)
