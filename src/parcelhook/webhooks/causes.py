"""Why a webhook fails and what to change: the faults without a status, and the known causes behind an answer.

Words for the merchant at their desk. With `statuses` this is the one table that API, log, command line and documents
show; `catalogue` looks things up in it.
"""

from __future__ import annotations

from msgspec import Struct

from parcelhook.webhooks.faults import Fault


class Cause(Struct, frozen=True, kw_only=True):
    """One way to fail. `code` is stable; `status` and `name` are there for an HTTP status, as the help page has them."""

    code: str
    title: str
    meaning: str
    cause: str
    remedy: str
    status: int = 0
    name: str = ""


def _fault(fault: Fault, title: str, meaning: str, cause: str, remedy: str) -> Cause:
    return Cause(code=fault.value, title=title, meaning=meaning, cause=cause, remedy=remedy)


def _known(code: str, title: str, meaning: str, cause: str, remedy: str) -> Cause:
    return Cause(code=code, title=title, meaning=meaning, cause=cause, remedy=remedy)


FAULTS: tuple[Cause, ...] = (
    _fault(
        Fault.ADDRESS_REFUSED,
        "This address may not be reached",
        "The host of the URL leads to an address that is not on the public internet, so nothing was sent.",
        "The URL names localhost, a private address, or a name that resolves to one.",
        "Use a public address. If this Parcelhook is yours and the receiver stands in your own network, add that network "
        "to PARCELHOOK_EGRESS_ALLOW.",
    ),
    _fault(
        Fault.DNS,
        "The host name was not found",
        "No address could be found for the host in the URL.",
        "The name is misspelled, its DNS record is missing, or the domain has expired.",
        "Check the spelling of the URL, and that the host name resolves from outside your network.",
    ),
    _fault(
        Fault.REFUSED,
        "The connection was refused",
        "A machine is there, but nothing accepts connections on that port.",
        "Your server is not running, listens on another port, or a firewall refuses us.",
        "Start the server, check the port in the URL, and let our address through your firewall.",
    ),
    _fault(
        Fault.UNREACHABLE,
        "The network has no way there",
        "No route leads to the address of your server.",
        "The address belongs to a network that is down or not connected, or only to IPv6 where we have IPv4.",
        "Check that the server is reachable from outside your network, over IPv4 as well.",
    ),
    _fault(
        Fault.RESET,
        "The connection was cut",
        "Your server closed the connection before its answer was whole.",
        "The application crashed or was restarted, a time limit in front of it is too short, or a firewall cut in.",
        "Look into your server's log at the time of the attempt; check the limits of the proxy in front of it.",
    ),
    _fault(
        Fault.TLS_EXPIRED,
        "The certificate has expired",
        "The date on your server's certificate has passed, or has not come yet, so the connection is not trusted.",
        "The certificate was not renewed, or the renewed one was not loaded.",
        "Renew the certificate and restart or reload the web server.",
    ),
    _fault(
        Fault.TLS_SELF_SIGNED,
        "The certificate is self-signed",
        "Your server's certificate was signed by itself and by nobody that is trusted publicly.",
        "A test certificate is in use, or a device in front of the server shows its own.",
        "Install a certificate from a public authority; Let's Encrypt gives them for free.",
    ),
    _fault(
        Fault.TLS_WRONG_HOST,
        "The certificate is for another host",
        "Your server's certificate does not name the host in the URL.",
        "The URL uses an address or a name that the certificate does not cover, or the default site of the server answers.",
        "Use a host name that the certificate covers, or get a certificate that covers this one.",
    ),
    _fault(
        Fault.TLS_OTHER,
        "No secure connection could be made",
        "The TLS handshake with your server failed.",
        "The chain of certificates is incomplete, the authority is not a public one, or only old TLS versions are offered.",
        "Send the full chain (with the intermediate certificate) and offer TLS 1.2 or 1.3.",
    ),
    _fault(
        Fault.TIMEOUT_DNS,
        "Time ran out while looking up the host",
        "The name servers of your domain did not answer in time.",
        "The domain's name servers are slow or down.",
        "Check the domain's name servers with your DNS provider.",
    ),
    _fault(
        Fault.TIMEOUT_CONNECT,
        "Time ran out while connecting",
        "Your server did not take the connection within 5 seconds (or within the endpoint's time limit, if that is shorter).",
        "A firewall drops our packets without a word, the server is down, or the address is wrong.",
        "Let our address through the firewall, and check that the server is up and the URL is right.",
    ),
    _fault(
        Fault.TIMEOUT_TLS,
        "Time ran out during the TLS handshake",
        "Your server took the connection but did not finish making it secure.",
        "The server is overloaded, or the port does not speak TLS.",
        "Check that the URL's scheme fits the port, and that the server has capacity.",
    ),
    _fault(
        Fault.TIMEOUT_FIRST_BYTE,
        "Time ran out while waiting for the answer",
        "Your server took the request but did not begin to answer in time.",
        "The work is done before answering: labels are printed, other systems are called, a database is locked.",
        "Store the webhook, answer at once, and do the work afterwards; or raise the endpoint's time limit (up to 30 s).",
    ),
    _fault(
        Fault.TIMEOUT_BODY,
        "Time ran out in the middle of the answer",
        "Your server began to answer but did not finish in time.",
        "The answer is sent in drips, or its Content-Length promises more than is sent.",
        'Answer with a short JSON body such as {"ok": true} and its true length.',
    ),
    _fault(
        Fault.HEADERS_TOO_LARGE,
        "The answer's headers are too large",
        "Your server sent more headers than can be read.",
        "Something adds cookies or debugging headers without end.",
        "Answer webhooks without cookies and debugging headers.",
    ),
    _fault(
        Fault.NOT_HTTP,
        "The answer is not HTTP",
        "What listens at this address answered, but not in HTTP.",
        "The port belongs to another service, or http:// is used on a port that speaks TLS.",
        "Check the port and the scheme in the URL.",
    ),
    _fault(
        Fault.PROXY,
        "Our outgoing proxy failed",
        "The proxy that webhooks leave through did not pass the request on. Your server was not reached, and no retry is "
        "used up.",
        "The proxy is down, refuses us, or cannot reach your server.",
        "Nothing to change on your side. For the operator: check PARCELHOOK_EGRESS_PROXY.",
    ),
    _fault(
        Fault.OTHER,
        "The exchange failed",
        "Something went wrong that has no name of its own; the detail says what was noticed.",
        "Rare: see the detail beside this attempt.",
        "Read the detail, look into your server's log at that time, and try again.",
    ),
)

