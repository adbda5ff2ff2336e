"use strict";
(() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = one("#controls");
  if (!form) return; // nothing was found
  form.hidden = false;

  const named = (entry) => [entry, ...all("[data-name]", entry)].filter((card) => "name" in card.dataset);

  // Filtering: an entry is a picture, a group or a line; a part is all entries of one kind.
  const parts = all(".part").map((element) => ({
    element,
    entries: all(".entry", element).map((entry) => ({
      entry,
      text: [entry.textContent, ...named(entry).map((card) => card.dataset.name)].join(" ").toLowerCase(),
    })),
    matches: one(".matches", element),
    copy: one(".copy", element),
  }));
  const total = parts.reduce((sum, part) => sum + part.entries.length, 0);
  const plural = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
  const toCopy = (part) =>
    part.entries
      .filter(({ entry }) => !entry.hidden)
      .flatMap(({ entry }) => named(entry))
      .filter((card) => !card.classList.contains("kept"))
      .map((card) => card.dataset.name);

  function apply() {
    const severities = new Set(all("[name=severity]:checked", form).map((box) => box.value));
    const kind = one("#kind").value;
    const words = one("#search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const part of parts) {
      const wanted = severities.has(part.element.dataset.severity) && (!kind || kind === part.element.dataset.kind);
      let matching = 0;
      for (const { entry, text } of part.entries) {
        entry.hidden = !words.every((word) => text.includes(word));
        matching += !entry.hidden;
      }
      part.element.hidden = !wanted || matching === 0;
      part.matches.textContent = words.length ? `${matching} of ${part.entries.length} match` : "";
      if (part.copy) {
        part.copy.hidden = matching === 0;
        part.copy.textContent = `Copy ${plural(toCopy(part).length, "name")}`;
      }
      shown += wanted ? matching : 0;
    }
    one("#count").textContent = shown === total ? plural(total, "finding") : `${shown} of ${total}`;
    one("#show-all").hidden = shown === total;
    one("#nothing").hidden = shown > 0;
  }
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply)); // after the fields have their values back
  all("nav a").forEach((link) =>
    link.addEventListener("click", () => {
      if (one(link.getAttribute("href")).hidden) {
        form.reset();
        apply();
      }
    }),
  );
  apply();

  // Copying: from a file: address some browsers give no clipboard, so there is the old way too.
  async function toClipboard(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const box = document.body.appendChild(document.createElement("textarea"));
      box.value = text;
      box.select();
      document.execCommand("copy");
      box.remove();
    }
  }
  for (const part of parts) {
    part.copy?.addEventListener("click", async () => {
      const names = toCopy(part);
      await toClipboard(names.map((name) => `${name}\n`).join(""));
      part.copy.textContent = `Copied ${plural(names.length, "name")}`;
      setTimeout(apply, 2000);
    });
  }

  // Enlarging.
  const lens = one("#lens");
  let current = null;
  function enlarge(thumb) {
    current = thumb;
    const card = thumb.closest(".card");
    const large = thumb.firstElementChild.cloneNode(true);
    const image = one("img", thumb);
    if (image) {
      const factor = Math.max(1, Math.floor(512 / Math.max(image.naturalWidth, image.naturalHeight)));
      large.width = image.naturalWidth * factor;
      large.height = image.naturalHeight * factor;
      large.className = factor > 1 ? "tiny" : "";
    }
    one(".stage", lens).replaceChildren(large);
    one("#lens-name").textContent = one(".name", card).title;
    const about = [...all(".label, .fate", card), ...all(".detail", card.closest(".entry"))];
    one(".about", lens).textContent = about.map((part) => part.textContent).join(" · ");
    if (!lens.open) lens.showModal();
  }
  function step(by) {
    const thumbs = all(".part:not([hidden]) .entry:not([hidden]) .thumb");
    enlarge(thumbs[(thumbs.indexOf(current) + by + thumbs.length) % thumbs.length]);
  }
  all(".thumb").forEach((thumb) => thumb.addEventListener("click", () => enlarge(thumb)));
  lens.addEventListener("click", (event) => {
    if (event.target === lens || "close" in event.target.dataset) lens.close();
    if (event.target.dataset.step) step(Number(event.target.dataset.step));
  });
  lens.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") step(event.key === "ArrowLeft" ? -1 : 1);
  });
  lens.addEventListener("close", () => current?.focus());
})();
