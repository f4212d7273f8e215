// Everything comes from the one file beside this: no extension is loaded later, and an unknown
// macro is an error that the rendered check sees, not a word printed in red.
window.MathJax = {
  tex: {
    inlineMath: [["\\(", "\\)"]],
    displayMath: [["\\[", "\\]"]],
    processEscapes: true,
    processEnvironments: true,
    tags: "ams",
    packages: { "[-]": ["noundefined", "autoload", "require"] },
  },
  options: {
    ignoreHtmlClass: ".*|",
    processHtmlClass: "arithmatex",
    enableMenu: false,
  },
  svg: { fontCache: "global" },
  startup: {
    pageReady: () =>
      MathJax.startup.defaultPageReady().then(() => {
        for (const item of MathJax.startup.document.math) {
          const root = item.typesetRoot;
          root.dataset.tex = item.display ? `$$${item.math}$$` : `$${item.math}$`;
          if (!item.display && root.getBoundingClientRect().width > 320)
            root.parentElement.classList.add("wide"); // wider than a phone
        }
        document.documentElement.dataset.typeset = "done";
      }),
  },
};

// What is copied holds the TeX of its formulas, not the pieces of their pictures.
function asText(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  if (node.dataset && node.dataset.tex) return node.dataset.tex;
  const inside = [...node.childNodes].map(asText).join("");
  return /^(P|DIV|LI|TR|H[1-6]|PRE|DETAILS|SUMMARY|FIGCAPTION)$/.test(node.nodeName) ? `${inside}\n` : inside;
}

document.addEventListener("copy", (event) => {
  const selection = document.getSelection();
  if (!selection.rangeCount) return;
  const picked = selection.getRangeAt(0).cloneContents();
  if (!picked.querySelector("[data-tex]")) return;
  event.clipboardData.setData("text/plain", asText(picked).replace(/\n{3,}/g, "\n\n").trim());
  event.preventDefault();
});
