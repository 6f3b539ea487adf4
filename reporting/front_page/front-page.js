// Puts the next front page in place of this one, without losing the reader's place. Without it the page is a snapshot.
"use strict";
(() => {
  const seconds = Number(document.documentElement.dataset.renewSeconds) || 10;
  const box = document.querySelector("#renew");
  box.closest("label").hidden = false;

  const isBusy = () => !box.checked || document.hidden || String(getSelection()) !== "";

  async function renew() {
    // A page is dated to the second: of two that were written in one, a cache would keep the first.
    const response = await fetch(location.pathname, { cache: "no-store" });
    if (!response.ok || isBusy()) return;
    const next = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#live");
    const live = document.querySelector("#live");
    if (!next || next.innerHTML === live.innerHTML) return;
    const open = [...live.querySelectorAll("details[open]")].map((one) => one.id);
    for (const id of open) next.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    const scrolled = [...live.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    const key = (one) => one.parentElement.id || one.getAttribute("href") || one.getAttribute("aria-label");
    const focused = live.contains(document.activeElement) ? key(document.activeElement) : null;
    live.replaceWith(next);
    [...next.querySelectorAll(".scroll")].forEach((one, at) => { one.scrollLeft = scrolled[at] || 0; });
    const again = [...next.querySelectorAll("a, summary, [tabindex]")].find((one) => focused && key(one) === focused);
    again?.focus({ preventScroll: true });
  }

  setInterval(() => { if (!isBusy()) renew().catch(() => {}); }, seconds * 1000);
})();
