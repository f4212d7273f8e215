// Refute it yourself: edit a formula of the proof on this page, and see which lines fall.
//
// What falls, where and by how much was found by the proof engine (refute-data.js). This file shows
// it: it marks the lines of the proof above and repeats the first that falls.
"use strict";

(() => {
  // ---------------------------------------------------------------- without a page

  // The part of an edited formula that is not in the original: [before, changed, after].
  function difference(original, edited) {
    let start = 0, end = 0;
    const room = Math.min(original.length, edited.length);
    while (start < room && original[start] === edited[start]) start++;
    while (end < room - start && original.at(-1 - end) === edited.at(-1 - end)) end++;
    // Whole words and numbers: half of `g**2` is no change that one can read.
    while (start > 0 && /[\w*.]/.test(edited[start - 1]) && /[\w*.]/.test(edited[start] ?? original[start] ?? " ")) start--;
    while (end > 0 && /[\w*.]/.test(edited.at(-end)) && /[\w*.]/.test(edited.at(-1 - end) ?? " ")) end--;
    return [edited.slice(0, start), edited.slice(start, edited.length - end), edited.slice(edited.length - end)];
  }

  const WORDS = {
    en: {
      which: "the function", edits: "its formula", right: "as it is", strip: "lines of the proof",
      line: (where, n) => `${where}, line ${n}`, falls: "falls", holds: "holds",
      all: (n) => `All ${n} lines hold: the formula is the one that is proved.`,
      equal: (why) => `No line falls: on this path it is the same function. ${why}.`,
      some: (k, n) => `${k} of ${n} lines ${k === 1 ? "falls" : "fall"}.`,
      first: (where) => `The first is ${where}, with your formula in place of the one over the brace:`,
      witness: (at, gap) => `It is false at ${at}: left − right = ${gap}, and not 0.`,
      everywhere: "every point",
    },
    zh: {
      which: "函数", edits: "它的公式", right: "原样", strip: "证明的各行",
      line: (where, n) => `${where}第 ${n} 行`, falls: "不成立", holds: "成立",
      all: (n) => `${n} 行全部成立：这就是被证明的公式。`,
      equal: () => "没有一行不成立：在这条路径上，它与原式是同一个函数（σ̇ = 1，行列式为 1）。",
      some: (k, n) => `${n} 行中有 ${k} 行不成立。`,
      first: (where) => `最先不成立的是${where}，花括号上方的式子要换成你改过的公式：`,
      witness: (at, gap) => `它在 ${at} 处不成立：左 − 右 = ${gap}，不是 0。`,
      everywhere: "任何一点",
    },
  };

  if (typeof module !== "undefined") {
    module.exports = { difference, WORDS };
    return;
  }

  // ---------------------------------------------------------------- the page

  const made = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // The lines of the proof as they stand on the page, each with its place and its two formulas.
  function printed() {
    const lines = [];
    for (const [i, rule] of [...document.querySelectorAll(".chain .rule")].entries()) {
      const paragraph = rule.parentElement;
      let before = paragraph.previousElementSibling, heading = rule.closest("details");
      while (before && !before.matches("div.arithmatex")) before = before.previousElementSibling;
      while (heading && heading.tagName !== "H2") heading = heading.previousElementSibling;
      rule.id = `proof-line-${i + 1}`;
      const step = heading.firstChild.textContent.split(/[.,:：，]/)[0];
      lines.push({ rule, paragraph, before, after: paragraph.nextElementSibling, step, n: rule.textContent.match(/\d+/)[0] });
    }
    return lines;
  }

  function strip(lines, words) {
    const links = lines.map((line) => {
      const link = made("a", { href: `#${line.rule.id}`, class: "cell" }, line.n);
      link.addEventListener("click", () => { line.rule.closest("details").open = true; });
      return link;
    });
    const groups = new Map();
    lines.forEach((line, i) => groups.set(line.step, [...(groups.get(line.step) ?? []), links[i]]));
    const shown = [...groups].map(([step, cells]) => made("span", { class: "group" }, made("span", { class: "step" }, step), ...cells));
    return { links, element: made("div", { class: "strip", role: "group", "aria-label": words.strip }, ...shown) };
  }

  function choice(i, original, formula, words) {
    const input = made("input", { type: "radio", name: "edit", value: i });
    const [before, changed, after] = difference(original, formula);
    const code = formula === original
      ? made("code", {}, formula)
      : made("code", {}, before, changed ? made("mark", {}, changed) : made("mark", { class: "gone" }, "∅"), after);
    const note = formula === original ? made("span", { class: "note" }, words.right) : "";
    return made("label", {}, input, code, note);
  }

  function start(host) {
    const words = WORDS[document.documentElement.lang.startsWith("zh") ? "zh" : "en"];
    const lines = printed(), shown = strip(lines, words);
    const which = made("select", { name: "which" }, ...REFUTE.functions.map((f, i) => made("option", { value: i }, f.id)));
    const edits = made("fieldset", { class: "edits" });
    const told = made("p", { class: "told", "aria-live": "polite" });
    const broken = made("div", { class: "broken-line chain" });
    const witness = made("p", { class: "told witness" });
    const form = made("form", {}, made("label", {}, words.which, which));
    form.addEventListener("submit", (event) => event.preventDefault());
    host.append(form, edits, shown.element, told, broken, witness);

    function list() {
      const chosen = REFUTE.functions[Number(which.value)];
      const rows = [{ formula: chosen.formula }, ...chosen.edits].map((e, i) => choice(i, chosen.formula, e.formula, words));
      edits.replaceChildren(made("legend", {}, words.edits), ...rows);
      edits.querySelector("[value='0']").checked = true;
      show();
    }

    function show() {
      const chosen = REFUTE.functions[Number(which.value)];
      const i = Number(edits.querySelector(":checked").value), edit = i ? chosen.edits[i - 1] : { breaks: [] };
      const fallen = new Map(edit.breaks.map((b) => [b.line, b]));
      lines.forEach((line, n) => {
        const falls = fallen.has(n), cell = shown.links[n];
        line.rule.classList.toggle("fallen", falls);
        cell.classList.toggle("fallen", falls);
        cell.setAttribute("aria-label", `${words.line(line.step, line.n)}: ${falls ? words.falls : words.holds}`);
      });
      broken.replaceChildren();
      witness.textContent = "";
      if (!fallen.size) {
        told.textContent = edit.because ? words.equal(edit.because) : words.all(REFUTE.lines);
        return;
      }
      const first = edit.breaks[0], line = lines[first.line];
      told.textContent = `${words.some(fallen.size, REFUTE.lines)} ${words.first(words.line(line.step, line.n))}`;
      const copies = [line.before, line.paragraph, line.after].map((e) => e.cloneNode(true));
      for (const copy of copies) for (const e of [copy, ...copy.querySelectorAll("[id^=proof-line]")]) e.removeAttribute("id");
      broken.append(...copies);
      witness.textContent = words.witness(first.at || words.everywhere, first.gap);
    }

    which.addEventListener("input", list);
    edits.addEventListener("input", show);
    host.hidden = false;
    list();
  }

  // Formulas are repeated as they are drawn, so wait until they are.
  function whenDrawn(act) {
    const root = document.documentElement;
    if (root.dataset.typeset === "done") return act();
    const watch = new MutationObserver(() => {
      if (root.dataset.typeset === "done") { watch.disconnect(); act(); }
    });
    watch.observe(root, { attributes: true, attributeFilter: ["data-typeset"] });
  }

  document.addEventListener("DOMContentLoaded", () =>
    whenDrawn(() => document.querySelectorAll("[data-interactive=refute]").forEach(start)));
})();
