"""Session descriptions that a real peer wrote: an offer, and an answer to Kurento's own offer."""

from tests.support.kurento_frames import exchanges

OFFER: str = next(
    each.params["operationParams"]["offer"]
    for each in exchanges()
    if each.name == "invoke processOffer" and "error" not in each.response
)
ANSWER: str = next(
    each.params["operationParams"]["answer"] for each in exchanges() if each.name == "invoke processAnswer"
)
