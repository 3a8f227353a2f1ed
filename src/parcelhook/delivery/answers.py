"""From the bytes that came back to an Answer: the final head, and the body decompressed within its bound."""

from __future__ import annotations

import zlib

from parcelhook.webhooks.exchange import Answer, Headers

MAX_ANSWER_BYTES = 64 * 1024  # of the body, as received and once more as decompressed

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS


def read_answer(status: int, lines: list[bytes], body: bytes, *, cut: bool) -> tuple[str, Answer]:
    """The head as text and the answer as a value. `cut` says that the sender stopped reading at the bound."""
    head = b"".join(_final_head(lines)).decode("latin-1").rstrip().replace("\r\n", "\n")
    headers = _headers(head)
    truncated = cut or len(body) > MAX_ANSWER_BYTES
    body = body[:MAX_ANSWER_BYTES]
    encoding = ""
    for key, value in headers:
        if key.lower() == "content-encoding":
            encoding = value.strip().lower()
    if encoding in {"gzip", "x-gzip", "deflate"} and body:
        body, more = _inflate(body)
        truncated = truncated or more
    return head, Answer(status=status, headers=headers, body=body, truncated=truncated)


def _final_head(lines: list[bytes]) -> list[bytes]:
    """Without the heads before the last one: 100 Continue, 103 Early Hints, a proxy's answer to CONNECT."""
    start = 0
    for index in range(1, len(lines)):
        if lines[index].startswith(b"HTTP/"):
            start = index
    return lines[start:]


def _headers(head: str) -> Headers:
    pairs = []
    for line in head.split("\n")[1:]:
        key, colon, value = line.partition(":")
        if colon:
            pairs.append((key.strip(), value.strip()))
    return tuple(pairs)


def _inflate(body: bytes) -> tuple[bytes, bool]:
    """At most the bound, and whether there was more; the bytes as they came if they are not what they claim to be."""
    for window in (_GZIP_OR_ZLIB, _RAW_DEFLATE):
        inflater = zlib.decompressobj(window)
        try:
            plain = inflater.decompress(body, MAX_ANSWER_BYTES)
        except zlib.error:
            continue
        return plain, bool(inflater.unconsumed_tail) or (not inflater.eof and len(plain) >= MAX_ANSWER_BYTES)
    return body, False
