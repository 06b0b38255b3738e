"""Photographs of a scalp: kept as copies without metadata, found again by the hash of the file they were made from.

A camera writes place, owner and serial number into a picture (EXIF, XMP, IPTC, comments). What is kept has none of it:
only pixels, turned upright as the camera meant them, and their colour profile.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

BYTES_MAX: Final = 64 * 1024 * 1024
PIXELS_MAX: Final = 120_000_000
"""Larger pictures are refused before they are unpacked."""
KINDS: Final = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}
"""Formats taken, and the ending of the copy."""

_TAKEN: Final = 0x9003
_OFFSET: Final = 0x9011
_EXIF_IFD: Final = 0x8769


class PhotoRefused(Exception):
    """A file that is no photograph we can keep; the text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the record says of a photograph.

    ``sha256`` is the hash (hex) of the file that was given, ``copy_sha256`` that of the cleaned copy, which has so many
    ``bytes``. ``width`` and ``height`` in pixels as seen upright; ``taken`` is the camera's own clock
    (``YYYY-MM-DDTHH:MM:SS``, with an offset when it named one), None when it did not say; ``removed`` names what kinds of
    metadata the file had.
    """

    sha256: str
    copy_sha256: str
    bytes: int
    width: int
    height: int
    taken: str | None
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph as it will be kept: ``data`` is the cleaned copy, ``ending`` that of its file."""

    kept: Kept
    data: bytes
    ending: str


def read_photo(path: Path) -> Photo:
    """Read a picture and make its clean copy. Slow (up to a second for a large picture), and holds the
    interpreter for tens of ms: see `photo_process`.

    Raises:
        PhotoRefused: the file cannot be read, is too large, damaged, or no JPEG, PNG or WebP.
    """
    # 60 ms to import: only when there is a photograph.
    from PIL import Image, ImageOps, UnidentifiedImageError

    raw = _bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw), formats=tuple(KINDS)) as picture:
                kind = picture.format or ""
                if picture.width * picture.height > PIXELS_MAX:
                    raise PhotoRefused(
                        f"{path.name} has more than {PIXELS_MAX // 1_000_000} million pixels; scale it down."
                    )
                if getattr(picture, "n_frames", 1) > 1:
                    raise PhotoRefused(f"{path.name} is an animation, not a photograph; choose a still picture.")
                taken, removed = _taken(picture), _metadata(picture)
                upright = picture if picture.getexif().get(0x0112, 1) == 1 else ImageOps.exif_transpose(picture)
                upright.load()
                data = _saved(upright, kind, picture.info.get("icc_profile"))
                width, height = upright.size
    except PhotoRefused:
        raise
    except UnidentifiedImageError as error:
        raise PhotoRefused(f"{path.name} is no JPEG, PNG or WebP picture; export it as one of these.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoRefused(f"{path.name} has too many pixels; scale it down.") from error
    except (OSError, ValueError, SyntaxError, MemoryError) as error:
        raise PhotoRefused(
            f"{path.name} is damaged and cannot be read to its end; copy it from the camera again."
        ) from error
    kept = Kept(_hash(raw), _hash(data), len(data), width, height, taken, removed)
    return Photo(kept, data, KINDS[kind])


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise PhotoRefused(f"There is no file {path}; check the path.")
        if path.stat().st_size > BYTES_MAX:
            raise PhotoRefused(f"{path.name} is larger than {BYTES_MAX // 2**20} MiB; choose a smaller picture.")
        return path.read_bytes()
    except OSError as error:
        raise PhotoRefused(f"{path} cannot be read ({error.strerror}); check the path and its rights.") from error


def _taken(picture: Any) -> str | None:
    """When the camera says that it was taken; nonsense counts as not said."""
    block = picture.getexif().get_ifd(_EXIF_IFD)
    text, offset = str(block.get(_TAKEN, "")).strip("\0 "), str(block.get(_OFFSET, "")).strip("\0 ")
    pattern = "%Y:%m:%d %H:%M:%S%z" if offset else "%Y:%m:%d %H:%M:%S"
    try:
        return datetime.strptime(f"{text}{offset}", pattern).isoformat()  # noqa: DTZ007
    except ValueError:
        return None


_SHAPE: Final = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "adobe", "adobe_transform", "icc_profile", "progressive",
                 "progression", "gamma", "chromaticity", "srgb", "interlace", "transparency", "loop", "background", "timestamp", "duration",
                 "aspect"}  # fmt: skip


def _metadata(picture: Any) -> tuple[str, ...]:
    """Which kinds of metadata the file has."""
    exif = picture.getexif()
    found = {"exif"} if len(exif) else set()
    if exif.get_ifd(0x8825):
        found.add("place")
    for name in picture.info:
        if str(name).lower() not in _SHAPE:
            found.add(
                str(name).lower() if str(name).lower() in {"xmp", "comment", "photoshop", "exif", "mp"} else "text"
            )
    return tuple(sorted(found))


def _saved(picture: Any, kind: str, profile: bytes | None) -> bytes:
    """The picture's pixels in its own format, and nothing else."""
    # A new picture has no metadata that a format's writer could carry along.
    clean = picture.copy()
    clean.info = {name: value for name, value in picture.info.items() if name == "transparency"}
    options: dict[str, Any] = {"JPEG": {"quality": 95, "subsampling": 0}, "PNG": {}, "WEBP": {"quality": 95}}[kind]
    out = io.BytesIO()
    clean.save(out, kind, exif=b"", icc_profile=profile, **options)
    return out.getvalue()


def keep(photo: Photo, folder: Path) -> Path:
    """Put the cleaned copy into ``folder`` (made, mode 0700) under the hash of its content; returns its path.

    It appears whole or not at all, lasts through a power cut, and is written once however often it is registered.

    Raises:
        PhotoRefused: the folder cannot be written.
    """
    target = folder / f"{photo.kept.copy_sha256}{photo.ending}"
    part = folder / f"{target.name}.{os.getpid()}.part"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if target.exists() and _hash(target.read_bytes()) == photo.kept.copy_sha256:
            return target
        with os.fdopen(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(photo.data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise PhotoRefused(f"The photograph cannot be kept in {folder} ({error.strerror}); check the disk.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return target


def discard(folder: Path, hashes: Iterable[str]) -> None:
    """Take away the copies with these hashes; those that are gone already are passed over.

    Raises :class:`PhotoRefused` when one cannot be taken away.
    """
    try:
        for name in hashes:
            for ending in KINDS.values():
                (folder / f"{name}{ending}").unlink(missing_ok=True)
    except OSError as error:
        raise PhotoRefused(
            f"A photograph in {folder} could not be deleted ({error.strerror}); delete it by hand."
        ) from error
