"""Files below a URL, read and written whole through fsspec: on a disk, in memory, in an object store."""

from __future__ import annotations

import re
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import StoreError, StoreUnavailableError, UsageError, summarize_error
from mqa_registry.store.folder import refuse_links

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

READ_AT_ONCE = 64  # files whose content is in memory together
# Object stores, where a file is there whole once it is written. Elsewhere it is written under another name, and renamed.
OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "r2"}
_USER = re.compile(r"(?<=://)[^/@]*@")
_QUERY = re.compile(r"[?#].*")


class ObjectFiles:
    """The files below a URL, by their paths relative to it.

    Every method raises a StoreUnavailableError where the place cannot be reached, read or written. No message has the user,
    the password or the query of the URL.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = redact_url(url)
        self._secrets = [one.strip("@?#") for one in (*_USER.findall(url), *_QUERY.findall(url))]
        try:
            self._system, root = fsspec.url_to_fs(url, use_listings_cache=False)
        except ImportError as error:  # fsspec says which package the file system needs
            raise UsageError(
                f"the store `{self.url}` needs a package: {self._redact(error)}", hint="install it with pip"
            ) from None
        except Exception as error:
            raise UsageError(
                f"`{self.url}` cannot be a store: {self._redact(error)}", hint="write `--store s3://BUCKET/FOLDER`"
            ) from None
        self._root = root.rstrip("/")
        if not self._root:
            raise UsageError(f"`{self.url}` names no folder", hint="write `--store s3://BUCKET/FOLDER`")
        protocols = self._system.protocol
        self._protocols = {protocols} if isinstance(protocols, str) else set(protocols)

    def refuse_links(self, *folders: str) -> None:
        """Raise a StoreError where the root or one of these folders is on a disk, and is or has a link."""
        if "file" in self._protocols:
            with self._errors():
                for folder in ("", *folders):
                    refuse_links(Path(self._root, folder))

    def list_names(self, folder: str) -> list[str]:
        """The names of the files and folders in a folder, sorted; none where it is missing."""
        with self._errors():
            try:
                self._system.invalidate_cache()
                paths = self._system.ls(self._path(folder), detail=False)
            except FileNotFoundError:
                return []
        return sorted(str(path).rstrip("/").rpartition("/")[2] for path in paths)

    def read(self, path: str) -> bytes | None:
        """The content of a file; None where it is missing."""
        return self.read_all([path]).get(path)

    def read_all(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The content of files, by path, those that are missing left out: read at once where the place can do that."""
        full = {self._path(path): path for path in paths}
        with self._errors():
            found = self._system.cat(list(full), on_error="return") if full else {}
            for content in found.values():
                if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                    raise content
        return {
            path: bytes(found[name])
            for name, path in full.items()
            if name in found and not isinstance(found[name], Exception)
        }

    def write(self, path: str, content: bytes) -> None:
        """Write a file, which is seen whole or not at all; one of that name is replaced."""
        full = self._path(path)
        with self._errors():
            if self._protocols & OBJECT_STORES:
                self._system.pipe_file(full, content)
                return
            draft = f"{full}.{secrets.token_hex(6)}.tmp"
            self._system.makedirs(full.rpartition("/")[0], exist_ok=True)
            try:
                self._system.pipe_file(draft, content)
                self._system.mv(draft, full)
            except BaseException:
                self._remove(draft)
                raise

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it; a missing one is no error."""
        with self._errors():
            self._remove(self._path(path))

    def _remove(self, full: str) -> None:
        with suppress(FileNotFoundError):
            self._system.rm(full, recursive=True)

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise a StoreUnavailableError for any error of a file system: each library has its own."""
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            raise StoreUnavailableError(
                f"the store `{self.url}` cannot be used: {self._redact(error)}",
                hint="see that it can be reached and written, or name a folder with `--store DIR`",
            ) from (None if self._secrets else error)

    def _redact(self, error: Exception) -> str:
        message = (error.strerror if isinstance(error, OSError) else "") or summarize_error(error)
        for secret in self._secrets:
            for part in (secret, *secret.split(":")):
                message = message.replace(part, "***") if part else message
        return message


def redact_url(url: str) -> str:
    """A URL without its user, password and query, for messages."""
    return _QUERY.sub("", _USER.sub("", url))