CSRF = "csrf_mismatch"
LARAVEL_419 = "laravel_419"
LOGIN_PAGE = "login_page"
WAF_BLOCK = "waf_block"
HTML_ANSWER = "html_answer"
WRONG_CONTENT_TYPE = "wrong_content_type"
EMPTY_BODY = "empty_body"
NOT_JSON_BODY = "not_json_body"
UNREADABLE_ENCODING = "unreadable_encoding"
ANSWER_TOO_LARGE = "answer_too_large"
REDIRECT = "redirect"

KNOWN_CAUSES: tuple[Cause, ...] = (
    _known(
        CSRF,
        "CSRF token mismatch",
        'Your server answered something like {"success": false, "reason": "CSRF token mismatch"}.',
        "Usually a firewall has blocked the webhook, or the application takes it for a form that was sent by a browser "
        "and misses the form's token.",
        "Remove the block on our address in the firewall, and exempt the webhook's route from CSRF protection (Laravel: "
        "`validateCsrfTokens(except: [...])`, Django: `@csrf_exempt`, Rails: `skip_forgery_protection`). Then try again.",
    ),
    _known(
        LARAVEL_419,
        "Laravel's CSRF protection (419)",
        "Status 419 is Laravel's own: the request had no CSRF token.",
        "The webhook's route stands in routes/web.php, where every POST needs a token.",
        "Move the route to routes/api.php, or exempt it with `validateCsrfTokens(except: [...])` (before Laravel 11: `$except` in "
        "VerifyCsrfToken).",
    ),
    _known(
        LOGIN_PAGE,
        "A login page answered",
        "The answer is a page for people to log in, not your webhook's code.",
        "The URL lies behind a login: an admin area, a shop that is closed to visitors, single sign-on.",
        "Choose a URL that needs no session, and protect it by Username and Password, a Custom Header or the signature.",
    ),
    _known(
        WAF_BLOCK,
        "A web firewall blocked the request",
        "The answer is the block page of a firewall or a content network, not of your application.",
        "Its rules take a POST without a browser for an attack, or our address is not on its list.",
        "Allow our address, or the webhook's path, in the firewall (Cloudflare, Sucuri, Imperva, Akamai, ModSecurity ...).",
    ),
    _known(
        HTML_ANSWER,
        "A web page answered, not JSON",
        "The status is fine, but the answer is HTML.",
        "The URL leads to a page of your site, or the framework answers with a view.",
        'Point the URL to your webhook\'s code and answer {"ok": true} as application/json, or 204 without a body.',
    ),
    _known(
        WRONG_CONTENT_TYPE,
        "The Content-Type is not JSON",
        "The body may be JSON, but its Content-Type does not say so.",
        "The content type of the response has not been set as application/json.",
        "Set the header `Content-Type: application/json` on the answer, or answer 204 without a body.",
    ),
    _known(
        EMPTY_BODY,
        "The answer is empty",
        "The status is fine, but there is no body, and so no JSON.",
        "The code ends without an answer.",
        'Answer 204 (No Content), or 200 with {"ok": true} as application/json.',
    ),
    _known(
        NOT_JSON_BODY,
        "The body is not valid JSON",
        "The Content-Type says JSON, but the body cannot be read as such.",
        "A warning or a debug line is printed before the JSON, single quotes are used, or a byte order mark comes first.",
        "Answer with JSON and nothing else, as UTF-8 without a byte order mark.",
    ),
    _known(
        UNREADABLE_ENCODING,
        "The answer is compressed in a way we did not ask for",
        "The body is encoded (br, zstd or another Content-Encoding), although the request asked for none.",
        "The server compresses everything, whatever the request accepts.",
        "Turn compression off for the webhook's route; gzip and deflate are read.",
    ),
    _known(
        ANSWER_TOO_LARGE,
        "The answer is too large",
        "Your server sent more than 64 KiB; reading was stopped there.",
        "A whole page or a file is sent as the answer.",
        'Answer with a short JSON body such as {"ok": true}.',
    ),
    _known(
        REDIRECT,
        "The answer is a redirect",
        "Your server sends us to another URL. Webhooks do not follow: what was meant for one address must not reach another.",
        "The URL lacks https, www or a slash at its end, or the page has moved.",
        "Enter the URL that it redirects to.",
    ),
)
