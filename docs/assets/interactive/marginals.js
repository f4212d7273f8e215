// The same marginals by an ODE and by SDEs: the interactive picture of the first page.
//
// Data are a mixture of two Gaussians on a line, so velocity and score are closed forms. The first
// part is mathematics without a page; a test holds it to the test vectors and to the Python code.
"use strict";

const DATA = { weights: [0.35, 0.65], means: [-1.6, 1.2], stds: [0.25, 0.4] };

// ---------------------------------------------------------------- closed forms

// Each component of p_t on the linear path: its weight, mean and variance.
function components(t, data = DATA) {
  return data.weights.map((w, k) => ({
    w,
    m: (1 - t) * data.means[k],
    V: ((1 - t) * data.stds[k]) ** 2 + t * t,
  }));
}

function density(x, t, data = DATA) {
  let p = 0;
  for (const { w, m, V } of components(t, data))
    p += (w * Math.exp(-((x - m) ** 2) / (2 * V))) / Math.sqrt(2 * Math.PI * V);
  return p;
}

// d/dx log p_t(x): the mean of the components' scores, weighted by who is likely at x.
function score(x, t, data = DATA) {
  const parts = components(t, data);
  const logs = parts.map(({ w, m, V }) => Math.log(w) - (x - m) ** 2 / (2 * V) - Math.log(V) / 2);
  const top = Math.max(...logs);
  let total = 0, sum = 0;
  parts.forEach(({ m, V }, k) => {
    const r = Math.exp(logs[k] - top);
    total += r;
    sum += (-r * (x - m)) / V;
  });
  return sum / total;
}

// v = -x/(1 - t) - t/(1 - t) score; at t = 1 its limit, x minus the mean of the data.
function velocity(x, t, data = DATA) {
  if (t > 1 - 1e-9) return x - data.weights.reduce((m, w, k) => m + w * data.means[k], 0);
  return -(x + t * score(x, t, data)) / (1 - t);
}

const drift = (x, v, g, t) => v + (g ** 2 / (2 * t)) * (x + (1 - t) * v);
const coefficient = (t, a, inside) => a * Math.sqrt(t / (1 - inside));

// Mean and standard deviation of one step from t to s, rightly or with a mistake that has been made.
function step(x, t, s, a, mistake = "none") {
  const h = t - s, v = velocity(x, t);
  const g = a === 0 ? 0 : coefficient(t, a, t === 1 ? s : t);
  const right = drift(x, v, g, t);
  const f = { none: right, sign: 2 * v - right, missing: v, root: right }[mistake];
  return { mean: x - h * f, std: mistake === "root" ? g * h : g * Math.sqrt(h) };
}

