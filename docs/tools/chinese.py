"""Lines of proofs in Chinese: each rule of a chain that a Chinese page shows.

A rule without a translation stops the generator, so that no page mixes languages unnoticed.
"""

from dataclasses import replace

from derivations.engine.reading import Reading

WORDS = {
    "(8). The Laplacian through the score.": "(8) 用得分表示拉普拉斯项。",
    "Δ = ∇·∇": "$\\Delta = \\nabla\\cdot\\nabla$",
    "∇p = p ∇log p, the derivative of a logarithm": "对数求导：$\\nabla p = p\\,\\nabla\\log p$",
    "(9). With this drift the right-hand side of (6) becomes that of (7).": (
        "(9) 取这个漂移，(6) 的右端就变成 (7) 的右端。"
    ),
    "The diffusion has the flow's marginals, for every g.": "对任意 $g$，扩散过程与流有相同的边缘分布。",
    "∇· is linear": "散度是线性的",
    "the Laplacian through the score": "代入 (8)",
    "they cancel": "两项相消",
    "(10). Run in r = −t with minus this drift, the diffusion moves p backwards.": (
        "(10) 令 $r = -t$，取这个漂移的相反数，扩散过程把 $p$ 倒着推回去。"
    ),
    "The right-hand side of (6) with a minus sign: every marginal is retraced.": (
        "恰为 (6) 的右端取负号：每个边缘分布都被原路走回。"
    ),
    "half a g² Δp is left, with a minus sign": "剩下带负号的 $\\tfrac12 g^2\\Delta p$",
    "(11). Put (9) into (10).": "(11) 把 (9) 代入 (10)。",
    "half a g² minus a whole one": "半个 $g^2$ 减去一整个",
    "Given the data x_0, the law of x_t is a Gaussian, and its score is this.": (
        "给定数据 $x_0$，$x_t$ 服从高斯分布，其得分如下。"
    ),
    "only the exponent depends on x": "只有指数部分依赖 $x$",
    "2 cancels": "约去 2",
    "At a point of the path it is minus the noise, over its scale.": (
        "在路径的点上，它等于负的噪声除以噪声的尺度。"
    ),
    "x_t − (1 − t) x_0 = t x_1": "$x_t - (1 - t)\\,x_0 = t\\,x_1$",
    "t cancels": "约去 t",
    "(12). The marginal score is the mean of the conditional ones over what the data may have been.": (
        "(12) 边缘得分是条件得分的后验平均。"
    ),
    "the derivative of a logarithm": "对数求导",
    "∇ is linear": "梯度是线性的",
    "∇k = k ∇log k, for each conditional density": "对每个条件密度用 $\\nabla k = k\\,\\nabla\\log k$",
    "Bayes: π p_t(x|z)/p_t is the posterior": "贝叶斯公式：$\\pi\\,p_t(x\\mid z)/p_t$ 就是后验",
    "(12). With the conditional score −x_1/t it is minus the expected noise, over t.": (
        "(12) 代入条件得分 $-x_1/t$：它等于负的期望噪声除以 $t$。"
    ),
    "the conditional mean, written as such": "写成条件期望",
    "E is linear, and t is given": "期望是线性的，$t$ 已给定",
    "(13), (14). The loss of flow matching at x_t, with the target y = x_1 − x_0.": (
        "(13)、(14) $x_t$ 处的流匹配损失，目标为 $y = x_1 - x_0$。"
    ),
    "The second term does not depend on the network, so the loss is least at its conditional mean: "
    "what is learnt is $v(x_t, t)=\\mathbb E[x_1 - x_0\\mid x_t]$.": (
        "第二项与网络无关，因此损失在条件均值处最小：学到的是 $v(x_t， t)=\\mathbb E[x_1 - x_0\\mid x_t]$。"
    ),
    "add and subtract the conditional mean": "加上再减去条件均值",
    "the square, multiplied out; u and m depend on x_t alone": "展开平方；$u$ 与 $m$ 只依赖 $x_t$",
    "E[m − y | x_t] = 0": "$\\mathbb E[m - y\\mid x_t] = 0$",
    "The data is eliminated by x_t = (1 − t) x_0 + t x_1.": (
        "用 $x_t = (1 - t)\\,x_0 + t\\,x_1$ 消去数据。"
    ),
    "E is linear, and x_t is given": "期望是线性的，$x_t$ 已给定",
    "collect E[x_1 | x_t]": "合并含 $\\mathbb E[x_1\\mid x_t]$ 的项",
    "1 + t/(1 − t) = 1/(1 − t)": "$1 + t/(1 - t) = 1/(1 - t)$",
    "(12): E[x_1 | x_t] = −t ∇log p_t": "由 (12)：$\\mathbb E[x_1\\mid x_t] = -t\\,\\nabla\\log p_t$",
    "One linear equation between velocity and score.": "速度与得分之间的一个线性方程。",
    "times 1 − t": "两边乘以 $1 - t$",
    "solved for the score": "解出得分",
    "σ = t, and the determinant is 1 − t + t = 1": "$\\sigma = t$，行列式为 $1 - t + t = 1$",
    "(15), which is (1). The score is eliminated from (11).": "(15) 即 (1)：从 (11) 中消去得分。",
    "minus times minus": "负负得正",
    "1/t in front of the bracket": "提出 $1/t$",
    "Equation (1), as the article writes it.": "写成文章中式 (1) 的样子。",
    "(15)": "(15)",
    "(2). One step down, of length h = |Δt|: the policy of Flow-GRPO.": (
        "(2) 向下走一步，步长 $h = |\\Delta t|$:这就是 Flow-GRPO 的策略。"
    ),
    "Euler–Maruyama over h = −Δt": "步长 $h = -\\Delta t$ 的欧拉–丸山格式",
}


def in_chinese(reading: Reading) -> Reading:
    """A chain with its title, its rules and its conclusion in Chinese.

    Raises:
        SystemExit: words that have no translation yet.
    """
    lines = tuple(replace(line, rule=_said(line.rule)) for line in reading.lines)
    return replace(reading, states=_said(reading.states), so=_said(reading.so), lines=lines)


def _said(words: str) -> str:
    if words and words not in WORDS:
        raise SystemExit(f"docs/tools/chinese.py has no Chinese for {words!r}")
    return WORDS.get(words, "")
