"""The generated pages: one for each call, rule, fact, property and reading, as Markdown by file name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from psci.cli.specification.facts_covered import FactEntry, account
from psci.model.calls import CALLS, NOT_PSCI, UNKNOWN
from psci.model.declare import Call, Move
from psci.model.environment import MOVES
from psci.model.language.effects import Update
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.terms import show
from psci.model.specification import SPECIFICATION
from psci.model.symbols.readings import READINGS, Reading
from psci.model.tables.facts import FACTS, MODALITIES, Fact
from psci.model.tables.versions import VERSIONS, Version
from psci.oracle.peers.quirks import Quirk
from psci.oracle.peers.registry import family, registered
from psci.properties import PROPERTIES
from psci.properties.language import ClaimKind, Property

NOTE = "<!-- Made by `python -m psci.cli.site`; changes belong in the rules. -->\n"
WIDE = "---\nhide: [navigation, toc]\n---\n"
"""A page that takes the whole width, since its tables or pictures need it."""
Pages = Iterator[tuple[str, str]]
OWNERS: tuple[Call | Move, ...] = (*CALLS, UNKNOWN, NOT_PSCI, *MOVES)
"""Whatever has rules."""


def every_page() -> Pages:
    """Every generated page: its path below the site's pages, and its text."""
    yield from calls()
    yield from rules()
    yield from facts()
    yield from properties()
    yield from readings()


# ---- names and places


def anchor(name: str) -> str:
    """A name as the name of a file: no page differs from another by case alone."""
    return name.replace(".", "-").replace("_", "-").lower()


def fact_link(fact: str, up: str = "../") -> str:
    """A link to the page of a fact."""
    return f"[{fact}]({up}facts/{anchor(fact)}.md)" if fact in FACTS else fact


def rule_link(name: str, up: str = "../") -> str:
    """A link to the page of a rule."""
    return f"[{name}]({up}rules/{anchor(name)}.md)"


def _span(since: Version, until: Version) -> str:
    if since == VERSIONS[0] and until == VERSIONS[-1]:
        return "all versions"
    if until == VERSIONS[-1]:
        return f"since {since}"
    return f"until {until}" if since == VERSIONS[0] else f"{since} to {until}"


def _outcome(rule: Rule) -> str:
    if rule.modality is Modality.CALLER_MUST:
        return "a duty of the caller"
    if rule.completion is not Completion.RETURNS:
        return str(rule.completion.value)
    if rule.code is not None:
        return rule.code.name
    return "returns a value"


def _page(title: str, *parts: str) -> str:
    return WIDE + "\n\n".join([NOTE.strip(), f"# {title}", *(part for part in parts if part)]) + "\n"


