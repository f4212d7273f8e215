// Straight lines between pairs of data and noise cross; trajectories of the mean field do not.
//
// Needs marginals.js, which has the data, their velocity and the random numbers.
"use strict";

(() => {
  const stage = typeof module === "undefined" ? Stage : require("./stage.js");
  const base = typeof module === "undefined" ? { DATA, normals, velocity } : require("./marginals.js");

  // Noises, evenly over the normal law's middle, each with a datum: drawn at random, or matched in order.
  function pairs(n, pairing, seed) {
    // What a normal number has behind its point is uniform, to eight digits.
    const draw = base.normals(seed), uniform = () => { const x = draw(); return x - Math.floor(x); };
    const noise = stage.range(-1.9, 1.9, n - 1);
    const data = noise.map(() => {
      const k = uniform() < base.DATA.weights[0] ? 0 : 1;
      return base.DATA.means[k] + base.DATA.stds[k] * draw();
    });
    if (pairing === "matched") data.sort((a, b) => a - b);
    return noise.map((x, i) => [x, data[i]]);
  }

  // How many pairs of lines change their order between noise and data.
  function crossings(lines) {
    let count = 0;
    lines.forEach(([x, p], i) => lines.slice(i + 1).forEach(([y, q]) => { count += (x - y) * (p - q) < 0; }));
    return count;
  }

  // The flow of the mean field for independent pairs, by Heun's method, as points (t, x).
  function trajectory(start, n = 120) {
    const path = [[1, start]], levels = stage.range(1, 0.002, n);
    for (let i = 0; i < n; i++) {
      const x = path[i][1], [t, s] = [levels[i], levels[i + 1]], v = base.velocity(x, t);
      path.push([s, x - ((t - s) * (v + base.velocity(x - (t - s) * v, s))) / 2]);
    }
    return path;
  }

  if (typeof module !== "undefined") module.exports = { pairs, crossings, trajectory };

  function draw({ n, pairing, seed }, [left, right], zh) {
    const lines = pairs(n, pairing, seed), frame = { x: [0, 1], y: [-2.9, 2.9], xlabel: "t", reversed: true };
    left.axes({ ...frame, title: ["training: lines", "训练：直线"][zh] });
    for (const [noise, datum] of lines) left.curve([[1, noise], [0, datum]], "orange", { width: 1 });
    right.axes({ ...frame, title: ["sampling: the mean field", "采样：平均的场"][zh] });
    const flown = pairing === "random" ? lines.map(([noise]) => trajectory(noise)) : lines.map(([x, p]) => [[1, x], [0, p]]);
    for (const path of flown) right.curve(path, "blue", { width: 1 });
    const before = crossings(lines), after = crossings(flown.map((path) => [path[0][1], path.at(-1)[1]]));
    const bent = pairing === "random"
      ? ["The field is the mean of the lines through each point, so the trajectories bend.", "场是过每一点的直线的平均，所以轨迹是弯的。"]
      : ["One line passes through each point, so the field follows it: the trajectories are straight.", "过每一点只有一条直线，场就沿着它走：轨迹是直的。"];
    return [`${before} crossings of ${n} lines, ${after} of the trajectories. ${bent[0]}`, `${n} 条直线有 ${before} 个交点，轨迹有 ${after} 个。${bent[1]}`][zh];
  }

  stage.picture("crossing", {
    label: ["Lines between data and noise, and the trajectories of the mean field.", "数据与噪声之间的直线，以及平均的场的轨迹。"],
    controls: [
      { name: "n", label: ["lines", "直线数"], min: 6, max: 40, step: 1, value: 18 },
      { name: "pairing", label: ["pairs", "配对"], value: "random", options: [["random", ["at random", "随机"]], ["matched", ["in order", "按顺序"]]] },
      { name: "seed", label: ["new data", "换一批数据"], button: true, value: 3 },
    ],
    panels: 2,
    height: 270,
    draw,
  });
})();
