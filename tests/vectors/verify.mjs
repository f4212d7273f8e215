// The operations of one Flow-GRPO step in JavaScript, held against the test vectors.
//
//   node verify.mjs FOLDER              exit code 0: all agree, 1: something differs
//   node verify.mjs FOLDER --mistaken   with the KL of a trainer that forgot h
import { readFileSync } from "node:fs";
import { join } from "node:path";

// ---- the implementation that is tested: plain functions of plain numbers

function need(holds, what) {
  if (!holds) throw new RangeError(what); // NaN fails every comparison, and so is refused
}

function needStep(t, s) {
  need(0 <= s && s < t && t <= 1, `noise levels must fall from t to s, got ${t}, ${s}`);
}

const operations = {
  "ode.euler": ({ rate, slope, x, t, s }) => {
    needStep(t, s);
    return { value: x - (t - s) * (rate * x + slope * t) };
  },
  "sde.flow_grpo_g": ({ t, a, inside }) => {
    need(0 <= t && t <= 1 && 0 <= inside && inside < 1 && a >= 0, "t, inside or a");
    return { value: a * Math.sqrt(t / (1 - inside)) };
  },
  "sde.transition": ({ alpha, sigma, d_alpha, d_sigma, x, v, g, t, s }) => {
    needStep(t, s);
    need(sigma > 0 && g >= 0, "sigma or g");
    const noise = (alpha * v - d_alpha * x) / (alpha * d_sigma - d_alpha * sigma);
    const drift = v + (g * g * noise) / (2 * sigma);
    return { mean: x - (t - s) * drift, std: g * Math.sqrt(t - s) };
  },
  "gaussian.log_prob": ({ x, mean, std }) => {
    need(std > 0, "std");
    return { value: -(((x - mean) / std) ** 2) / 2 - Math.log(std) - Math.log(2 * Math.PI) / 2 };
  },
  "kl.flow_grpo": ({ v, v_ref, g, t, h }) => {
    need(0 < t && t <= 1 && g > 0 && h > 0, "t, g or h");
    return { value: (h / 2) * ((g * (1 - t)) / (2 * t) + 1 / g) ** 2 * (v - v_ref) ** 2 };
  },
  "policy.ratio": ({ log_prob, log_prob_old }) => ({ value: Math.exp(log_prob - log_prob_old) }),
  "grpo.surrogate": ({ ratio, advantage, clip }) => {
    need(ratio >= 0 && clip >= 0, "ratio or clip");
    const clipped = Math.min(Math.max(ratio, 1 - clip), 1 + clip);
    return { value: Math.min(ratio * advantage, clipped * advantage) };
  },
  "grpo.advantage": ({ rewards, std, ddof, eps }) => {
    const [prompts, group] = rewards.shape;
    need(group >= 2 && eps >= 0 && (ddof === 0 || ddof === 1), "group, eps or ddof");
    need(["group", "batch", "none"].includes(std), "std");
    const mean = (x) => x.reduce((a, b) => a + b, 0) / x.length;
    const spread = (x) => {
      const centre = mean(x);
      return Math.sqrt(x.reduce((a, b) => a + (b - centre) ** 2, 0) / (x.length - ddof));
    };
    const rows = Array.from({ length: prompts }, (_, i) =>
      rewards.values.slice(i * group, (i + 1) * group),
    );
    return {
      value: rows.flatMap((row) => {
        if (row.every((r) => r === row[0])) return row.map(() => 0);
        const scale = std === "none" ? 1 : spread(std === "group" ? row : rewards.values) + eps;
        return row.map((r) => (r - mean(row)) / scale);
      }),
    };
  },
};

if (process.argv.includes("--mistaken")) {
  const right = operations["kl.flow_grpo"];
  operations["kl.flow_grpo"] = (inputs) => ({ value: right(inputs).value * inputs.h });
}

// ---- the reader: arguments broadcast, coordinate by coordinate

function read(input) {
  if (typeof input !== "object") return input; // a count or an option
  return { shape: input.shape, values: input.decimal.map(Number) };
}

function coordinates(inputs) {
  const arrays = Object.values(inputs).filter((x) => x.shape?.length);
  const rank = Math.max(0, ...arrays.map((x) => x.shape.length));
  need(arrays.every((x) => x.shape.length === rank), "shapes of different rank");
  const full = Array.from({ length: rank }, (_, k) => Math.max(...arrays.map((x) => x.shape[k])));
  const size = full.reduce((a, b) => a * b, 1);
  const at = (x, index) => {
    if (!x.shape?.length) return x.values?.[0] ?? x;
    let [offset, stride] = [0, 1];
    for (let k = rank - 1; k >= 0; k--) {
      if (x.shape[k] > 1) offset += (index % full[k]) * stride;
      stride *= x.shape[k];
      index = Math.floor(index / full[k]);
    }
    return x.values[offset];
  };
  return Array.from({ length: size }, (_, i) =>
    Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, at(x, i)])),
  );
}

function compute(file, test) {
  const inputs = Object.fromEntries(Object.entries(test.inputs).map(([n, x]) => [n, read(x)]));
  if (!file.elementwise) {
    const flat = ([n, x]) => [n, x.shape?.length === 0 ? x.values[0] : x];
    return operations[file.equation](Object.fromEntries(Object.entries(inputs).map(flat)));
  }
  const rows = coordinates(inputs).map(operations[file.equation]);
  const parts = Object.keys(rows[0]);
  return Object.fromEntries(parts.map((p) => [p, rows.map((row) => row[p])]));
}

// ---- the judge: "" if a test is passed, else what is wrong

function judge(file, test) {
  let got;
  try {
    got = compute(file, test);
  } catch (error) {
    return test.result === "valid" ? `refused: ${error.message}` : "";
  }
  if (test.result === "invalid") {
    const refused = Object.values(got).flat().some(Number.isNaN);
    return refused ? "" : `not refused: ${test.error.reason}`;
  }
  const within = Object.entries(test.expected).every(([part, { digits, tolerance }]) =>
    digits.every((d, i) => Math.abs(got[part][i] - Number(d)) <= tolerance.float64[i]),
  );
  if (within) return "";
  const equals = (answer) =>
    Object.entries(answer).every(([part, { decimal }]) =>
      decimal.every((d, i) => Math.abs(got[part][i] - d) <= 1e-12 * (1 + Math.abs(d))),
    );
  const named = Object.keys(test.wrong).filter((name) => equals(test.wrong[name]));
  const why = named.map((name) => `${name}: ${file.flags[name].note}`);
  return `outside the tolerance; ${why.join(" or ") || "no mistake that has a name"}`;
}

let failures = 0;
for (const equation of Object.keys(operations)) {
  const file = JSON.parse(readFileSync(join(process.argv[2], `${equation}.json`), "utf-8"));
  const wrong = file.tests.map((test) => [test.tcId, judge(file, test)]).filter(([, why]) => why);
  console.log(`${equation}: ${file.tests.length - wrong.length} of ${file.tests.length} agree`);
  for (const [tcId, why] of wrong) console.log(`  tcId ${tcId}: ${why}`);
  failures += wrong.length;
}
process.exit(failures ? 1 : 0);
