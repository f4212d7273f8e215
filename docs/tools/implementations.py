"""How public implementations compare: checkouts as kept, libraries as they are now.

    python docs/tools/implementations.py record flow_grpo --path DIR --commit ID --date 2025-07-18

The checkouts are not here when the pages are made, so what was found in them is a file beside the
pages, with the commit. Installed libraries are checked whenever it is asked for.
"""

import argparse
import importlib
import importlib.util
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from refimpl.conformance.adapter.conventions import KEYS
from refimpl.conformance.kit import Report
from refimpl.peers import INSTALLED, OPTIONAL, known
from refimpl.peers.judging import Facts, judged
from refimpl.peers.samplers.sampler import STEPS, Given, Sampler, given, shown
from refimpl.peers.samplers.target import DATA

LIBRARIES = (*INSTALLED, *OPTIONAL)

KEPT = Path(__file__).resolve().parents[1] / "assets" / "implementations.json"

REPOSITORIES = {
    "flow_grpo": "yifan123/flow_grpo",
    "flow_grpo (fork)": "zhtmike/flow_grpo",
    "flow_cps": "IamCreateAI/FlowCPS",
    "dance_grpo": "XueZeyue/DanceGRPO",
    "mix_grpo": "Tencent-Hunyuan/MixGRPO",
    "mm_grpo": "leibniz-csi/mm_grpo",
    "verl_omni": "verl-project/verl-omni",
    "flow_factory": "X-GenGroup/Flow-Factory",
    "unirl": "Tencent-Hunyuan/UniRL",
    "diffusion_nft": "NVlabs/DiffusionNFT",
    "awm": "scxue/advantage_weighted_matching",
    "rlinf": "RLinf/RLinf",
    "branch_grpo": "Fredreic1849/BranchGRPO",
    "lerobot": "huggingface/lerobot",
    "openpi": "Physical-Intelligence/openpi",
    "precise": "Tencent-Hunyuan/Precise",
}

SHOWN = {
    "g": "g", "a": "a or η", "boundary": "t = 1", "std": "std means", "log_prob": "log-prob over D",
    "log_prob_terms": "its terms", "kl": "KL", "kl_reduction": "KL over D",
    "advantage_std": "advantage std", "advantage_ddof": "ddof", "advantage_eps": "ε",
}  # fmt: skip


def of(reports: Iterable[Report]) -> list[dict[str, Any]]:
    """Reports as plain data; what was not compared is left out."""
    rows = []
    for r in reports:
        compared = [x for x in r.results if x.verdict in ("agrees", "differs", "differs by design")]
        rows.append({
            "adapter": r.name,
            "declared": {k: _plain(v) for k, v in r.declared.items()},
            "results": [
                {"check": x.check, "verdict": x.verdict}
                | ({} if x.verdict == "agrees" else {"gap": _short(x.gap), "told": x.told})
                for x in compared
            ],
        })  # fmt: skip
    return rows


def _plain(value: Any) -> Any:
    return (value.__doc__ or "a function").strip().rstrip(".") if callable(value) else value


def _short(gap: float) -> str:
    return "–" if gap == float("inf") else f"{gap:.2g}"


def installed(name: str) -> dict[str, Any]:
    """An installed library, checked now."""
    targets = known(name)
    reports = [judged(target) for target in targets]
    (facts,) = [target for target in targets if isinstance(target, Facts)]
    entry = {"version": reports[0].version, "adapters": of(reports)}
    return entry | {"samplers": [_sampler(s, given(s)) for s in _samplers(name, facts.library)]}


def _samplers(name: str, its: Any) -> list[Sampler]:
    if importlib.util.find_spec(f"refimpl.peers.{name}.samplers") is None:
        return []
    return list(importlib.import_module(f"refimpl.peers.{name}.samplers").samplers(its))


def _sampler(sampler: Sampler, found: Given) -> dict[str, Any]:
    laws = [found.laws.get(steps) for steps in STEPS]
    return {
        "name": sampler.name,
        "settings": [shown(k, v) for k, v in sampler.settings.items()],
        "laws": [None if law is None else [round(law.mean, 4), round(law.std, 4)] for law in laws],
        "noises": found.noises,
        "told": found.told,
        "cause": found.cause,
    }


