// The clipped objective, and how many samples the clip holds back, for a sum or a mean over coordinates.
"use strict";

(() => {
  const stage = typeof module === "undefined" ? Stage : require("./stage.js");

  const D = 65536;

  // min(rA, clip(r)A).
  const surrogate = (r, A, eps) => Math.min(r * A, Math.min(Math.max(r, 1 - eps), 1 + eps) * A);

  // The normal distribution function, by Marsaglia's series.
  function normal(x) {
    if (Math.abs(x) > 8) return x < 0 ? 0 : 1;
    let term = x, sum = x;
    for (let i = 3; Math.abs(term) > 1e-17 * Math.abs(sum); i += 2) sum += term *= (x * x) / i;
    return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
  }

  // Mean and spread of log r under the old policy, when the means of the sample's steps are d
  // standard deviations apart; averaged over D coordinates it is the D-th part.
  function logRatio(d, reduction) {
    const n = reduction === "mean" ? D : 1;
    return { mean: -(d * d) / 2 / n, std: d / n };
  }

  // The share of samples whose ratio is above 1 + eps, and of those below 1 − eps.
  function outside(d, eps, reduction) {
    const { mean, std } = logRatio(d, reduction);
    const below = (r) => (r <= 0 ? 0 : normal((Math.log(r) - mean) / std));
    return { above: 1 - below(1 + eps), below: below(1 - eps) };
  }

  if (typeof module !== "undefined") module.exports = { D, surrogate, normal, logRatio, outside };

  function draw({ eps, d, reduction }, [left, right], zh) {
    const w = Math.min(1, 2.5 * eps), r = [1 - w, 1 + w];
    const ratios = stage.range(...r, 400), reach = 1 + w;
    const ratio = ["ratio r", "重要性比 r"][zh];
    left.axes({ x: r, y: [-reach, reach], xlabel: ratio, title: ["objective", "目标"][zh] });
    left.curve(ratios.map((x) => [x, surrogate(x, 1, eps)]), "blue");
    left.curve(ratios.map((x) => [x, surrogate(x, -1, eps)]), "orange");
    left.note("A = +1", "blue");
    left.note("A = −1", "orange");

    const { mean, std } = logRatio(d, reduction);
    const spread = Math.max(2 * eps, 3.5 * std), box = [Math.max(0.001, 1 - spread), 1 + spread];
    const density = (x) => Math.exp(-(((Math.log(x) - mean) / std) ** 2) / 2) / x;
    const places = stage.range(...box, 600), top = 1.15 * Math.max(...places.map(density));
    const part = (test) => places.filter(test).map((x) => [x, density(x)]);
    right.axes({ x: box, y: [0, top], xlabel: ratio, title: ["ratios of the old policy's samples", "旧策略的样本的重要性比"][zh] });
    for (const [test, colour] of [[(x) => x >= 1 + eps, "blue"], [(x) => x <= 1 - eps, "orange"]])
      if (part(test).length > 1) right.curve(part(test), colour, { fill: true });
    right.curve(places.map((x) => [x, density(x)]), "ink");
    for (const edge of [1 - eps, 1 + eps]) right.curve([[edge, 0], [edge, top]], "ink", { width: 1, dash: [4, 4] });

    const { above, below } = outside(d, eps, reduction), percent = (x) => `${(100 * x).toFixed(1)}%`;
    const e = stage.short(eps);
    return [
      `The policy has moved by ${d.toFixed(2)} standard deviations. Of the samples with A = +1, ${percent(above)} have a ratio above 1 + ${e} and no gradient; of those with A = −1, ${percent(below)} lie below 1 − ${e}.`,
      `策略移动了 ${d.toFixed(2)} 个标准差。A = +1 的样本中，${percent(above)} 的重要性比大于 1 + ${e}，没有梯度；A = −1 的样本中，${percent(below)} 小于 1 − ${e}。`,
    ][zh];
  }

  stage.picture("clip", {
    label: ["The clipped objective and the ratios.", "截断后的目标与重要性比。"],
    controls: [
      { name: "eps", label: ["clip ε", "截断 ε"], min: -6, max: -0.3, step: 0.1, value: -0.7, power: true },
      { name: "d", label: ["moved by d", "移动 d"], min: 0.02, max: 2, step: 0.02, value: 0.5, digits: 2 },
      { name: "reduction", label: ["log-ratio over 65,536 coordinates", "对数比对 65,536 个坐标"], value: "sum", options: [["sum", ["sum", "求和"]], ["mean", ["mean", "求平均"]]] },
    ],
    panels: 2,
    draw,
  });
})();
