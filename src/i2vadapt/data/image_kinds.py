"""Kinds of picture files by their first bytes: suffixes are missing, misspelt or wrong too often."""

from __future__ import annotations

from pathlib import Path

_HEAD = 32  # bytes
_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
}
_BRANDS = {"AVIF": (b"avif", b"avis"), "HEIC": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")}


def picture_kind(path: Path) -> str:
    """Kind of a picture (JPEG, HEIC, …) by the first bytes of its file; empty for other and for unreadable files."""
    try:
        if not path.is_file():
            return ""  # a named pipe would be waited for
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "BMP"
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace() and head[3:4] in b"#0123456789":
        return "PNM"
    if head[4:8] == b"ftyp":
        # The compatible brands follow the main one; a sequence of pictures may name its codec only there.
        brands = [head[8:12], *(head[place : place + 4] for place in range(16, len(head), 4))]
        return next((kind for kind, known in _BRANDS.items() if any(brand in known for brand in brands)), "")
    return next((kind for start, kind in _STARTS.items() if head.startswith(start)), "")
