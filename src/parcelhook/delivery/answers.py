"""From the bytes that came back to an Answer: the final head, and the body decompressed within its bound."""

from __future__ import annotations

import zlib
from functools import lru_cache

from parcelhook.webhooks.exchange import Answer, Headers

MAX_ANSWER_BYTES = 64 * 1024  # of the body, as received and once more as decompressed

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_RAW_DEFLATE = -zlib.MAX_WBITS


def read_answer(status: int, lines: list[bytes], body: bytes, *, cut: bool) -> tuple[str, Answer]:
    """The head as text and the answer as a value. `cut` says that the sender stopped reading at the bound."""
    head, headers, encoded = _read_head(b"".join(lines))
    truncated = cut or len(body) > MAX_ANSWER_BYTES
    if truncated:
        body = body[:MAX_ANSWER_BYTES]
    if encoded and body:
        body, more = _decompress(body, headers)
        truncated = truncated or more
    return head, Answer(status=status, headers=headers, body=body, truncated=truncated)


@lru_cache(maxsize=256)  # a receiver's heads are alike, but for the date, which changes once a second
def _read_head(raw: bytes) -> tuple[str, Headers, bool]:
    """The head as text, its headers, and whether one of them tells of an encoded body."""
    head = raw.decode("latin-1").rstrip().replace("\r\n", "\n")
    last = head.rfind("\nHTTP/")
    if last >= 0:  # before the last head came others: 100 Continue, 103 Early Hints, a proxy's answer to CONNECT
        head = head[last + 1 :]
    pairs = [line.partition(":") for line in head.split("\n")[1:]]
    headers = tuple([(key.strip(), value.strip()) for key, colon, value in pairs if colon])
    return head, headers, "content-encoding" in head.lower()


def _decompress(body: bytes, headers: Headers) -> tuple[bytes, bool]:
    """The body as it was meant, and whether it goes on beyond the bound; other encodings stay as they came."""
    encoding = next((value.lower() for key, value in headers if key.lower() == "content-encoding"), "")
    return _inflate(body) if encoding in {"gzip", "x-gzip", "deflate"} else (body, False)


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
