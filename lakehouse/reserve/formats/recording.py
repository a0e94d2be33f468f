"""`audio` and `video`: a recording is an item, its facts those of its container and streams (MediaInfo), not decoded."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO

import polars as pl

from lakehouse.reserve.formats.whole_files import Unreadable, one_item
from lakehouse.reserve.material import Reading

AUDIO_TYPE, VIDEO_TYPE = "audio/*", "video/*"
AUDIO: Mapping[str, pl.DataType] = {
    "sha256": pl.String(),
    "format": pl.String(),  # of the container: mpeg audio, flac, wave, ogg, mpeg-4
    "duration_seconds": pl.Float64(),
    "codec": pl.String(),
    "sample_rate": pl.Int64(),  # a second
    "channels": pl.Int64(),
    "bit_rate": pl.Int64(),  # bits a second
    "title": pl.String(),
    "artist": pl.String(),
}
VIDEO: Mapping[str, pl.DataType] = {
    "sha256": pl.String(),
    "format": pl.String(),
    "duration_seconds": pl.Float64(),
    "codec": pl.String(),
    "width": pl.Int64(),  # pixels
    "height": pl.Int64(),
    "frame_rate": pl.Float64(),  # a second
    "audio_codec": pl.String(),
    "title": pl.String(),
}
_BEYOND = "more than maximal permitted size"
"""MediaInfo's words for a part that would reach beyond the end of the file."""
_ADTS_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""Samples a second, by the index in a header of ADTS."""


def audio_shape(handle: BinaryIO, reading: Reading) -> dict[str, pl.DataType]:
    """The columns, which are the same for all recordings of sound."""
    return dict(AUDIO)


def video_shape(handle: BinaryIO, reading: Reading) -> dict[str, pl.DataType]:
    """The columns, which are the same for all films."""
    return dict(VIDEO)


def read_audio(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The recording as one row; `not_audio` and `truncated_media` are findings."""
    yield from one_item(handle, reading, columns, AUDIO, _audio)


def read_video(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The film as one row; `not_video` and `truncated_media` are findings."""
    yield from one_item(handle, reading, columns, VIDEO, _video)


def _audio(data: bytes, reading: Reading) -> dict[str, Any]:
    general, tracks = _tracks(data)
    sound = tracks("Audio")
    if not sound or tracks("Video"):
        raise Unreadable("not_audio")
    first = sound[0]
    seconds = _seconds(first.duration or general.duration)
    return {
        "format": _lower(general.format),
        "duration_seconds": _adts_seconds(data) if seconds is None and _lower(general.format) == "adts" else seconds,
        "codec": _lower(first.format),
        "sample_rate": _whole(first.sampling_rate),
        "channels": _whole(first.channel_s),
        "bit_rate": _whole(first.bit_rate),
        "title": general.title,
        "artist": general.performer,
    }


def _video(data: bytes, reading: Reading) -> dict[str, Any]:
    general, tracks = _tracks(data)
    if not (pictures := tracks("Video")):
        raise Unreadable("not_video")
    first, sound = pictures[0], tracks("Audio")
    return {
        "format": _lower(general.format),
        "duration_seconds": _seconds(first.duration or general.duration),
        "codec": _lower(first.format),
        "width": _whole(first.width),
        "height": _whole(first.height),
        "frame_rate": None if first.frame_rate is None else float(first.frame_rate),
        "audio_codec": _lower(sound[0].format) if sound else None,
        "title": general.title,
    }


def _adts_seconds(data: bytes) -> float | None:
    """The duration of AAC without a container, which no header gives (ISO/IEC 14496-3, 1.A.2: a block is 1,024 samples)."""
    at, blocks, rate = max(0, data.find(b"\xff")), 0, None
    while at + 7 <= len(data) and data[at] == 0xFF and data[at + 1] & 0xF6 == 0xF0:
        length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        index = data[at + 2] >> 2 & 15
        if length < 7 or index >= len(_ADTS_RATES):
            break
        rate = _ADTS_RATES[index]
        blocks += 1 + (data[at + 6] & 3)
        at += length
    return None if rate is None else blocks * 1024 / rate


def _tracks(data: bytes) -> tuple[Any, Any]:
    """The track about the whole, and those of a kind.

    Raises:
        Unreadable: the file ends before what its own sizes say, as a broken download does.
    """
    from pymediainfo import MediaInfo

    found = MediaInfo.parse(io.BytesIO(data)).tracks
    of = partial(_of, found)
    general = of("General")[0]
    if general.istruncated == "Yes" or _BEYOND in str(general.general_compliance):
        raise Unreadable("truncated_media")
    return general, of


def _of(tracks: list[Any], kind: str) -> list[Any]:
    return [track for track in tracks if track.track_type == kind]


def _lower(value: Any) -> str | None:
    return None if value is None else str(value).lower()


def _seconds(milliseconds: Any) -> float | None:
    return None if milliseconds is None else float(milliseconds) / 1000


def _whole(value: Any) -> int | None:
    return None if value is None else int(float(str(value).partition(" / ")[0]))
