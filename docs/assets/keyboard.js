// What scrolls sideways can be reached and scrolled by the keyboard, too.
"use strict";

const WIDE = "pre > code, .graph, .md-typeset__scrollwrap, div.arithmatex, figure";

function reachable() {
  for (const box of document.querySelectorAll(WIDE))
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
}

new ResizeObserver(reachable).observe(document.documentElement);
document.addEventListener("toggle", reachable, true); // a folded block that opens
window.addEventListener("load", reachable);
