"""Reads HdrHistogram's log format (version 1.3, histograms V2, compressed), written from its description: a second reader
of what the bench writes."""
from __future__ import annotations

import base64
import math
import struct
import zlib
from pathlib import Path

COOKIE, COMPRESSED = 0x1C849313, 0x1C849314


def counts_of(text: str) -> dict[int, int]:
    """The values (the highest that each stands for) with their counts."""
    packed = base64.b64decode(text, validate=True)
    cookie, size = struct.unpack_from(">II", packed)
    assert cookie == COMPRESSED and size == len(packed) - 8
    plain = zlib.decompress(packed[8:])
    cookie, size, offset, digits, lowest, highest, ratio = struct.unpack_from(">IIIIQQd", plain)
    assert (cookie, size, offset, digits, lowest, ratio) == (COOKIE, len(plain) - 40, 0, 3, 1, 1.0) and highest > 0
    counts, index, at = {}, 0, 40
    while at < len(plain):
        word = 0
        for byte in range(9):
            last = byte == 8
            word |= (plain[at] if last else plain[at] & 0x7F) << (7 * byte)
            at += 1
            if last or plain[at - 1] < 0x80:
                break
        count = (word >> 1) ^ -(word & 1)
        if count < 0:
            index -= count
            continue
        power = max(index // 1024 - 1, 0)
        counts[((index - power * 1024 + 1) << power) - 1] = count
        index += 1
    return counts


def value_at(counts: dict[int, int], quantile: float) -> int:
    wanted, seen = max(1, math.ceil(quantile * sum(counts.values()))), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            return value
    return 0


def read_log(path: Path) -> dict[str, dict[int, int]]:
    """The counts by tag."""
    lines = path.read_text().splitlines()
    assert lines[0] == "#[Histogram log format version 1.3]"
    found = {}
    for line in lines:
        if line.startswith("Tag="):
            tag, _, _, _, histogram = line.removeprefix("Tag=").split(",")
            found[tag] = counts_of(histogram)
    return found
