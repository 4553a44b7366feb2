// Saves keys and double presses; every page works without it.
(() => {
  // A form that is on its way is not sent again. Coming back by the browser's button frees it.
  const busy = new Set();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !("once" in form.dataset)) return;
    if (busy.has(form)) return event.preventDefault();
    busy.add(form);
    form.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    for (const form of busy) form.removeAttribute("aria-busy");
    busy.clear();
  });

  // Hand scanners end with Enter: with the amount still missing that means "next field".
  const till = document.querySelector("form[data-till]");
  till?.elements.code.addEventListener("keydown", (event) => {
    const { code, amount } = till.elements;
    if (event.key !== "Enter" || amount.value.trim()) return;
    event.preventDefault();
    if (code.value.trim()) amount.focus();
  });
  const focused = document.querySelector("[autofocus]");
  // Who typed before this ran is not typed over.
  if (focused?.value && focused.value === focused.defaultValue) focused.select();

  for (const button of document.querySelectorAll("[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    const select = () => getSelection().selectAllChildren(source);
    button.hidden = false;
    button.addEventListener("click", async () => {
      // Plain HTTP has no clipboard; the old command copies the selection there.
      try {
        await navigator.clipboard.writeText(source.textContent.trim());
      } catch {
        select();
        if (!document.execCommand("copy")) return;
      }
      button.querySelector("span").textContent = button.dataset.done;
      document.querySelector("[data-copied]").textContent = button.dataset.done;
    });
  }
})();