def kept() -> dict[str, Any]:
    """What is kept: by implementation, libraries included."""
    return json.loads(KEPT.read_text("utf-8")) if KEPT.is_file() else {}  # type: ignore[no-any-return]


def block() -> str:
    """The page's tables."""
    data = kept()
    libraries = [n for n in data if n in LIBRARIES]
    checkouts = [n for n in data if n not in LIBRARIES]
    parts = ["## Libraries\n\n" + _summary(data, libraries)]
    parts += ["## Implementations of GRPO for flows\n\n" + _summary(data, checkouts)]
    told = "An empty cell is the article's convention, or nothing that the adapter speaks of."
    parts += [f"### What each declares\n\n{told}\n\n" + _conventions(data, checkouts)]
    parts += ["## Where they differ\n\n" + _differences(data)]
    parts += [samplers_block(data, libraries)]
    parts += ["## Every claim\n\n" + "\n\n".join(_claims(n, data[n]) for n in data)]
    return "\n\n".join(parts)


def _counts(entry: dict[str, Any]) -> tuple[int, int]:
    verdicts = [r["verdict"] for a in entry["adapters"] for r in a["results"]]
    return verdicts.count("agrees"), len(verdicts) - verdicts.count("agrees")


def _summary(data: dict[str, Any], names: list[str]) -> str:
    rows = ["| implementation | version | claims that agree | that differ, as declared |",
            "| --- | --- | ---: | ---: |"]  # fmt: skip
    for name in names:
        agree, differ = _counts(data[name])
        rows.append(f"| {_linked(name)} | {_version(data[name])} | {agree} | {differ} |")
    return "\n".join(rows)


def _linked(name: str) -> str:
    where = REPOSITORIES.get(name)
    return f"[{name}](https://github.com/{where})" if where else name


def _version(entry: dict[str, Any]) -> str:
    if "commit" in entry:
        return f"<code>{entry['commit'][:10]}</code>, {entry['date']}"
    return str(entry["version"])


def _conventions(data: dict[str, Any], names: list[str]) -> str:
    heads = ["adapter", *SHOWN.values()]
    rows = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    for name in names:
        for a in data[name]["adapters"]:
            cells = [_cell(a, key) for key in SHOWN]
            rows.append(f"| {a['adapter'].replace('flow_grpo,', name + ',', 1)} | "
                        + " | ".join(cells) + " |")  # fmt: skip
    return "\n".join(rows)


CAPABILITY = {
    "kl": "kl", "kl_reduction": "kl", "log_prob": "replay", "log_prob_terms": "replay",
    "advantage_std": "advantages", "advantage_ddof": "advantages", "advantage_eps": "advantages",
    "g": "sde_step", "a": "sde_step", "boundary": "sde_step", "std": "sde_step",
}  # fmt: skip
"""The function of an adapter that a convention speaks of."""


def _cell(adapter: dict[str, Any], key: str) -> str:
    """What an adapter declares, or the kit's default; – where it was not asked."""
    if not _asked(adapter, CAPABILITY[key]):
        return "–"
    value = adapter["declared"].get(key)
    shown = KEYS[key].default if value is None else value
    return str(shown).replace("eq3", "the paper's").replace("|", "&#124;")


def _asked(adapter: dict[str, Any], capability: str) -> list[dict[str, Any]]:
    return [r for r in adapter["results"] if r["check"].partition(".")[0] == capability]


def settled(capability: str) -> str:
    """Who computes what, for one question: declared conventions, and what the run found of them."""
    data = kept()
    keys = [key for key, of in CAPABILITY.items() if of == capability]
    heads = ["implementation", *(SHOWN[key] for key in keys), "found"]
    rows = {"| " + " | ".join(heads) + " |": None, "|" + " --- |" * len(heads): None}
    for name in (n for n in data if n not in LIBRARIES):
        for adapter in data[name]["adapters"]:
            asked = _asked(adapter, capability)
            if asked:
                causes = dict.fromkeys(
                    _with_links(r["told"]) for r in asked if r["verdict"] != "agrees"
                )
                found = "; ".join(causes).replace("|", "&#124;") or "agrees as declared"
                cells = [_cell(adapter, key) for key in keys]
                rows[f"| {_linked(name)} | " + " | ".join([*cells, found]) + " |"] = None
    absent = [n for n in data if n not in LIBRARIES
              and not any(_asked(a, capability) for a in data[n]["adapters"])]  # fmt: skip
    told = (
        f"\n\nWithout one, in what was examined: {', '.join(map(_linked, absent))}."
        if absent
        else ""
    )
    return "\n".join(rows) + told