def _terms(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- **{name}**: {text}" for name, text in rows)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lines += [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return "\n".join(lines)


# ---- calls and moves


def calls() -> Pages:
    """A page for each call and move, and a list of them."""
    rows = []
    for owner in OWNERS:
        found = SPECIFICATION.rules[owner.name]
        kind = (
            "call" if isinstance(owner, Call) else "a move that nobody sees" if owner.silent else "a move that is seen"
        )
        rows.append((f"[{owner.name}]({anchor(owner.name)}.md)", owner.section, kind, str(len(found))))
        yield f"calls/{anchor(owner.name)}.md", _call(owner, found)
    yield "calls/index.md", _page("Calls and moves", _table(("name", "section", "kind", "rules"), rows))


def _call(owner: Call | Move, found: tuple[Rule, ...]) -> str:
    rows = (
        (rule_link(rule.name), rule.modality.value if isinstance(owner, Call) else "happens", _outcome(rule),
         _span(rule.since, rule.until), rule.text)
        for rule in found
    )  # fmt: skip
    about = f"DEN0022 {owner.section}. Written in `{place_of(owner)}`."
    listed = _table(("rule", "binds", "outcome", "versions", "sentence"), rows)
    return _page(owner.name, about, _ids(owner) if isinstance(owner, Call) else "", listed)


def _ids(call: Call) -> str:
    ids = [f"{width} `{fid:#010x}`" for width, fid in (("SMC32", call.fid32), ("SMC64", call.fid64)) if fid is not None]
    arguments = [f"`{a.name}` ({'as wide as the id' if a.native else '32 bits'})" for a in call.arguments]
    presence = "May be absent." if call.optional else "Must be there."
    return "\n".join(
        [f"- Function ids: {', '.join(ids)}", f"- Arguments: {', '.join(arguments) or 'none'}",
         f"- {presence} {_span(call.since, call.until).capitalize()}."]
    )  # fmt: skip


@cache
def _places() -> Mapping[str, str]:
    """The file of each call and move, by its name."""
    found: dict[str, str] = {}
    for room in ("calls", "environment"):
        package = importlib.import_module(f"psci.model.{room}")
        for module in pkgutil.iter_modules(package.__path__):
            inside = importlib.import_module(f"psci.model.{room}.{module.name}")
            source = inspect.getsource(inside)
            for name, value in vars(inside).items():
                if isinstance(value, Call | Move) and f"\n{name} = " in f"\n{source}":
                    found[value.name] = f"model/{room}/{module.name}.py"
    return found


def place_of(owner: Call | Move) -> str:
    """The file in which a call or move is written."""
    return _places()[owner.name]


# ---- rules


def rules() -> Pages:
    """A page for each name of a rule; rules of different versions may share one."""
    by_name: dict[str, list[tuple[Call | Move, Rule]]] = {}
    for owner in OWNERS:
        for rule in SPECIFICATION.rules[owner.name]:
            by_name.setdefault(rule.name, []).append((owner, rule))
    for name, found in by_name.items():
        owner = found[0][0]
        about = f"A rule of [{owner.name}](../calls/{anchor(owner.name)}.md), written in `{place_of(owner)}`."
        parts = [part for _, rule in found for part in _rule(owner, rule, len(found) > 1)]
        yield f"rules/{anchor(name)}.md", _page(name, about, *parts, _properties_of(found), _deviations_of(found))
    listed = (f"- {rule_link(name, '../')}: {found[0][1].text}" for name, found in by_name.items())
    yield "rules/index.md", _page("Rules", f"{len(by_name)} names of rules.", "\n".join(listed))


def _rule(owner: Call | Move, rule: Rule, several: bool) -> Iterator[str]:
    if several:
        yield f"## {_span(rule.since, rule.until).capitalize()}"
    yield rule.text
    guard = show(rule.guard)
    rows = [
        ("binds", rule.modality.value if isinstance(owner, Call) else "happens"),
        ("outcome", _outcome(rule)),
        ("versions", _span(rule.since, rule.until)),
        ("where", "always" if guard == "True" else f"`{guard}`"),
        ("changes", _changes(rule.effect.updates) or "nothing"),
        ("facts", ", ".join(fact_link(fact) for fact in rule.cites)),
    ]
    yield _terms(rows)


def _changes(updates: tuple[Update, ...]) -> str:
    parts = []
    for update in updates:
        if update.everywhere is not None:
            parts.append(f"`{update.field.name}` everywhere")
            continue
        for index, value in update.points:
            place = f"[{', '.join(show(term) for term in index)}]" if index else ""
            parts.append(f"`{update.field.name}{place} = {show(value)}`")
    return "<br>".join(parts)


def _properties_of(found: list[tuple[Call | Move, Rule]]) -> str:
    cites = {fact for _, rule in found for fact in rule.cites}
    resting = [prop for prop in PROPERTIES if cites & set(prop.cites)]
    if not resting:
        return ""
    listed = "\n".join(f"- [{prop.name}](../properties/{anchor(prop.name)}.md): {prop.title}" for prop in resting)
    return f"## Properties on the same facts\n\n{listed}"


def _deviations_of(found: list[tuple[Call | Move, Rule]]) -> str:
    owner = found[0][0].name
    cites = {fact for _, rule in found for fact in rule.cites}
    rows = [
        (peer, quirk.name, quirk.rule.text, ", ".join(fact_link(fact) for fact in quirk.rule.cites))
        for peer, known in known_deviations()
        for quirk in known
        if quirk.name.partition(".")[0] == owner and cites & set(quirk.rule.cites)
    ]
    if not rows:
        return ""
    return "## Known deviations that break its facts\n\n" + _table(
        ("peer", "deviation", "what it does", "breaks"), rows
    )


@cache
def known_deviations() -> tuple[tuple[str, tuple[Quirk, ...]], ...]:
    """The listed deviations of each family of peers."""
    return tuple((name, tuple(family(name).quirks().known)) for name in registered())


# ---- facts


def facts() -> Pages:
    """A page for each fact, and a list by family."""
    accounted = account()
    rows: dict[str, list[str]] = {}
    for fact in FACTS.values():
        rows.setdefault(fact.family, []).append(f"[{fact.id}]({anchor(fact.id)}.md)")
        yield f"facts/{anchor(fact.id)}.md", _fact(fact, accounted)
    listed = (f"## {family_name}\n\n{', '.join(links)}" for family_name, links in rows.items())
    about = f"{len(FACTS)} numbered facts of DEN0022 F.b. Their text is Arm's, and is not repeated here."
    yield "facts/index.md", _page("Facts", about, *listed)


def _fact(fact: Fact, accounted: Mapping[str, FactEntry]) -> str:
    binds = "; ".join(MODALITIES[m] for m in fact.modalities)
    where = f"DEN0022 {', '.join(fact.sections)}" if fact.sections else "not said in one place"
    entry = accounted[fact.id]
    cited = list(dict.fromkeys(rule.name for rule in SPECIFICATION.every_rule() if fact.id in rule.cites))
    reading = [name for name, each in READINGS.items() if fact.id in each.cites]
    claims = [prop for prop in PROPERTIES if fact.id in prop.cites]
    return _page(
        fact.id,
        _terms([("binds", binds), ("where", where), ("here", entry.kind)]),
        _list("Rules", [rule_link(name) for name in cited]),
        _list("Readings", [f"[{name}](../readings/{anchor(name)}.md)" for name in reading]),
        _list("Properties", [f"[{p.name}](../properties/{anchor(p.name)}.md): {p.title}" for p in claims]),
        _list("Where", [] if cited else [f"`{place}`" for place in entry.where]),
    )


def _list(title: str, items: list[str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {item}" for item in items) if items else ""


# ---- properties and readings


def properties() -> Pages:
    """A page for each property."""
    rows = [(f"[{p.name}]({anchor(p.name)}.md)", p.kind.value, p.title) for p in PROPERTIES]
    for prop in PROPERTIES:
        yield f"properties/{anchor(prop.name)}.md", _property(prop)
    yield "properties/index.md", _page("Properties", _table(("name", "kind", "title"), rows))


def _property(prop: Property) -> str:
    rests = ", ".join(f"[{lemma.name}]({anchor(lemma.name)}.md)" for lemma in prop.lemmas if lemma in PROPERTIES)
    rows = [
        ("kind", prop.kind.value),
        ("facts", ", ".join(fact_link(fact) for fact in prop.cites)),
        ("lemmas", rests or "none"),
        (
            "proved",
            "on explored machines"
            if prop.kind in (ClaimKind.EXPLORED, ClaimKind.WITNESS)
            else "for any number of cores",
        ),
    ]
    return _page(f"{prop.name}: {prop.title}", prop.sentence, _terms(rows), f"Prove it: `psci prove {prop.name}`.")


def readings() -> Pages:
    """A page for each reading."""
    rows = []
    for reading in READINGS.values():
        rows.append((f"[{reading.name}]({anchor(reading.name)}.md)", reading.question))
        yield f"readings/{anchor(reading.name)}.md", _reading(reading)
    yield "readings/index.md", _page("Readings", _table(("name", "question"), rows))


def _reading(reading: Reading) -> str:
    options = [
        (f"`{option}`" + (" (default)" if option == reading.default else ""), reading.meanings[option])
        for option in reading.options
    ]  # fmt: skip
    symbol = reading.symbol
    asking = dict.fromkeys(rule.name for rule in SPECIFICATION.every_rule() if symbol in show(rule.guard))
    first = next((option for option in reading.options if option != reading.default), "")
    return _page(
        reading.name,
        reading.question,
        _table(("option", "meaning"), options),
        f"Facts that meet here: {', '.join(fact_link(fact) for fact in reading.cites)}.",
        "An implementation may do either, but always the same." if reading.open or reading.tried else "",
        f"Why the default: {reading.strict}" if reading.strict else "",
        _list("Rules that ask it", [rule_link(name) for name in asking]),
        f"See what it changes: `psci graph core --against-reading {reading.name}={first}`.",
    )
