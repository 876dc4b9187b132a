"""Pictures for comments (hub-api.md, discussions and pull requests)."""

from django.http import HttpRequest, HttpResponse

from common.errors import Invalid
from hub.api import content
from hub.api.bodies import body_of, read_all
from hub.api.protocol import absolute, door, principal_of
from hub.selectors.attachments import attachment_for
from hub.services import attachments


@door("POST")
def upload(request: HttpRequest) -> HttpResponse:
    """The raw bytes; the answer is the address, as plain text."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in attachments.TYPES:
        raise Invalid(
            f"{kind or 'A body without a type'} cannot be shown in comments.", hint="Send PNG, JPEG, WebP or GIF."
        )
    made = attachments.upload(read_all(body_of(request), attachments.MAX_BYTES), by=principal_of(request))
    address = absolute(request, made.get_absolute_url())
    return HttpResponse(address, content_type="text/plain; charset=utf-8", status=201)


@door("GET")
def picture(request: HttpRequest, key: str) -> HttpResponse:
    found = attachment_for(principal_of(request), key)
    whole = content.of_object(found.object, name=f"{key}.{attachments.TYPES[found.media_type]}")
    headers = {"Content-Type": found.media_type, "Cross-Origin-Resource-Policy": "same-origin"}
    return content.answer(request, whole, headers)
