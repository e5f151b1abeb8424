"""Text files as streams of UTF-8, from any Unicode encoding."""

from __future__ import annotations

import codecs
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Those that come first are looked for first: the mark of UTF-32 begins with that of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
LINE_BYTES = 1 << 20  # of a text that is divided into lines at a time


@contextmanager
def open_text(path: Path) -> Iterator[Utf8Stream]:
    """The text of a file as UTF-8 bytes without a byte order mark, unpacked where it is compressed.

    Bytes that are no UTF-8 pass as they are; those that are no UTF-16 or UTF-32 raise a UnicodeDecodeError.
    """
    with pa.input_stream(path, compression="detect") as source:
        yield Utf8Stream(source)


def detect_encoding(head: bytes) -> tuple[str, int]:
    """The encoding of a text by its first four bytes, and how many of them are a byte order mark.

    UTF-16 without a mark is known by the zero next to each of its first two characters, where those are ASCII.
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    zeros = [byte == 0 for byte in head[:4]]
    if zeros == [False, True, False, True]:
        return "utf-16-le", 0
    if zeros == [True, False, True, False]:
        return "utf-16-be", 0
    return "utf-8", 0


class Utf8Stream:
    """A file of UTF-8 bytes, of which no block ends between a carriage return and its line feed.

    The csv reader of pyarrow drops a line feed at the beginning of a block after one that ends with a carriage return,
    in quotes too, where both are text.
    """

    def __init__(self, source: pa.NativeFile) -> None:
        self._source = source
        head = source.read(4)
        encoding, marked = detect_encoding(head)
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
        self._ahead = self._utf8(head[marked:])  # what was read and not yet given
        self._ended = False
        self.closed = False

    def end(self) -> None:
        """Give nothing from now on, as at the end of the file."""
        self._ended = True

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes, none only at the end; all there are where no size is given."""
        if self._ended:
            return b""
        block = self._next(size)
        if 1 < len(block) == size and block.endswith(b"\r"):
            self._ahead = b"\r" + self._ahead
            return block[:-1]
        return block

    def _next(self, size: int) -> bytes:
        """As many bytes as that, fewer only at the end."""
        parts, length = [self._ahead], len(self._ahead)
        while size < 0 or length < size:
            raw = self._source.read(size - length if size >= 0 else None)
            parts.append(self._utf8(raw, last=not raw))
            length += len(parts[-1])
            if not raw:
                break
        whole = b"".join(parts)
        self._ahead = whole[size:] if 0 <= size < length else b""
        return whole[:size] if 0 <= size < length else whole

    def _utf8(self, raw: bytes, *, last: bool = False) -> bytes:
        return raw if self._decoder is None else self._decoder.decode(raw, final=last).encode()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


def iter_lines(text: Utf8Stream, *, errors: str = "replace") -> Iterator[str]:
    """The lines of a text, each with the line feed, carriage return or both that end it.

    `errors` is what becomes of bytes that are no UTF-8, as in `bytes.decode`.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors=errors)
    rest = ""
    while block := text.read(LINE_BYTES):
        lines = LINE.findall(rest + decoder.decode(block))
        rest = lines.pop() if lines else ""
        yield from lines
    yield from LINE.findall(rest + decoder.decode(b"", final=True))
