// Passkeys: the browser asks an authenticator, the server checks its answer.
(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");

  const post = async (url, body, token) => {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "X-CSRF-Token": token, "Content-Type": "application/json" },
      body,
    });
    if (!answer.ok) throw new Error((await answer.text()).slice(0, 300));
    return answer.json();
  };

  const withBytes = (options) => ({
    ...options,
    challenge: bytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
    ...(options.excludeCredentials && {
      excludeCredentials: options.excludeCredentials.map((one) => ({ ...one, id: bytes(one.id) })),
    }),
  });

  const written = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    return JSON.stringify({
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response,
    });
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const data = new FormData(form);
      const token = data.get("csrf_token");
      const said = form.querySelector("[data-said]");
      said.textContent = "";
      try {
        const publicKey = withBytes(await post(`${form.action}/options`, "{}", token));
        const make = form.dataset.passkey === "create";
        const credential = await navigator.credentials[make ? "create" : "get"]({ publicKey });
        const query = new URLSearchParams();
        for (const name of ["name", "next"]) if (data.get(name)) query.set(name, data.get(name));
        const done = await post(`${form.action}?${query}`, written(credential), token);
        location.assign(done.next);
      } catch {
        said.textContent = said.dataset.said;
      }
    });
  }
})();
