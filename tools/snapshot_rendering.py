"""What a reader sees of the texts that a lake stores, in English and in Chinese.

`rendered` is the one place that knows how reasons and messages are stored today. When their storage changes, change it
here: the sentences must stay what they were.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from tenure.lifecycle.reasons import Reason
from tenure.words import LocalizedText, Message, loads, sentences, speaking

LANGUAGES = {"en": "en", "zh": "zh-hans"}
#: Columns of the lake's tables that hold something to be read, and the parts each is written as.
TEXTS = {
    ("spans", "because"): ("en", "zh"),
    ("recommendations", "reason"): ("en", "zh", "data"),
    ("scorecard", "churn_reasons"): ("en", "zh", "data"),
    ("scorecard", "next_product_reason"): ("en", "zh", "data"),
    ("warnings", "evidence"): ("en", "zh", "data"),
}


@cache
def rendered(table: str, column: str, stored: str | None) -> Mapping[str, str | None]:
    """Return the sentence of a stored text by language, and what else is stored with it as `data`."""
    parts = TEXTS[table, column]
    if stored is None:
        return dict.fromkeys(parts)
    if (table, column) == ("spans", "because"):
        return {name: _span_reason(stored, language) for name, language in LANGUAGES.items()}
    if column in ("reason", "next_product_reason"):
        from tenure.recommend.reasons import message

        return {name: message(stored).render(name) for name in LANGUAGES} | {"data": _data(json.loads(stored))}
    items = loads(stored)
    if column == "evidence":
        return {name: sentences(items, name) for name in LANGUAGES} | {"data": _data({"figures": _figures(items)})}
    data = [{key: value for key, value in item.items() if key != "text"} for item in items]
    texts = {name: "; ".join(item["text"].render(name) for item in items) for name in LANGUAGES}
    return texts | {"data": _data(data)}


def _span_reason(stored: str, language: str) -> str:
    from django.utils import translation

    from tenure_app.lifecycle import reasons

    with translation.override(language), speaking(language):
        reason = reasons.in_words(Reason.read(*json.loads(stored)))
    measures = "; ".join(f"{name}: {value}" for name, value in reason.measures)
    return f"{reason.text} [{measures}]" if measures else reason.text


def _figures(messages: list[Message]) -> dict[str, Any]:
    """Return what fills the places of some messages, without its format."""
    return {name: _plain(value) for message in messages for name, value in message.data.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, (Message, LocalizedText)):
        return {name: value.render(name) for name in LANGUAGES}
    return getattr(value, "value", value)


def _data(body: Any) -> str:
    """Return what is stored beside the sentences, with sorted keys."""
    if isinstance(body, list):
        return f"[{', '.join(_data(item) for item in body)}]"
    return json.dumps(body, ensure_ascii=False, sort_keys=True)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Return a JSON document as {path: value}; packed arrays as their sizes, sums and hashes."""
    if hasattr(value, "render"):  # a message, or a text in both languages
        return {f"{path}.{name}": value.render(name) for name in LANGUAGES}
    if isinstance(value, Mapping) and value:
        pairs = [(f"{path}.{key}" if path else str(key), inner) for key, inner in value.items()]
    elif isinstance(value, list) and value:
        pairs = [(f"{path}[{place}]", inner) for place, inner in enumerate(value)]
    elif path.endswith(".arrays") and isinstance(value, str):
        return _arrays(value, path)
    else:
        return {path: "{}" if isinstance(value, Mapping) else "[]" if isinstance(value, list) else value}
    return {place: leaf for name, inner in pairs for place, leaf in leaves(inner, name).items()}


def _arrays(packed: str, path: str) -> dict[str, Any]:
    import numpy as np

    found: dict[str, Any] = {}
    with np.load(io.BytesIO(base64.b64decode(packed)), allow_pickle=False) as file:
        for name in file.files:
            array = file[name]
            found[f"{path}.{name}.size"] = int(array.size)
            found[f"{path}.{name}.sum"] = float(array.sum(dtype=np.float64))
            # Whole numbers must be equal to the last one; of others the sum may move in its last digits.
            if np.issubdtype(array.dtype, np.integer):
                found[f"{path}.{name}.sha"] = hashlib.sha256(array.astype(np.int64).tobytes()).hexdigest()[:16]
    return found