def seen(capability: str, words: str) -> str:
    """The checkouts where a claim about one function differs for a reason that has these words.

    Raises:
        SystemExit: none does.
    """
    names, threads = [], []
    for name, entry in _checkouts():
        rows = [r for a in entry["adapters"] for r in _asked(a, capability)]
        found = [r["told"] for r in rows if words in r.get("told", "")]
        names += [name] * bool(found)
        threads += [m[1] + " issue " + m[2] for cause in found for m in THREAD.finditer(cause)]
    told = "".join(f" ({thread})" for thread in dict.fromkeys(threads))
    return _listed(names, f"{capability}: {words}") + told


def declaring(**wanted: str) -> str:
    """The checkouts with an adapter that declares all of this; a value may be a beginning.

    Raises:
        SystemExit: none does.
    """
    return _listed(_declaring(wanted), str(wanted))


def how_many(**wanted: str) -> int:
    """How many checkouts have an adapter that declares all of this; "" is any value."""
    return len(_families(_declaring(wanted)))


def version(library: str) -> str:
    """The version of a library that was checked."""
    return str(kept()[library]["version"])


THREAD = re.compile(r"github\.com/[^/]+/(\w+)/issues/(\d+)")


def _checkouts() -> list[tuple[str, dict[str, Any]]]:
    return [(name, entry) for name, entry in kept().items() if name not in LIBRARIES]


def _declaring(wanted: dict[str, str]) -> list[str]:
    def does(adapter: dict[str, Any]) -> bool:
        cells = {key: _cell(adapter, key) for key in wanted}
        return all(cells[k] != "–" and cells[k].startswith(v) for k, v in wanted.items())

    return [name for name, entry in _checkouts() if any(map(does, entry["adapters"]))]


def _families(names: list[str]) -> list[str]:
    """Names, a fork only where what it was forked from is not among them."""
    return [n for n in names if n.removesuffix(" (fork)") == n or n[: -len(" (fork)")] not in names]


def _listed(names: list[str], asked: str) -> str:
    if not names:
        raise SystemExit(f"no implementation has {asked}")
    return ", ".join(_families(names))


def _differences(data: dict[str, Any]) -> str:
    rows = ["| implementation | claim | size | cause |", "| --- | --- | ---: | --- |"]
    seen: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, entry in data.items():
        for a in entry["adapters"]:
            for r in a["results"]:
                if r["verdict"] != "agrees":
                    cause = r["told"].replace("|", "&#124;")
                    seen.setdefault((name, cause), []).append((r["check"], r["gap"]))
    for (name, cause), found in seen.items():
        checks = "<br>".join(f"<code>{c}</code>" for c in dict.fromkeys(c for c, _ in found))
        sizes = "<br>".join(dict(found).values())
        rows.append(f"| {_linked(name)} | {checks} | {sizes} | {_with_links(cause)} |")
    return "\n".join(rows)


def _with_links(cause: str) -> str:
    if "(https://" not in cause:
        return cause
    text, _, link = cause.rpartition("(https://")
    return f"{text.rstrip()} ([thread](https://{link.rstrip(')')}))"


def samplers_block(data: dict[str, Any], libraries: list[str]) -> str:
    """What a user of each sampler gets, library by library."""
    told = f"""## What a sampler gives

Every sampler that these libraries ship is asked for its law at the end. The data are
$N({DATA.mean:g}, {DATA.std:g}^2)$ and the field is the exact one, so the chain is affine in its
start and in every noise, and its mean and standard deviation after ten, forty and {STEPS[-1]} steps
follow from one run: no sample is drawn. The start is what a user has, unit noise. A law
*approaches* the data's if what is missing falls with the number of steps. Options are varied one at
a time, and a few that meet in one formula together; where several do the same, the numbers are
those of the first."""
    return "\n\n".join(
        [told, *(_of_library(n, data[n]) for n in libraries if data[n].get("samplers"))]
    )


