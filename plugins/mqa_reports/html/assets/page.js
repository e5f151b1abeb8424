// Filters the checks, and draws the plots of a check when it is opened, or printed.
"use strict";
(() => {
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const form = document.getElementById("filters");
  const status = document.getElementById("shown");
  const checks = [...document.querySelectorAll("details.check")];
  const rows = [...document.querySelectorAll("#matrix tbody tr")];
  const texts = new Map(); // of checks, made when a text is looked for

  // On a large page, a check's body is in an element that the browser parses only where scripts are off.
  const parse = (check) => {
    const unparsed = check.querySelector(".body > noscript");
    if (unparsed) unparsed.outerHTML = unparsed.textContent;
  };

  const draw = (root) => {
    for (const place of root.querySelectorAll(".plot[data-plot]")) {
      place.closest("figure").hidden = false;
      place.replaceChildren(drawPlot(plots[place.dataset.plot], Math.max(place.clientWidth, 280)));
      delete place.dataset.plot;
    }
  };

  const showPredictions = (details) => {
    const copy = document.getElementById(details.dataset.view).cloneNode(true);
    for (const element of [copy, ...copy.querySelectorAll("[id]")]) element.removeAttribute("id");
    copy.removeAttribute("aria-labelledby");
    copy.querySelector("h3").remove();
    details.replaceChildren(details.firstElementChild, copy);
  };

  const open = (details) => {
    if (details.matches(".check")) {
      parse(details);
      draw(details);
    } else if (details.matches(".predictions") && !details.dataset.shown) {
      details.dataset.shown = "yes";
      showPredictions(details);
    }
  };

  const textOf = (check) => {
    if (!texts.has(check)) {
      const unparsed = check.querySelector(".body > noscript");
      const body = unparsed && new DOMParser().parseFromString(unparsed.textContent, "text/html").body;
      const text = body ? check.firstElementChild.textContent + body.textContent : check.textContent;
      texts.set(check, text.toLowerCase());
    }
    return texts.get(check);
  };

  const filter = () => {
    const given = new FormData(form);
    const verdicts = new Set(given.getAll("verdict"));
    const family = given.get("family");
    const words = given.get("text").trim().toLowerCase();
    let shown = 0;
    checks.forEach((check, position) => {
      const isShown =
        verdicts.has(check.dataset.verdict) &&
        (!family || check.dataset.family === family) &&
        (!words || textOf(check).includes(words));
      check.hidden = rows[position].hidden = !isShown;
      shown += isShown;
    });
    status.textContent = `${shown.toLocaleString("en")} of ${checks.length.toLocaleString("en")} checks shown`;
  };

  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    const check = target && target.closest("details.check");
    if (!check) return;
    if (check.hidden) form.reset(), filter();
    check.open = true;
    check.scrollIntoView();
    check.querySelector("summary").focus({ preventScroll: true });
  };

  document.addEventListener("toggle", (event) => event.target.open && open(event.target), true);
  document.querySelectorAll("main > section:not(:has(details))").forEach(draw);
  form.hidden = checks.length < 2;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  filter();
  window.addEventListener("hashchange", reveal);
  reveal();

  let closed = []; // checks that are open on paper alone
  window.addEventListener("beforeprint", () => {
    closed = checks.filter((check) => !check.hidden && !check.open);
    for (const check of closed) {
      parse(check);
      check.open = true;
    }
    draw(document);
  });
  window.addEventListener("afterprint", () => {
    for (const check of closed) check.open = false;
  });
})();
