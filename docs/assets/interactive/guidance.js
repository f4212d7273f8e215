// Guidance on two centred Gaussians: what it samples, and the law that it is said to sample.
"use strict";

(() => {
  const stage = typeof module === "undefined" ? Stage : require("./stage.js");

  // The width of what the guided flow samples: s^(1−w) s_y^w.
  const gaussianStd = (s, sy, w) => s ** (1 - w) * sy ** w;

  // The width of p(x) p(y|x)^w, normalised; NaN where there is no such law.
  const tiltedStd = (s, sy, w) => 1 / Math.sqrt((1 - w) / s ** 2 + w / sy ** 2);

  const density = (x, s) => Math.exp(-((x / s) ** 2) / 2) / (s * Math.sqrt(2 * Math.PI));

  if (typeof module !== "undefined") module.exports = { gaussianStd, tiltedStd };

  const S = 1, W = [0, 6];

  function draw({ w, sy }, [left, right], zh) {
    const flow = gaussianStd(S, sy, w), tilted = tiltedStd(S, sy, w), exists = Number.isFinite(tilted);
    const scales = stage.range(...W, 120), high = Math.max(1.15, sy * 1.1);
    left.axes({ x: W, y: [0, high], xlabel: ["guidance scale w", "引导系数 w"][zh], title: ["width", "宽度"][zh] });
    left.curve(W.map((x) => [x, sy]), "ink", { dash: [2, 4] });
    left.curve(scales.map((x) => [x, tiltedStd(S, sy, x)]).filter(([, y]) => Number.isFinite(y)), "orange");
    left.curve(scales.map((x) => [x, gaussianStd(S, sy, x)]), "blue");
    left.curve([[w, 0], [w, high]], "ink", { width: 1, dash: [4, 4] });
    left.note(["guided flow", "引导后的流"][zh], "blue", true);
    left.note("p(x) p(y|x)^w", "orange", true);
    left.note(["conditional, dotted", "条件分布，点线"][zh], "ink", true);
    const widths = [flow, sy, ...(exists ? [tilted] : [])], top = Math.min(6, 1.1 * Math.max(...widths.map((s) => density(0, s))));
    const places = stage.range(-2.5, 2.5, 250);
    right.axes({ x: [-2.5, 2.5], y: [0, top], xlabel: "x", title: `${["densities at", "密度，"][zh]} w = ${w.toFixed(2)}` });
    right.curve(places.map((x) => [x, density(x, sy)]), "ink", { dash: [2, 4] });
    if (exists) right.curve(places.map((x) => [x, density(x, tilted)]), "orange");
    right.curve(places.map((x) => [x, density(x, flow)]), "blue");
    const [f, t] = [flow, tilted].map((s) => (s < 0.01 ? s.toExponential(1) : s.toFixed(3)));
    const law = exists ? [`the law p(x) p(y|x)^w has ${t}`, `p(x) p(y|x)^w 的宽度是 ${t}`] : ["the law p(x) p(y|x)^w does not exist here", "这里不存在 p(x) p(y|x)^w 这个分布"];
    return [`The guided flow samples the width ${f}; ${law[0]}, the conditional law ${sy.toFixed(2)}.`, `引导后的流采到的宽度是 ${f}；${law[1]}，条件分布是 ${sy.toFixed(2)}。`][zh];
  }

  stage.picture("guidance", {
    label: ["Guidance on two centred Gaussians.", "两个中心在零的高斯上的引导。"],
    controls: [
      { name: "w", label: ["scale w", "系数 w"], min: 0, max: 6, step: 0.05, value: 2, digits: 2 },
      { name: "sy", label: ["conditional width", "条件分布的宽度"], min: 0.2, max: 1.6, step: 0.05, value: 0.5, digits: 2 },
    ],
    panels: 2,
    draw,
  });
})();
