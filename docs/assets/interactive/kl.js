// The KL of each step of a rollout, and what trainers that divide by 2g² in place of 2g²h have for it.
"use strict";

(() => {
  const stage = typeof module === "undefined" ? Stage : require("./stage.js");

  const shift = (t, k) => (k * t) / (1 + (k - 1) * t);

  // The KL of two steps per coordinate, for a difference dv of their velocities.
  const stepKL = (dv, g, t, h) => (h / 2) * ((g * (1 - t)) / (2 * t) + 1 / g) ** 2 * dv ** 2;

  // The steps that are trained: all but the last. At t = 1 the lower level stands inside g.
  function steps(T, a, k) {
    const levels = Array.from({ length: T + 1 }, (_, i) => shift(1 - i / T, k));
    return levels.slice(0, T - 1).map((t, i) => {
      const s = levels[i + 1], h = t - s, g = a * Math.sqrt(t / (1 - (t === 1 ? s : t)));
      return { t, h, g, kl: stepKL(1, g, t, h), without: stepKL(1, g, t, h) * h };
    });
  }

  if (typeof module !== "undefined") module.exports = { stepKL, steps };

  const wide = (values) => Math.max(...values) / Math.min(...values);

  function draw({ T, a, k }, [left, right], zh) {
    const all = steps(T, a, k), sum = (key) => all.reduce((total, s) => total + s[key], 0);
    const relative = (key) => all.map((s) => [s.t, s[key] / all[0][key]]);
    const values = [...relative("kl"), ...relative("without")].map(([, y]) => y);
    const y = [Math.min(0.8, ...values) / 1.3, Math.max(1.2, ...values) * 1.3];
    const level = ["level t at the start of the step", "这一步开始处的水平 t"][zh];
    left.axes({ x: [0, 1.02], y, xlabel: level, title: ["weight of (v − v_ref)², first step = 1", "(v − v_ref)² 的权重，第一步取 1"][zh], log: "y", reversed: true });
    left.curve(relative("without"), "red", { dots: true });
    left.curve(relative("kl"), "blue", { dots: true });
    const share = (key) => all.map((s) => [s.t, s[key] / sum(key)]);
    const top = 1.25 * Math.max(...[...share("kl"), ...share("without")].map(([, v]) => v));
    right.axes({ x: [0, 1.02], y: [0, top], xlabel: level, title: ["share of each step in the penalty", "各步在惩罚中所占的份额"][zh], reversed: true });
    right.curve(share("without"), "red", { dots: true });
    right.curve(share("kl"), "blue", { dots: true });
    right.note(["KL of the step", "一步的 KL"][zh], "blue");
    right.note(["divided by 2g², without h", "除以 2g²，没有 h"][zh], "red");
    const varies = wide(all.map((s) => s.h)), last = [all.at(-1).kl / sum("kl"), all.at(-1).without / sum("without")].map((x) => `${(100 * x).toFixed(0)}%`);
    const told = varies < 1.001
      ? ["All steps are equally long, so the two differ by a constant.", "各步一样长，所以两者只差一个常数。"]
      : [`The two differ by h, which varies ${varies.toFixed(1)} times: no single β turns one into the other.`, `两者相差 h，而 h 的大小相差 ${varies.toFixed(1)} 倍：没有哪一个 β 能把一个变成另一个。`];
    const lasts = [`The last trained step has ${last[0]} of the penalty, and ${last[1]} where h is missing.`, `最后一个训练步在惩罚中占 ${last[0]}，少了 h 时占 ${last[1]}。`];
    return `${told[zh]}${zh ? "" : " "}${lasts[zh]}`;
  }

  stage.picture("kl", {
    label: ["The KL of each step, and the same divided by 2g² without h.", "各步的 KL，以及除以 2g² 而没有 h 的写法。"],
    controls: [
      { name: "T", label: ["steps T", "步数 T"], min: 4, max: 40, step: 1, value: 10 },
      { name: "a", label: ["noise a", "噪声 a"], min: 0.2, max: 1.5, step: 0.05, value: 0.7, digits: 2 },
      { name: "k", label: ["shift of the grid", "网格的平移"], min: 1, max: 9, step: 0.5, value: 3, digits: 1 },
    ],
    panels: 2,
    draw,
  });
})();
