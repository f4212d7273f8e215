// The exact law of Flow-GRPO's chain on Gaussian data, against the data: no sample is drawn.
"use strict";

(() => {
  const stage = typeof module === "undefined" ? Stage : require("./stage.js");

  // Each level with the chain's standard deviation there, its right value, and the share of the
  // start that is left in it. Data N(m, s²), uniform grid; `rule` says what stands for t at t = 1.
  function chain(T, a, s, rule) {
    const right = (t) => ((1 - t) * s) ** 2 + t * t;
    const rows = [{ t: 1, std: 1, right: 1, kept: 1 }];
    for (let i = 0; i < T; i++) {
      const t = 1 - i / T, next = 1 - (i + 1) / T, h = t - next, last = rows[i];
      const inside = rule === "clamp" ? Math.min(t, 0.99) : t === 1 ? next : t;
      const g = a === 0 ? 0 : a * Math.sqrt(t / (1 - inside));
      const k = (t - (1 - t) * s * s) / right(t); // the slope of the velocity in x
      const factor = 1 - h * (k + (g ** 2 / (2 * t)) * (1 + (1 - t) * k));
      const std = Math.sqrt((factor * last.std) ** 2 + g ** 2 * h);
      rows.push({ t: next, std, right: Math.sqrt(right(next)), kept: last.kept * factor });
    }
    return rows;
  }

  const end = (rows) => ({ std: rows.at(-1).std, memory: rows.at(-1).kept / rows.at(-1).std });

  if (typeof module !== "undefined") module.exports = { chain, end };

  const density = (x, s) => Math.exp(-((x / s) ** 2) / 2) / (s * Math.sqrt(2 * Math.PI));

  function draw({ T, a, s, rule }, [left, right], zh) {
    const rows = chain(T, a, s, rule), { std, memory } = end(rows);
    const high = 1.15 * Math.max(1, ...rows.map((r) => r.std));
    left.axes({ x: [0, 1], y: [0, Math.min(high, 4)], xlabel: ["level t", "水平 t"][zh], title: ["standard deviation along the chain", "沿链的标准差"][zh], reversed: true });
    left.curve(stage.range(0, 1, 100).map((t) => [t, Math.hypot((1 - t) * s, t)]), "ink", { dash: [2, 4] });
    left.curve(rows.map((r) => [r.t, r.std]), "orange", { dots: T <= 40 });
    left.note(["chain", "链"][zh], "orange", true);
    left.note(["marginals, dotted", "边缘分布，点线"][zh], "ink", true);
    const reach = 3 * Math.max(std, s), places = stage.range(-reach, reach, 300);
    right.axes({ x: [-reach, reach], y: [0, 1.2 * Math.max(density(0, s), density(0, std))], xlabel: ["x, less the mean", "x，减去均值"][zh], title: ["the end", "终点"][zh] });
    right.curve(places.map((x) => [x, density(x, s)]), "ink", { dash: [2, 4] });
    right.curve(places.map((x) => [x, density(x, std)]), "orange");
    const [e, m] = [std.toFixed(4), memory.toFixed(3).replace("-", "−")];
    const explored = `${(100 * (1 - memory ** 2)).toFixed(1)}%`;
    return [
      `The chain ends with the standard deviation ${e}, the data have ${s.toFixed(2)}. Its correlation with the start is ${m}, so that training can reach ${explored} of a shift.`,
      `链的终点标准差是 ${e}，数据是 ${s.toFixed(2)}。它与起点的相关系数是 ${m}，所以训练能够达到平移的 ${explored}。`,
    ][zh];
  }

  stage.picture("chain", {
    label: ["The chain of steps against the data.", "由步组成的链与数据的对比。"],
    controls: [
      { name: "T", label: ["steps T", "步数 T"], min: 2, max: 80, step: 1, value: 10 },
      { name: "a", label: ["noise a", "噪声 a"], min: 0, max: 1.5, step: 0.05, value: 0.7, digits: 2 },
      { name: "s", label: ["width of the data", "数据的宽度"], min: 0.05, max: 1.5, step: 0.05, value: 0.5, digits: 2 },
      { name: "rule", label: ["at t = 1", "t = 1 处"], value: "next_level", options: [["next_level", "next_level"], ["clamp", "clamp(0.99)"]] },
    ],
    panels: 2,
    draw,
  });
})();
