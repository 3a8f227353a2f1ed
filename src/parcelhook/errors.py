"""Every error that Parcelhook raises for a person to read, in one tree.

    ParcelhookError                what went wrong, in words, with a stable code
    ├── SettingsError              the start is refused: a setting is wrong
    ├── InvalidInput               something given is wrong: which field, which value, what to do
    ├── NotFound                   no such thing in this account
    ├── Conflict                   the thing is not in a state that allows this
    ├── NotAuthenticated           no API key, or one that is not known
    ├── NotAllowed                 known, but what was asked is not theirs to do
    ├── TooManyTries               too many wrong passwords; wait
    ├── PayloadTooLarge            more bytes or more events than one request may hold
    ├── UnsupportedMedia           a body in a form that is not read here
    ├── HubRefused                 a carrier hub's request whose signature does not fit
    ├── HubNotUnderstood           one whose body is none of that hub's
    ├── Busy                       not accepted now; the same request works later
    └── VerificationFailed         the first connection to an endpoint did not pass

Expected outcomes of a delivery (refused, timed out, 500, not JSON) are values, not errors: see `webhooks.verdict`.
The edges (`api`, `dashboard`, `cli`) turn an error into HTTP, a page or terminal text; nothing below them does.
"""

from __future__ import annotations

from typing import Any


class ParcelhookError(Exception):
    """The root. `code` is stable and documented in docs/errors.md; `status` is what the API answers with."""

    code = "error"
    status = 500
    title = "Something went wrong"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def details(self) -> dict[str, Any]:
        """What the problem document carries beside the message: JSON values, never secrets."""
        return {}


class SettingsError(ParcelhookError):
    """A setting that stops the start; the message is one sentence naming it."""

    code = "bad_setting"
    title = "A setting is wrong"


class InvalidInput(ParcelhookError):
    """Bad input. `field` is a path (`custom_headers[0].key`), `value` what was given, `remedy` what to give instead."""

    code = "invalid_input"
    status = 422
    title = "The input is not valid"

    def __init__(
        self, message: str, *, field: str = "", value: object = None, remedy: str = "", item: int | None = None
    ) -> None:
        super().__init__(message)
        self.field = field
        self.value = value
        self.remedy = remedy
        self.item = item

    def details(self) -> dict[str, Any]:
        """`field`, `value`, `remedy`, and `item` (0-based) when it was one of a batch."""
        found: dict[str, Any] = {"field": self.field, "value": self.value, "remedy": self.remedy}
        if self.item is not None:
            found["item"] = self.item
        return found


class MalformedBody(InvalidInput):
    """A request body that is not the JSON it claims to be."""

    code = "malformed_body"
    status = 400
    title = "The body could not be read"


class IdempotencyMismatch(InvalidInput):
    """An Idempotency-Key that was used before with another body."""

    code = "idempotency_mismatch"
    title = "This Idempotency-Key belongs to another request"


class NotFound(ParcelhookError):
    """No such thing, or it is another account's: the two look the same from outside."""

    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(ParcelhookError):
    """The thing exists but its state forbids what was asked."""

    code = "conflict"
    status = 409
    title = "Not possible in its present state"


class NotAuthenticated(ParcelhookError):
    """No API key was given, or it is not known here."""

    code = "not_authenticated"
    status = 401
    title = "An API key is needed"


class NotAllowed(ParcelhookError):
    """The API key's scope, or the user's role, does not reach that far."""

    code = "not_allowed"
    status = 403
    title = "Not allowed"


class TooManyTries(ParcelhookError):
    """Too many wrong passwords; the next one is looked at after `retry_after_s`."""

    code = "too_many_tries"
    status = 429
    title = "Too many tries"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PayloadTooLarge(ParcelhookError):
    """More than one request may hold."""

    code = "payload_too_large"
    status = 413
    title = "Too much at once"


class UnsupportedMedia(ParcelhookError):
    """A Content-Type that this route does not read."""

    code = "unsupported_media_type"
    status = 415
    title = "This Content-Type is not read here"


class HubRefused(ParcelhookError):
    """A request at a hub's address that was not signed by whoever holds the secret."""

    code = "hub_refused"
    status = 401
    title = "The signature does not fit"


class HubNotUnderstood(ParcelhookError):
    """A request at a hub's address whose body is none of that hub's."""

    code = "hub_not_understood"
    status = 400
    title = "This is no webhook of that hub"


class Busy(ParcelhookError):
    """Not accepted, nothing stored; the same request works after `retry_after_s`."""

    code = "busy"
    status = 503
    title = "Too busy right now"

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotStorable(Busy):
    """The store is there and refuses what it is given; the same again would be refused again."""


class VerificationFailed(ParcelhookError):
    """The sample ORDER_SHIPPED of the first connection did not pass; `exchange` is what went over the wire, as JSON."""

    code = "verification_failed"
    status = 422
    title = "The endpoint was not saved"

    def __init__(self, message: str, *, exchange: dict[str, Any]) -> None:
        super().__init__(message)
        self.exchange = exchange

    def details(self) -> dict[str, Any]:
        """The whole exchange under `exchange`."""
        return {"exchange": self.exchange}
