"""`image`: a picture is an item (PNG, JPEG, GIF, WebP, TIFF, BMP and what else Pillow reads), by its content, not its name."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import polars as pl

from lakehouse.reserve.formats.whole_files import Unreadable, one_item
from lakehouse.reserve.material import Reading

MEDIA_TYPE = "image/*"
COLUMNS: Mapping[str, pl.DataType] = {
    "sha256": pl.String(),
    "format": pl.String(),  # png, jpeg, ...
    "width": pl.Int64(),  # pixels, as stored
    "height": pl.Int64(),
    "mode": pl.String(),  # of Pillow: L, RGB, RGBA, CMYK, ...
    "frames": pl.Int64(),
    "orientation": pl.Int64(),  # 1 to 8, of EXIF 2.3
    "taken_at": pl.String(),  # DateTimeOriginal of EXIF, as the camera wrote it
}
_DATE_TAKEN, _ORIENTATION, _DETAILS = 36867, 274, 0x8769
_PIXELS = 250_000_000
"""A picture of more is a bomb, or needs other tools."""


def shape(handle: BinaryIO, reading: Reading) -> dict[str, pl.DataType]:
    """The columns, which are the same for all pictures."""
    return dict(COLUMNS)


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The picture as one row; `not_an_image`, `damaged_image`, `too_many_pixels` are findings. Where it was taken is not read."""
    yield from one_item(handle, reading, columns, COLUMNS, facts)


def facts(data: bytes, reading: Reading) -> dict[str, Any]:
    """The facts of a picture, all of it decoded once.

    Raises:
        Unreadable: it is none, or a damaged one.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                if image.width * image.height > _PIXELS:
                    raise Unreadable("too_many_pixels")
                about = image.getexif()
                found = {
                    "format": (image.format or "").lower(),
                    "width": image.width,
                    "height": image.height,
                    "mode": image.mode,
                    "frames": getattr(image, "n_frames", 1),
                    "orientation": _whole(about.get(_ORIENTATION)),
                    "taken_at": str(about.get_ifd(_DETAILS).get(_DATE_TAKEN) or "") or None,
                }
                image.load()
                return found
    except UnidentifiedImageError as error:
        raise Unreadable("not_an_image") from error
    except Image.DecompressionBombError as error:
        raise Unreadable("too_many_pixels") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Unreadable("damaged_image") from error


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else None
