// Small comforts of the frame; every page works without them.
(() => {
  Object.assign(window.htmx.config, {
    includeIndicatorStyles: false,
    allowEval: false,
    selfRequestsOnly: true,
    scrollBehavior: "auto",
    historyCacheSize: 0,
    refreshOnHistoryMiss: true,
    responseHandling: [
      { code: "204", swap: false },
      { code: "[23]..", swap: true },
      { code: "422", swap: true },
      { code: "[45]..", swap: false, error: true },
    ],
  });

  const search = document.querySelector("[data-shortcut-search]");
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });

  // A row of a list opens on a click anywhere, but not while text is being selected.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("tr")?.querySelector("a.kq-row-link");
    if (!link || event.target.closest("a, button, input, label, select")) return;
    if (getSelection().toString()) return;
    if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener");
    else location.assign(link.href);
  });

  // On a phone a row is a card: each cell then says which column it belongs to.
  const nameCells = (root) => {
    for (const table of root.querySelectorAll(".kq-table")) {
      const names = [...table.tHead.rows[0].cells].map((head) => head.textContent.trim());
      for (const row of table.tBodies[0].rows) {
        [...row.cells].forEach((cell, index) => (cell.dataset.label = names[index]));
      }
    }
  };
  nameCells(document);
  document.addEventListener("htmx:load", (event) => nameCells(event.detail.elt));

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  const fetched = new Set();
  document.addEventListener("pointerover", (event) => {
    const link = event.target.closest("a[data-prefetch], a.kq-row-link");
    if (!link || fetched.has(link.href) || link.href === location.href) return;
    fetched.add(link.href);
    const hint = document.createElement("link");
    hint.rel = "prefetch";
    hint.href = link.href;
    document.head.append(hint);
  });

  const toasts = document.getElementById("toasts");
  const showToast = (element) => {
    toasts.append(element);
    window.bootstrap.Toast.getOrCreateInstance(element, { delay: 6000 }).show();
    element.addEventListener("hidden.bs.toast", () => element.remove());
  };
  const say = () => {
    const template = document.getElementById("toast-failed");
    showToast(template.content.firstElementChild.cloneNode(true));
  };
  document.addEventListener("htmx:responseError", say);
  document.addEventListener("htmx:sendError", say);

  // Addresses of lists carry only what is set.
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb !== "get") return;
    for (const [name, value] of [...event.detail.formData.entries()]) {
      if (value === "") event.detail.formData.delete(name);
    }
  });

  document.querySelector("[data-focus]")?.focus();
})();
