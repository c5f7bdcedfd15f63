"""Refusals in the vendor's shape.

Every refusal of a vendor route is one exception with the HTTP status and the error object's fields.
A request that the sandbox has not learned is never a bare 400: it is a 501 that names what was not
understood and the rule under which to look.
"""

from __future__ import annotations


class VendorError(Exception):
    """A refusal as the vendor would put it."""

    def __init__(self, status: int, error: str, description: str, field: str | None = None) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.error = error
        self.description = description
        self.field = field

    def body(self) -> dict[str, object]:
        """Give the vendor's error object; absent fields are left out, never null."""
        body: dict[str, object] = {"error": self.error, "error_description": self.description}
        if self.field is not None:
            body["error_properties"] = {self.field: [self.description]}
        return body


def invalid_request(description: str) -> VendorError:
    """Build the refusal of a request that cannot be read at all."""
    return VendorError(400, "invalid_request", description)


def invalid_parameters(field: str, why: str) -> VendorError:
    """Build the refusal of a value, naming its field."""
    return VendorError(400, "invalid_parameters", f"{field} {why}", field)


def invalid_state(why: str) -> VendorError:
    """Build the refusal of a move that the present status does not allow."""
    return VendorError(409, "invalid_state", why)


def not_found(what: str) -> VendorError:
    """Build the refusal of an id that nobody knows."""
    return VendorError(404, "not_found", f"{what} was not found")


def unsupported(what: str, rule: str) -> VendorError:
    """Build the 501 for a request that this sandbox has not learned."""
    text = f"the sandbox does not know {what}; see rule {rule} at /_sandbox/assumptions"
    return VendorError(501, "not_implemented", text)


class ConnectionCut(ConnectionError):
    """The connection ends here, without an answer. In process, callers see this exception."""
