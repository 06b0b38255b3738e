"""Photographs lose what a camera writes beside the pixels, and nothing of the pixels."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from devicectl.treatment.photos import BYTES_MAX, PhotoRefused, discard, keep, read_photo

SECRETS = (b"ACME-CAMERA-77", b"Dr Owner", b"5551234")


def _exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x0110] = "ACME-CAMERA-77"
    exif[0x013B] = "Dr Owner"
    exif.get_ifd(0x8769)[0x9003] = "2026:03:04 05:06:07"
    exif.get_ifd(0x8769)[0x9011] = "+02:00"
    exif.get_ifd(0x8769)[0xA431] = "5551234"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 14.0)
    return exif


def _picture(size: tuple[int, int] = (40, 20)) -> Image.Image:
    picture = Image.new("RGB", size, (20, 120, 40))
    picture.paste((250, 10, 10), (0, 0, size[0] // 2, size[1] // 2))
    return picture


def _red_at(path: Path, x: int, y: int) -> bool:
    with Image.open(path) as copy:
        red, green, blue = copy.convert("RGB").crop((x, y, x + 1, y + 1)).tobytes()
    return red > 230 and max(green, blue) < 40


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_but_pixels_is_kept(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "IMG_0001"
    _picture().save(path, kind, exif=_exif(), xmp=b"<x:xmpmeta>Dr Owner</x:xmpmeta>")
    assert any(secret in path.read_bytes() for secret in SECRETS)

    photo = read_photo(path)

    assert not any(secret in photo.data for secret in SECRETS)
    assert b"Exif\0\0" not in photo.data
    assert b"xmpmeta" not in photo.data
    assert {"exif", "place"} <= set(photo.kept.removed)
    assert photo.kept.taken == "2026-03-04T05:06:07+02:00"
    kept = keep(photo, tmp_path / "photos")
    with Image.open(kept) as copy:
        assert copy.size == (40, 20)
        assert len(copy.getexif()) == 0
    assert _red_at(kept, 2, 2)


def test_a_picture_taken_upside_down_is_kept_upright(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    _picture().save(path, "JPEG", exif=_exif(orientation=6), quality=95)
    photo = read_photo(path)
    assert (photo.kept.width, photo.kept.height) == (20, 40)
    # Turned clockwise the red corner is at the top right.
    kept = keep(photo, tmp_path / "photos")
    assert _red_at(kept, 17, 3)
    assert not _red_at(kept, 2, 3)


def test_comments_of_a_png_do_not_survive(tmp_path: Path) -> None:
    path = tmp_path / "c.png"
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "Dr Owner")
    text.add_itxt("XML:com.adobe.xmp", "<x>5551234</x>")
    _picture().save(path, "PNG", pnginfo=text)
    photo = read_photo(path)
    assert not any(secret in photo.data for secret in SECRETS)
    assert photo.kept.removed


def test_a_colour_profile_stays(tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "p.jpg"
    _picture().save(path, "JPEG", icc_profile=profile)
    with Image.open(keep(read_photo(path), tmp_path / "photos")) as copy:
        assert copy.info["icc_profile"] == profile


def test_the_same_photograph_is_kept_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    _picture().save(path, "JPEG")
    folder = tmp_path / "photos"
    first, second = keep(read_photo(path), folder), keep(read_photo(path), folder)
    assert first == second
    assert [entry.name for entry in folder.iterdir()] == [first.name]
    assert first.stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0


def test_a_damaged_copy_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    _picture().save(path, "JPEG")
    photo = read_photo(path)
    kept = keep(photo, tmp_path / "photos")
    kept.write_bytes(b"half")
    assert keep(photo, tmp_path / "photos").read_bytes() == photo.data


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no JPEG, PNG or WebP"),
        (b"GIF89a" + bytes(40), "no JPEG, PNG or WebP"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "cannot be read|no JPEG"),
        (b"<svg onload=alert(1)>", "no JPEG, PNG or WebP"),
    ],
)
def test_what_is_no_photograph_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoRefused, match=says) as refused:
        read_photo(path)
    assert str(refused.value).endswith(".")


def test_half_a_photograph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "half.jpg"
    Image.effect_noise((400, 400), 80).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(PhotoRefused, match="damaged"):
        read_photo(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (30_000, 30_000)).save(path, "PNG")
    with pytest.raises(PhotoRefused, match="pixels"):
        read_photo(path)


def test_a_missing_file_a_folder_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(PhotoRefused, match="no file"):
            read_photo(path)
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        os.ftruncate(file.fileno(), BYTES_MAX + 1)
    with pytest.raises(PhotoRefused, match="larger than"):
        read_photo(huge)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    _picture().save(path, "JPEG")
    (tmp_path / "photos").write_text("a file where the folder should be")
    with pytest.raises(PhotoRefused, match="cannot be kept"):
        keep(read_photo(path), tmp_path / "photos")


def test_a_copy_is_taken_away_once_and_for_all(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    _picture().save(path, "JPEG")
    photo = read_photo(path)
    kept = keep(photo, tmp_path / "photos")
    discard(tmp_path / "photos", [photo.kept.copy_sha256])
    assert not kept.exists()
    discard(tmp_path / "photos", [photo.kept.copy_sha256])