def _of_library(name: str, entry: dict[str, Any]) -> str:
    """The samplers of one library: those at their defaults, and options by what is wrong."""
    heads = ["sampler", *(f"{n} steps" for n in STEPS), "what a user gets"]
    rows = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(STEPS) + " --- |"]
    quiet = list[str]()
    for short in dict.fromkeys(s["name"] for s in entry["samplers"]):
        own = [s for s in entry["samplers"] if s["name"] == short]
        groups: dict[str, list[dict[str, Any]]] = {}
        for s in own:
            groups.setdefault(_verdict(s), []).append(s)
        for told, found in groups.items():
            shown = found if found[0]["told"] else found[:1] if found[0] is own[0] else []
            quiet += [_named([s]) for s in found if s not in shown]
            if shown:
                rows.append(f"| {_named(shown)} | {_laws(shown)} | {told} |")
    rest = f"\n\nThe data's law is approached as well by {', '.join(quiet)}." if quiet else ""
    return f"### {name}, {entry['version']}\n\n" + "\n".join(rows) + rest


def _verdict(s: dict[str, Any]) -> str:
    """What is wrong, in words that samplers share."""
    told = s["told"]
    words = {
        "": "approaches the data's law", "its law": "does not approach the data's law",
        "10 steps end": "ends above level 0", "its first": "starts above level 1",
        "with ": "changes nothing", "after": "is not a number",
    }  # fmt: skip
    short = next((w for start, w in words.items() if start and told.startswith(start)), told)
    cause = f": <code>{s['cause']}</code>" if " where " in s["cause"] else f": {s['cause']}"
    idle = s["cause"] in ("", "does nothing")
    return (short or words[""]).replace("|", "&#124;") + ("" if idle else cause)


def _named(found: list[dict[str, Any]]) -> str:
    """A sampler, with the options under which it does the same."""
    options = [f"<code>{', '.join(s['settings'])}</code>" for s in found if s["settings"]]
    name = found[0]["name"]
    if not options:
        return str(name)
    plain = "; the same with " if not found[0]["settings"] else " with "
    return f"{name}{plain}{', '.join(options)}"


def _laws(found: list[dict[str, Any]]) -> str:
    """The laws of the first."""
    laws = found[0]["laws"]
    return " | ".join(f"{law[0]:.3f} ± {law[1]:.3f}" if law else "–" for law in laws)


def _claims(name: str, entry: dict[str, Any]) -> str:
    lines = [
        f'??? note "{name}, {_version(entry).replace("<code>", "").replace("</code>", "")}"',
        "",
    ]
    for a in entry["adapters"]:
        agree = [r["check"] for r in a["results"] if r["verdict"] == "agrees"]
        differ = [r["check"] for r in a["results"] if r["verdict"] != "agrees"]
        told = f"agrees in {', '.join(f'<code>{c}</code>' for c in agree)}" if agree else ""
        told += "; " if agree and differ else ""
        told += f"differs in {', '.join(f'<code>{c}</code>' for c in differ)}" if differ else ""
        lines.append(f"    - **{a['adapter']}** {told}")
    return "\n".join(lines)


def main() -> None:
    """Record an implementation, or all installed libraries."""
    parser = argparse.ArgumentParser(description="Keep the results of one implementation.")
    parser.add_argument("action", choices=["record"])
    parser.add_argument("name", help="an implementation, or 'installed'")
    parser.add_argument("--path", type=Path)
    parser.add_argument("--commit", default="")
    parser.add_argument("--date", default="")
    parser.add_argument("--as", dest="title", default="", help="the name on the page")
    given = parser.parse_args()
    data = kept()
    if given.name == "installed":
        data |= {name: installed(name) for name in LIBRARIES if name != "refimpl"}
    elif given.name in LIBRARIES:
        data[given.name] = installed(given.name)
    else:
        reports = [judged(adapter) for adapter in known(given.name, given.path)]
        entry = {"commit": given.commit, "date": given.date, "adapters": of(reports)}
        data[given.title or given.name] = entry
    KEPT.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
