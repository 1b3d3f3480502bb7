"""What invented people write: sentences in Chinese or English that fit the score, the case or the deal."""

from __future__ import annotations

from pathlib import Path

import yaml

from kamlib.sample.stream import Stream

SENTENCES = yaml.safe_load(Path(__file__).with_name("sentences.yml").read_text(encoding="utf-8"))


def say(pair: list[str], chinese: bool) -> str:
    """Return the Chinese or the English sentence of a pair."""
    return pair[0] if chinese else pair[1]


def comment(scores: dict[str, int], chinese: bool, draw: Stream) -> str:
    """Return what someone with these topic scores writes: blame for low ones, praise for high ones, or little."""
    low = [topic for topic, score in scores.items() if score <= 2]
    high = [topic for topic, score in scores.items() if score == 5]
    pairs = [draw.pick(SENTENCES["blame"][topic]) for topic in draw.some(low, 2)]
    if high and (not pairs or draw.chance(350)):
        pairs.append(draw.pick(SENTENCES["praise"][draw.pick(high)]))
    pairs = pairs or [draw.pick(SENTENCES["plain"])]
    return ("" if chinese else " ").join(say(pair, chinese) for pair in pairs)
