"""The 63 statuses of the help page, with its names: what each means, its likely cause, and what to change."""

from __future__ import annotations

from parcelhook.webhooks.causes import Cause


def _status(number: int, name: str, meaning: str, cause: str, remedy: str) -> Cause:
    return Cause(
        code=f"http_{number}",
        title=f"{number} {name}",
        meaning=meaning,
        cause=cause,
        remedy=remedy,
        status=number,
        name=name,
    )


_FINE = "Nothing is wrong with the status; if the attempt failed, it was for the body: it must be JSON."
_ANSWER_JSON = 'Answer {"ok": true} with Content-Type application/json, or 204 without a body.'
_NOT_FINAL = "The server, or a proxy in front of it, sent a preliminary answer and never the real one."
_DAV = "The URL leads to a WebDAV share or a library's default, not to your webhook's code."
_MOVED = "The URL lacks https, www or a slash at its end, or the page has moved."
_USE_TARGET = "Enter the URL that it redirects to; webhooks do not follow redirects."

STATUSES: tuple[Cause, ...] = (
    _status(100, "Continue", "Only \"go on\": the real answer never came.", _NOT_FINAL, "Let the server send a final status, such as 200."),
    _status(101, "Switching Protocols", "The server wants to speak another protocol.", "The URL leads to a WebSocket or an upgrade endpoint.", "Enter the URL of a plain HTTP route."),
    _status(102, "Processing", "The server is still working and has not answered.", _NOT_FINAL, "Answer at once with 200 and do the work afterwards."),
    _status(200, "OK", "Received. With a JSON body the webhook has passed.", _FINE, _ANSWER_JSON),
    _status(201, "Created", "Received, and something was created from it.", _FINE, _ANSWER_JSON),
    _status(202, "Accepted", "Received, and the work is done later.", _FINE, _ANSWER_JSON),
    _status(203, "Non-authoritative Information", "Received; a proxy changed the answer on its way.", "A proxy between us rewrites answers. " + _FINE, _ANSWER_JSON),
    _status(204, "No Content", "Received, and there is nothing to say: the webhook has passed.", "Nothing is wrong: 204 passes without a body.", "Nothing to change."),
    _status(205, "Reset Content", "Received; meant for browsers to clear a form.", _FINE, "Answer 204 instead, which needs no body."),
    _status(206, "Partial Content", "The server sends a part of a file.", "The URL leads to a file, not to your webhook's code.", "Enter the URL of your webhook's code. " + _ANSWER_JSON),
    _status(207, "Multi-Status", "Several statuses in one answer, as WebDAV does.", _DAV, "Enter the URL of your webhook's code. " + _ANSWER_JSON),
    _status(208, "Already Reported", "Part of a WebDAV answer, listed before.", _DAV, "Enter the URL of your webhook's code. " + _ANSWER_JSON),
    _status(226, "IM Used", "The answer is a difference to an earlier one.", "The server, or a cache in front of it, sends changes only.", "Switch that off for the webhook's route. " + _ANSWER_JSON),
    _status(300, "Multiple Choices", "The server offers several addresses and picks none.", "The URL is ambiguous, such as a name without its ending.", "Enter the exact URL of your webhook's code."),
    _status(301, "Moved Permanently", "The page has moved for good.", _MOVED, _USE_TARGET),
    _status(302, "Found", "The server sends us to another page for now.", "Often a login: the URL lies behind a session.", "Enter a URL that needs no login and answers itself; webhooks do not follow redirects."),
    _status(303, "See Other", "The server wants the answer to be fetched elsewhere.", "A form's \"thank you\" redirect: the code was written for browsers.", "Answer JSON on the URL itself."),
    _status(304, "Not Modified", "A cache says that nothing has changed.", "A cache in front of the server answers instead of it.", "Take the webhook's route out of the cache."),
    _status(305, "Use Proxy", "The server asks to be reached through a proxy.", "An outdated setting of the server.", "Enter a URL that can be reached directly."),
    _status(307, "Temporary Redirect", "The server sends us to another URL for now.", _MOVED, _USE_TARGET),
    _status(308, "Permanent Redirect", "The URL has moved for good.", _MOVED, _USE_TARGET),
    _status(400, "Bad Request", "Your code did not understand the request.", "A field that it expects is missing for this event, or it expects a form and not JSON.", "Read the body as JSON, and look at the field Event before the others. Your server's log says what it missed."),
    _status(401, "Unauthorized", "Your server wants credentials, and did not get the right ones.", "Username and Password are missing or wrong, or another kind of login is expected.", "Enter Username and Password as your server knows them, or the Custom Header that it expects."),
    _status(402, "Payment Required", "The service behind the URL wants to be paid.", "A plan, a quota or a trial has ended at your hosting or automation service.", "Check your account there."),
    _status(403, "Forbidden", "The request is valid, but your server refuses it; credentials make no difference.", "A firewall, an address filter, CSRF protection or file permissions refuse us.", "Let our address through, exempt the route from CSRF protection, and solve the endpoint's authentication; then it can be connected."),
    _status(404, "Not Found", "There is nothing at this URL.", "The path is misspelled, or the code is not deployed.", "Check the path of the URL and that the route exists on the live server."),
    _status(405, "Method Not Allowed", "The URL exists, but not for POST.", "The route is defined for GET only, or a redirect turned the POST into a GET.", "Define the route for POST."),
    _status(406, "Not Acceptable", "Your server has no answer in a form that we accept.", "It insists on HTML, or ModSecurity stepped in.", "Answer application/json, or exempt the route in ModSecurity."),
    _status(407, "Proxy Authentication Required", "A proxy in front of your server wants credentials.", "The server is reached through a proxy that is not meant for the public.", "Enter a URL that can be reached without that proxy."),
    _status(408, "Request Timeout", "Your server gave up waiting for the request.", "It is overloaded, or its time limit is very short.", "Raise the limit for reading a request, and check the load."),
    _status(409, "Conflict", "Your code sees a contradiction to what it has stored.", "Often an event that was received before is treated as an error.", "Answer 200 to what you have already: compare `webhook-id`."),
    _status(410, "Gone", "The URL is gone for good. The endpoint is disabled, for this is how a server says \"no more\".", "The webhook's code was removed, or a service has retired this URL.", "Enter the new URL and enable the endpoint; what was accepted meanwhile is sent then."),
    _status(411, "Length Required", "Your server wants to know the length beforehand.", "A proxy in front of it drops the Content-Length that we send.", "Let the proxy pass Content-Length on."),
    _status(412, "Precondition Failed", "A condition that the server sets is not met.", "A rule of the server or the firewall wants a header that is not there.", "Remove the rule for this route, or add the header as a Custom Header."),
    _status(413, "Payload Too Large", "The body is larger than your server takes.", "Labels can make a body large; the limit (nginx: client_max_body_size, 1 MB by default) is lower.", "Raise the limit to 10 MB for this route."),
    _status(414, "Request-URI Too Long", "The URL is longer than your server takes.", "A long query string is part of the URL.", "Shorten the URL."),
    _status(415, "Unsupported Media Type", "Your server does not take application/json here.", "The route expects a form or XML.", "Let the route accept Content-Type application/json."),
    _status(416, "Requested Range Not Satisfiable", "The server was asked for a part that it does not have.", "A proxy in front of it adds a Range header.", "Take the webhook's route out of that proxy's cache."),
    _status(417, "Expectation Failed", "The server cannot meet an Expect header.", "A proxy in front of it adds one; we send none.", "Let the proxy drop the Expect header."),
    _status(418, "I'm a teapot", "A joke in the standard; used to turn robots away.", "A firewall or your code takes us for a robot.", "Let our address or our User-Agent through."),
    _status(421, "Misdirected Request", "The server is not the one for this host.", "The TLS or host settings of the web server do not know the host in the URL.", "Set up the host name in the web server."),
    _status(422, "Unprocessable Entity", "Your code read the body and did not like its content.", "Validation wants a field that this event does not have.", "Validate by the field Event; the Reference lists the fields of each."),
    _status(423, "Locked", "What the request would change is locked.", "A WebDAV lock, or an account that is locked at your service.", "Remove the lock, or enter the URL of your webhook's code."),
    _status(424, "Failed Dependency", "Something that your code needs has failed.", "A service behind it is down.", "Look into your server's log. Store the webhook first, and call others afterwards."),
    _status(426, "Upgrade Required", "The server wants another protocol or version.", "It takes only TLS or a newer HTTP.", "Enter the URL with https://."),
    _status(428, "Precondition Required", "The server wants a conditional request.", "A rule against lost updates applies to this route.", "Exempt the webhook's route."),
    _status(429, "Too Many Requests", "Your server is asked too often. We slow down and try again.", "A rate limit counts webhooks like visitors.", "Raise the limit for our address, or set a lower rate limit on the endpoint."),
    _status(431, "Request Header Fields Too Large", "The headers are larger than your server takes.", "A very long Custom Header.", "Shorten the Custom Header's Value, or raise the server's limit."),
    _status(444, "Connection Closed Without Response", "nginx closed the connection on purpose.", "A rule in nginx (`return 444`) takes us for a robot.", "Exempt the webhook's route or our address from that rule."),
    _status(451, "Unavailable For Legal Reasons", "The server may not answer for legal reasons.", "A block by country at your hosting or content network.", "Allow our address or country for this route."),
    _status(499, "Client Closed Request", "nginx says that the other side hung up.", "Your application took longer than a proxy in front of it waits.", "Answer at once and do the work afterwards; check the proxy's time limits."),
    _status(500, "Internal Server Error", "Your server met an unexpected condition and could not fulfil the request: as a webhook it is unreachable.", "Your code crashed on this event.", "Look into your server's error log at the time of the attempt, correct the code and try again."),
    _status(501, "Not Implemented", "Your server does not know how to handle a POST here.", "The URL leads to a server for files only.", "Enter the URL of your webhook's code."),
    _status(502, "Bad Gateway", "A proxy in front of your application got no sensible answer from it. We slow down and try again.", "The application is down or restarting.", "Start the application, and check where the proxy looks for it."),
    _status(503, "Service Unavailable", "Your server cannot answer right now.", "Maintenance, or no capacity left.", "End the maintenance or add capacity; retries go on meanwhile."),
    _status(504, "Gateway Timeout", "A proxy in front of your application waited in vain. We slow down and try again.", "The application takes longer than the proxy waits.", "Answer at once and do the work afterwards."),
    _status(505, "HTTP Version Not Supported", "The server does not take this version of HTTP.", "Very old software.", "Let the server speak HTTP/1.1."),
    _status(506, "Variant Also Negotiates", "The server is set up in a circle.", "A mistake in its content negotiation.", "Correct the web server's settings for this route."),
    _status(507, "Insufficient Storage", "Your server has no space left.", "A full disk or quota.", "Free some space."),
    _status(508, "Loop Detected", "Your server, or its hosting, met an endless loop or a limit.", "Rules that lead to each other, or the process limit of shared hosting.", "Check the rewrite rules and the limits of your hosting."),
    _status(510, "Not Extended", "The server wants an extension that nobody uses.", "A mistake in its settings.", "Correct the web server's settings for this route."),
    _status(511, "Network Authentication Required", "A network's login page stands in the way.", "The server sits behind a network that wants a login.", "Put the server where it can be reached without."),
    _status(599, "Network Connect Timeout Error", "A proxy in front of your server could not connect to it.", "The application is down, or a firewall stands between.", "Start the application, and check the way from the proxy to it."),
)  # fmt: skip
