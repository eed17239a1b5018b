"""The models' reference pages, written from the models' own files.

``python -m tenure.lifecycle.pages docs/models`` writes one page for each built-in model and an index, both languages
on each page, so that page and model cannot disagree. A test keeps the committed pages up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tenure.lifecycle.crosswalk import families, stages_of
from tenure.lifecycle.model import Model, Play, SourceReference, Stage
from tenure.lifecycle.model_file import builtin
from tenure.rules.syntax.tree import Otherwise
from tenure.rules.wording.sentence import sentence
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import LocalizedText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GENERATED = "<!-- Written by `python -m tenure.lifecycle.pages docs/models`; edit the model's file instead. -->"


def page_of(model: Model) -> str:
    """Return a model's page."""
    return _joined(
        [
            GENERATED,
            f"# {model.name.zh} · {model.name.en}",
            f"`{model.id}` · {_about(model)}",
            *_both(model.summary),
            *_noted(model),
            _road(model),
            *(part for stage in model.path for part in _stage(model, model.stage(stage))),
            *_sources(model.sources),
        ]
    )


def index() -> str:
    """Return the page that lists all models and the families that hold their stages together."""
    rows = [
        f"| [{model.name.zh}<br>{model.name.en}]({model.id}.md) | `{model.id}` | {_names(model)} |"
        for model in builtin().values()
    ]
    held = [
        f"| {family.id} | {family.name.zh}<br>{family.name.en} | {_members(family.id)} |"
        for family in families().values()
    ]
    return _joined(
        [
            GENERATED,
            "# 生命周期模型 · Life-cycle models",
            "\n".join(["| 模型 · Model | id | 阶段 · Stages |", "|---|---|---|", *rows]),
            "## 阶段族 · Families",
            "不同模型里意思相同的阶段归入同一族，报表由此可以跨模型比较。",
            "Stages of different models that mean the same form a family, so that reports can compare across models.",
            "\n".join(["| 族 | 名称 · Name | 阶段 · Stages |", "|---|---|---|", *held]),
            *_metrics(),
        ]
    )


def write(folder: Path) -> list[Path]:
    """Write every page into a folder and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    return {"README.md": index(), **{f"{model.id}.md": page_of(model) for model in builtin().values()}}


# Parts of a page


def _about(model: Model) -> str:
    subject = "客户 · customers" if model.subject == "customer" else "产品 · products"
    needs = "、".join(kind_name(kind, "zh") for kind in model.needs) or "无"
    english = ", ".join(kind_name(kind, "en") for kind in model.needs) or "nothing"
    parts = [subject, f"必需事实 needs: {needs} · {english}"]
    if model.stepwise:
        parts.append("不可跳跃 stepwise")
    return " · ".join(parts)


def _noted(model: Model) -> Iterator[str]:
    if model.help:
        yield "**理论说明 · Theory**"
        yield from _both(model.help)
    if model.warns:
        yield f"> **注意** {model.warns.zh}"
        yield f"> **Mind** {model.warns.en}"
    if model.follows:
        after = builtin()[model.follows]
        yield f"接续模型 · Continues as: [{after.name.zh} · {after.name.en}]({after.id}.md)"


def _road(model: Model) -> str:
    """Return the stages as a table, in the order of life."""
    tried = {stage.id: n for n, stage in enumerate(model.stages, start=1)}
    rows = [
        f"| {stage.name.zh}<br>{stage.name.en} | `{stage.id}` | {_family(stage)} | {tried[stage.id]} |"
        for stage in (model.stage(one) for one in model.path)
    ]
    return "\n".join(["| 阶段 · Stage | id | 族 · Family | 判断顺序 · Tried |", "|---|---|---|---|", *rows])


def _stage(model: Model, stage: Stage) -> Iterator[str]:
    yield f"## {stage.name.zh} · {stage.name.en}"
    yield f"```\n{stage.when}\n```"
    yield "  \n".join(_read_back(stage))
    if manners := list(_manners(stage)):
        yield "\n".join(f"- {line}" for line in manners)
    texts = [("特征 · Traits", stage.traits), ("需求 · Needs", stage.needs_text), ("目标 · Goal", stage.goal)]
    yield "\n".join(f"- **{label}** {words.zh} / {words.en}" for label, words in texts if words)
    yield from _plays("建议 · Do", stage.advised)
    yield from _plays("不建议 · Avoid", stage.discouraged)
    if stage.causes:
        yield "**原因 · Causes**"
        yield "\n".join(f"- {cause.name.zh} · {cause.name.en}: `{cause.when}`" for cause in stage.causes)
    if stage.assumption:
        yield f"> **我们的假设** {stage.assumption.zh}"
        yield f"> **Our assumption** {stage.assumption.en}"


def _read_back(stage: Stage) -> tuple[str, str]:
    if isinstance(stage.rule, Otherwise):  # stages stand here in the order of life, not in the order of trying
        return "其他各阶段的条件都不符合", "none of the other stages' rules holds"
    return sentence(stage.rule, "zh"), sentence(stage.rule, "en")


def _manners(stage: Stage) -> Iterator[str]:
    if stage.setback:
        yield "可从任何阶段进入 · can be entered from any stage"
    if stage.terminal:
        yield "终点：只有新的事实或人工指定才能离开 · final: only a new fact or a person's decision leads out"
    if stage.without_facts:
        yield "也包括只有档案、没有任何事实的客户 · also claims customers with a record and no facts"


def _plays(label: str, plays: Iterable[Play]) -> Iterator[str]:
    lines = [f"- {play.words.zh} / {play.words.en}  \n  {_cited(play.source)}" for play in plays]
    if lines:
        yield f"**{label}**"
        yield "\n".join(lines)


def _sources(sources: Iterable[SourceReference]) -> Iterator[str]:
    yield "## 来源 · Sources"
    yield "\n".join(f"- {source.quote} ({source.ref})" for source in sources)


def _metrics() -> Iterator[str]:
    yield "## 每族应看的指标 · What to look at in each family"
    for family in families().values():
        yield f"**{family.id} {family.name.zh} · {family.name.en}**"
        names = [metric.name for metric in family.metrics]
        yield f"{'、'.join(name.zh for name in names)}  \n{', '.join(name.en for name in names)}"


def _cited(source: str) -> str:
    quote, _, ref = source.partition("」[")
    return f"{quote}」 ({ref.rstrip(']')})" if ref else source


def _both(words: LocalizedText) -> list[str]:
    return [words.zh, words.en] if words else []


def _names(model: Model) -> str:
    stages = [model.stage(stage).name for stage in model.path]
    return f"{' → '.join(name.zh for name in stages)}<br>{' → '.join(name.en for name in stages)}"


def _family(stage: Stage) -> str:
    return f"{stage.family} {families()[stage.family].name.zh}" if stage.family else "—"


def _members(family: str) -> str:
    """Return the family's stages by model; the model's id stands for it in both languages."""
    by_model: dict[str, list[LocalizedText]] = {}
    for place in stages_of(family):
        by_model.setdefault(place.model.id, []).append(place.stage.name)
    return "<br>".join(
        f"[`{model}`]({model}.md) {'、'.join(name.zh for name in names)} · {', '.join(one.en for one in names)}"
        for model, names in by_model.items()
    )


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/models"))