// Uniform numbers and normal ones from a seed, the same on every machine.
function normals(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

// Trajectories from t = 1 to 0 in T equal steps, all from given starts.
function rollout(starts, T, a, mistake, seed) {
  const draw = normals(seed);
  return starts.map((start) => {
    const path = [start];
    for (let i = 0; i < T; i++) {
      const { mean, std } = step(path[i], 1 - i / T, 1 - (i + 1) / T, a, mistake);
      path.push(mean + std * draw());
    }
    return path;
  });
}

function spread(values) {
  const mean = values.reduce((s, x) => s + x, 0) / values.length;
  return Math.sqrt(values.reduce((s, x) => s + (x - mean) ** 2, 0) / values.length);
}

function dataSpread(data = DATA) {
  const m = data.weights.reduce((s, w, k) => s + w * data.means[k], 0);
  return Math.sqrt(
    data.weights.reduce((s, w, k) => s + w * (data.stds[k] ** 2 + (data.means[k] - m) ** 2), 0),
  );
}

if (typeof module !== "undefined")
  module.exports = { DATA, density, score, velocity, drift, coefficient, step, normals, rollout, spread, dataSpread };

// ---------------------------------------------------------------- the picture

const WORDS = {
  en: {
    ends: "ends", noise: "noise", data: "data", still: "SDE, a = 0: the ODE",
    label: "Trajectories from noise to data.",
    names: { none: "", sign: " with the wrong sign", missing: " without the correction", root: " with g h for g √h" },
    told: (ode, sde, data, how) =>
      `Standard deviation of ${MANY} ends: ODE ${ode}, SDE${how} ${sde}; the data's is ${data}.`,
  },
  zh: {
    ends: "终点", noise: "噪声", data: "数据", still: "SDE，a = 0：就是 ODE",
    label: "从噪声到数据的轨迹。",
    names: { none: "", sign: "（符号反了）", missing: "（没有修正项）", root: "（g h 代替 g √h）" },
    told: (ode, sde, data, how) => `${MANY} 个终点的标准差：ODE ${ode}，SDE${how} ${sde}；数据是 ${data}。`,
  },
};

const RANGE = 3.2, MANY = 1500, FEW = 14;

function colours(host) {
  const style = getComputedStyle(host);
  const of = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  return { ink: style.color, blue: of("--plot-blue", "#0b6fb8"), orange: of("--plot-orange", "#c26a00") };
}

// The law of x_t over (t, x), drawn small and stretched, so that it is smooth.
function shade(pen, box, colour) {
  const columns = 60, rows = 80, small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  const brush = small.getContext("2d");
  brush.fillStyle = colour;
  for (let i = 0; i < columns; i++) {
    const t = 1 - (i + 0.5) / columns;
    const p = Array.from({ length: rows }, (_, j) => density(RANGE * (1 - (2 * (j + 0.5)) / rows), t));
    const top = Math.max(...p);
    p.forEach((value, j) => {
      brush.globalAlpha = 0.4 * (value / top) ** 0.7;
      brush.fillRect(i, j, 1, 1);
    });
  }
  pen.drawImage(small, box.x, box.y, box.w, box.h);
}

const place = (box, x) => box.y + (box.h * (RANGE - Math.max(-RANGE, Math.min(RANGE, x)))) / (2 * RANGE);

function lines(pen, box, paths, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  for (const path of paths) {
    pen.beginPath();
    path.forEach((x, i) => pen.lineTo(box.x + (i * box.w) / (path.length - 1), place(box, x)));
    pen.stroke();
  }
}

function ends(pen, box, values, colour) {
  const bins = 48, count = new Array(bins).fill(0);
  for (const x of values) {
    const k = Math.floor(((x + RANGE) / (2 * RANGE)) * bins);
    if (k >= 0 && k < bins) count[k]++;
  }
  const width = (2 * RANGE) / bins, scale = box.w / 0.75;
  pen.globalAlpha = 0.55;
  pen.fillStyle = colour;
  count.forEach((n, k) => {
    const p = n / values.length / width;
    pen.fillRect(box.x, place(box, -RANGE + (k + 1) * width), p * scale, box.h / bins + 0.5);
  });
  pen.globalAlpha = 1;
}

function outline(pen, box, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (let x = -RANGE; x <= RANGE; x += 0.05) pen.lineTo(box.x + (density(x, 0.002) * box.w) / 0.75, place(box, x));
  pen.stroke();
}

function start(host) {
  const find = (name) => host.querySelector(`[name=${name}]`);
  const canvas = host.querySelector("canvas"), told = host.querySelector(".told");
  const words = WORDS[host.lang === "zh" ? "zh" : "en"];
  let seed = 1;

  function draw() {
    const a = Number(find("a").value), T = Number(find("T").value), mistake = find("mistake").value;
    host.querySelector("[data-shows=a]").textContent = a.toFixed(2);
    host.querySelector("[data-shows=T]").textContent = T;
    const wide = host.clientWidth > 560, ratio = window.devicePixelRatio || 1;
    const width = host.clientWidth, panel = 230, top = wide ? 22 : 40;
    const height = wide ? panel + top + 18 : 2 * (panel + top) + 18;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d"), c = colours(host);
    pen.scale(ratio, ratio);
    pen.font = "13px sans-serif";
    const draws = normals(seed), starts = Array.from({ length: MANY }, draws);
    const shown = Array.from({ length: FEW }, (_, i) => -1.9 + (3.8 * i) / (FEW - 1));
    const made = [
      { title: "ODE", a: 0, colour: c.blue, mistake: "none" },
      { title: a === 0 ? words.still : `SDE, a = ${a.toFixed(2)}`, a, colour: c.orange, mistake },
    ].map((m, i) => {
      const half = wide ? width / 2 : width;
      const x = wide ? i * half : 0, y = wide ? top : i * (panel + top) + top;
      const box = { x: x + 2, y, w: half * 0.72 - 2, h: panel }, side = { x: x + half * 0.74, y, w: half * 0.22, h: panel };
      const values = rollout(starts, T, m.a, m.mistake, seed + 1).map((path) => path[T]);
      pen.fillStyle = c.ink;
      pen.fillText(m.title, box.x, y - 7);
      pen.fillText(words.ends, side.x, y - 7);
      shade(pen, box, c.blue);
      lines(pen, box, rollout(shown, T, m.a, m.mistake, seed + 2), m.colour);
      ends(pen, side, values, m.colour);
      outline(pen, side, c.ink);
      pen.fillStyle = c.ink;
      pen.fillText(words.noise, box.x, y + panel + 14);
      pen.fillText(words.data, box.x + box.w - 28, y + panel + 14);
      return spread(values);
    });
    const [ode, sde, data] = [...made, dataSpread()].map((x) => x.toFixed(2));
    told.textContent = words.told(ode, sde, data, words.names[mistake]);
    canvas.setAttribute("aria-label", `${words.label} ${told.textContent}`);
  }

  for (const name of ["a", "T", "mistake"]) find(name).addEventListener("input", draw);
  find("again").addEventListener("click", () => { seed += 10; draw(); });
  new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
  window.addEventListener("resize", draw);
  host.hidden = false;
  draw();
}

if (typeof document !== "undefined")
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-interactive=marginals]").forEach(start));
