// What the interactive pictures of the lectures share: controls, panels with axes, and redrawing.
//
//   Stage.picture("clip", { label, controls, panels, draw })
//
// `draw(state, panels, zh)` draws and returns the sentence below the picture, which is also what a
// reader hears who does not see it. Words are pairs, English and Chinese.
"use strict";

const Stage = (() => {
  // ---------------------------------------------------------------- without a page

  // Round numbers that divide an interval into about n parts, or a few more.
  function ticks(low, high, n = 4) {
    const raw = (high - low) / n, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw * 0.7);
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push(i * step);
    return found;
  }

  // The powers of ten of an interval.
  function decades(low, high) {
    const found = [];
    for (let e = Math.ceil(Math.log10(low) - 1e-9); 10 ** e <= high * 1.000001; e++) found.push(10 ** e);
    return found;
  }

  const short = (x) => (x === 0 ? "0" : Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5 ? x.toExponential(0) : String(Number(x.toPrecision(3)))).replace("-", "−");

  const range = (low, high, n) => Array.from({ length: n + 1 }, (_, i) => low + ((high - low) * i) / n);

  if (typeof module !== "undefined") {
    module.exports = { ticks, decades, short, range, picture: () => {} };
    return module.exports;
  }

  // ---------------------------------------------------------------- a panel

  const MARGIN = { left: 42, right: 10, top: 24, bottom: 34 };

  class Panel {
    constructor(pen, box, colours) {
      Object.assign(this, { pen, box, colours });
    }

    // Axes with their words; `log` of x, y or both takes logarithms.
    axes({ x, y, xlabel = "", title = "", log = "", reversed = false }) {
      Object.assign(this, { x, y, log, reversed });
      const { pen, colours } = this, inside = this.inside();
      pen.strokeStyle = pen.fillStyle = colours.ink;
      pen.globalAlpha = 0.5;
      pen.lineWidth = 1;
      pen.strokeRect(inside.x, inside.y, inside.w, inside.h);
      pen.globalAlpha = 1;
      pen.textAlign = "center";
      const along = (log.includes("x") ? decades : ticks)(x[0], x[1]);
      for (const value of along) pen.fillText(short(value), this.at(value, y[0])[0], inside.y + inside.h + 14);
      pen.fillText(xlabel, inside.x + inside.w / 2, inside.y + inside.h + 29);
      pen.textAlign = "right";
      const up = (log.includes("y") ? decades : ticks)(y[0], y[1]);
      for (const value of up) pen.fillText(short(value), inside.x - 5, this.at(x[0], value)[1] + 4);
      pen.textAlign = "left";
      pen.fillText(title, inside.x, inside.y - 8);
      this.notes = 0;
    }

    inside() {
      const { x, y, w, h } = this.box;
      return { x: x + MARGIN.left, y: y + MARGIN.top, w: w - MARGIN.left - MARGIN.right, h: h - MARGIN.top - MARGIN.bottom };
    }

    at(x, y) {
      const box = this.inside(), part = (value, [low, high], log) =>
        log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
      const across = part(x, this.x, this.log.includes("x"));
      return [box.x + box.w * (this.reversed ? 1 - across : across), box.y + box.h * (1 - part(y, this.y, this.log.includes("y")))];
    }

    clipped(act) {
      const { pen } = this, box = this.inside();
      pen.save();
      pen.beginPath();
      pen.rect(box.x, box.y, box.w, box.h);
      pen.clip();
      act();
      pen.restore();
    }

    curve(points, colour, { dash = [], width = 2, dots = false, fill = false } = {}) {
      this.clipped(() => {
        const { pen } = this;
        pen.strokeStyle = pen.fillStyle = this.colours[colour];
        pen.lineWidth = width;
        pen.setLineDash(dash);
        pen.beginPath();
        for (const [x, y] of points) pen.lineTo(...this.at(x, y));
        if (fill) {
          pen.globalAlpha = 0.35;
          pen.lineTo(...this.at(points.at(-1)[0], this.y[0]));
          pen.lineTo(...this.at(points[0][0], this.y[0]));
          pen.fill();
        } else pen.stroke();
        if (dots) for (const [x, y] of points) {
          pen.beginPath();
          pen.arc(...this.at(x, y), 3, 0, 7);
          pen.fill();
        }
      });
    }

    // A line of the legend, below the ones before it.
    note(text, colour, right = false) {
      const { pen } = this, box = this.inside();
      pen.fillStyle = this.colours[colour];
      pen.textAlign = right ? "right" : "left";
      pen.fillText(text, right ? box.x + box.w - 7 : box.x + 7, box.y + 16 + 16 * this.notes++);
      pen.textAlign = "left";
    }
  }

  // ---------------------------------------------------------------- a picture

  const made = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  function control(c, zh, redraw) {
    const word = (pair) => (Array.isArray(pair) ? pair[zh] : pair);
    const label = made("label", {}, word(c.label));
    if (c.button) {
      const button = made("button", { type: "button" }, word(c.label));
      let value = c.value;
      button.addEventListener("click", () => { value += 1; redraw(); });
      return { element: button, value: () => value };
    }
    if (c.options) {
      const select = made("select", { name: c.name }, ...c.options.map(([value, pair]) => made("option", { value }, word(pair))));
      select.value = c.value;
      select.addEventListener("input", redraw);
      label.append(" ", select);
      return { element: label, value: () => select.value };
    }
    const input = made("input", { type: "range", name: c.name, min: c.min, max: c.max, step: c.step, value: c.value });
    const output = made("output");
    const meant = () => (c.power ? 10 ** Number(input.value) : Number(input.value));
    const show = () => {
      output.textContent = c.power ? short(meant()) : meant().toFixed(c.digits ?? 0);
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", () => { show(); redraw(); });
    show();
    label.append(" ", input, " ", output);
    return { element: label, value: meant };
  }

  function start(host, { label, controls, panels, draw, height = 250 }) {
    const zh = document.documentElement.lang.startsWith("zh") ? 1 : 0;
    const canvas = made("canvas", { role: "img" }), told = made("p", { class: "told", "aria-live": "polite" });
    const all = Object.fromEntries(controls.map((c) => [c.name, control(c, zh, () => redraw())]));
    const form = made("form", {}, ...Object.values(all).map((c) => c.element));
    form.addEventListener("submit", (event) => event.preventDefault());
    host.append(canvas, form, told);

    function redraw() {
      const width = host.clientWidth, ratio = window.devicePixelRatio || 1;
      const beside = width > 560 ? panels : 1, rows = Math.ceil(panels / beside);
      Object.assign(canvas, { width: width * ratio, height: rows * height * ratio });
      canvas.style.height = `${rows * height}px`;
      const pen = canvas.getContext("2d"), style = getComputedStyle(host);
      const of = (name) => style.getPropertyValue(name).trim();
      const colours = { ink: style.color, blue: of("--plot-blue"), orange: of("--plot-orange"), red: of("--plot-red") };
      pen.scale(ratio, ratio);
      pen.font = "12px sans-serif";
      const boxes = range(0, panels - 1, panels - 1).map((i) => ({
        x: (i % beside) * (width / beside), y: Math.floor(i / beside) * height, w: width / beside, h: height,
      }));
      const state = Object.fromEntries(Object.entries(all).map(([name, c]) => [name, c.value()]));
      told.textContent = draw(state, boxes.map((box) => new Panel(pen, box, colours)), zh);
      canvas.setAttribute("aria-label", `${label[zh]} ${told.textContent}`);
    }

    new MutationObserver(redraw).observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
    window.addEventListener("resize", redraw);
    host.hidden = false;
    redraw();
  }

  const picture = (name, made) =>
    document.addEventListener("DOMContentLoaded", () =>
      document.querySelectorAll(`[data-interactive=${name}]`).forEach((host) => start(host, made)));

  return { ticks, decades, short, range, picture };
})();
