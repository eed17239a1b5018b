"""Write docs/models from the built-in models' own files: a page each and an index, both languages on each page.

python tools/model_pages.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tenure.facts.businesses import BUSINESSES
from tenure.lifecycle.families import families
from tenure.lifecycle.model import stage_names
from tenure.lifecycle.model_file import builtin
from tenure.rules.syntax.tree import Otherwise
from tenure.rules.wording.sentence import sentence
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import LocalizedText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tenure.lifecycle.model import Model, Play, Stage

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "models"
GENERATED = "<!-- Written by `python tools/model_pages.py`; edit the model's file instead. -->"


# The crosswalk: which stages of different models mean the same


class FamilyStage(NamedTuple):
    family: str
    model: Model
    stage: Stage


def crosswalk(models: Iterable[Model] | None = None) -> tuple[FamilyStage, ...]:
    """Return every stage that belongs to a family, models in the given order, stages in the order of life."""
    return tuple(
        FamilyStage(stage.family, model, stage)
        for model in (builtin().values() if models is None else models)
        for stage in map(model.stage, model.path)
        if stage.family
    )


def stages_of(family: str, models: Iterable[Model] | None = None) -> tuple[FamilyStage, ...]:
    """Return the stages of a family; for an overlay also every stage of the models that lie over the others."""
    overlays = families()[family].overlays
    return tuple(entry for entry in crosswalk(models) if entry.family == family or entry.model.id in overlays)


# The pages


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    parts = {"README.md": _index(), **{f"{model.id}.md": _model_page(model) for model in builtin().values()}}
    return {name: "\n\n".join([GENERATED, *filter(None, page)]) + "\n" for name, page in parts.items()}


def _index() -> Iterator[str]:
    """List all models, the families that hold their stages together, and what to look at in each family."""
    yield "# 生命周期模型 · Life-cycle models"
    yield _table(
        "| 模型 · Model | id | 适用行业 · For | 阶段 · Stages |",
        (
            f"| [{model.name.zh}<br>{model.name.en}]({model.id}.md) | `{model.id}` | {_businesses(model.businesses)} |"
            f" {_joined((model.stage(stage).name for stage in model.path), ' → ', ' → ', '<br>')} |"
            for model in builtin().values()
        ),
    )
    yield "## 阶段族 · Families"
    yield "不同模型里意思相同的阶段归入同一族，报表由此可以跨模型比较。"
    yield "Stages of different models that mean the same form a family, so that reports can compare across models."
    rows = []
    for family in families().values():
        by_model: dict[str, list[LocalizedText]] = {}
        for entry in stages_of(family.id):
            by_model.setdefault(entry.model.id, []).append(entry.stage.name)
        # A model's id stands for it in both languages.
        members = (f"[`{model}`]({model}.md) {_joined(names)}" for model, names in by_model.items())
        rows.append(f"| {family.id} | {family.name.zh}<br>{family.name.en} | {'<br>'.join(members)} |")
    yield _table("| 族 | 名称 · Name | 阶段 · Stages |", rows)
    yield "## 每族应看的指标 · What to look at in each family"
    for family in families().values():
        yield f"**{family.id} {family.name.zh} · {family.name.en}**"
        yield _joined(family.metrics, between="  \n")


def _model_page(model: Model) -> Iterator[str]:
    yield f"# {model.name.zh} · {model.name.en}"
    about = [f"`{model.id}`", "客户 · customers" if model.subject == "customer" else "产品 · products"]
    chinese, english = ([kind_name(kind, language) for kind in model.needs] for language in ("zh", "en"))
    about.append(f"必需事实 needs: {'、'.join(chinese) or '无'} · {', '.join(english) or 'nothing'}")
    about.append(f"适用行业 for: {_businesses(model.businesses)}")
    if model.stepwise:
        about.append("不可跳跃 stepwise")
    yield " · ".join(about)
    yield from _both(model.summary)
    if model.help:
        yield "**理论说明 · Theory**"
        yield from _both(model.help)
    if model.warns:
        yield f"> **注意** {model.warns.zh}"
        yield f"> **Mind** {model.warns.en}"
    if model.follows:
        after = builtin()[model.follows]
        yield f"接续模型 · Continues as: [{after.name.zh} · {after.name.en}]({after.id}.md)"
    # The table is in the order of life, and its last column gives the order in which the rules are tried.
    tried = {stage.id: n for n, stage in enumerate(model.stages, start=1)}
    stages = [model.stage(stage_id) for stage_id in model.path]
    family_names = {family.id: f"{family.id} {family.name.zh}" for family in families().values()}
    yield _table(
        "| 阶段 · Stage | id | 族 · Family | 判断顺序 · Tried |",
        (
            f"| {stage.name.zh}<br>{stage.name.en} | `{stage.id}` | {family_names.get(stage.family, '—')}"
            f" | {tried[stage.id]} |"
            for stage in stages
        ),
    )
    for stage in stages:
        yield from _stage(stage, model)
    yield "## 来源 · Sources"
    yield "\n".join(f"- {source.quote} ({source.ref})" for source in model.sources)


def _stage(stage: Stage, model: Model) -> Iterator[str]:
    yield f"## {stage.name.zh} · {stage.name.en}"
    yield f"```\n{stage.when}\n```"
    if isinstance(stage.rule, Otherwise):  # stages are listed in the order of life, not in the order of trying
        yield "其他各阶段的条件都不符合  \nnone of the other stages' rules holds"
    else:
        zh, en = (
            sentence(stage.rule, language, stage_names((model, *model.others), model.id, language))
            for language in ("zh", "en")
        )
        yield f"{zh}  \n{en}"
    before = [model.stage(other).name for other in model.entered_from(stage.id)]
    properties = [
        (bool(before), f"从这些阶段进入 · can be entered from: {_joined(before)}"),
        (stage.setback, "可从任何阶段进入 · can be entered from any stage"),
        (
            stage.terminal,
            "终点：只有新的事实或人工指定才能离开 · final: only a new fact or a person's decision leads out",
        ),
        (stage.without_facts, "也包括只有档案、没有任何事实的客户 · also claims customers with a record and no facts"),
    ]
    yield "\n".join(f"- {text}" for holds, text in properties if holds)
    texts = [("特征 · Traits", stage.traits), ("需求 · Needs", stage.needs_text), ("目标 · Goal", stage.goal)]
    yield "\n".join(f"- **{label}** {text.zh} / {text.en}" for label, text in texts if text)
    yield from _plays("建议 · Do", stage.advised)
    yield from _plays("不建议 · Avoid", stage.discouraged)
    if stage.causes:
        yield "**原因 · Causes**"
        yield "\n".join(f"- {cause.name.zh} · {cause.name.en}: `{cause.when}`" for cause in stage.causes)
    if stage.assumption:
        yield f"> **我们的假设** {stage.assumption.zh}"
        yield f"> **Our assumption** {stage.assumption.en}"


def _plays(label: str, plays: Iterable[Play]) -> Iterator[str]:
    lines = []
    for play in plays:
        quote, _, ref = play.source.partition("」[")
        source = f"{quote}」 ({ref.rstrip(']')})" if ref else play.source
        lines.append(f"- {play.words.zh} / {play.words.en}  \n  {source}")
    if lines:
        yield f"**{label}**"
        yield "\n".join(lines)


def _both(text: LocalizedText) -> list[str]:
    return [text.zh, text.en] if text else []


def _joined(names: Iterable[LocalizedText], zh: str = "、", en: str = ", ", between: str = " · ") -> str:
    """Return names as a Chinese and an English list."""
    names = list(names)
    return f"{zh.join(name.zh for name in names)}{between}{en.join(name.en for name in names)}"


def _businesses(kinds: Iterable[str]) -> str:
    if set(kinds) == set(BUSINESSES):
        return "各行各业 · every business"
    return _joined(BUSINESSES[kind] for kind in kinds)


def _table(head: str, rows: Iterable[str]) -> str:
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *rows])


if __name__ == "__main__":
    for file_name, page in pages().items():
        (FOLDER / file_name).write_text(page, encoding="utf-8")
