// Asks the browser for a passkey, a new one or one to be shown, and sends what it says with the form.
"use strict";

const form = document.querySelector("form[data-passkey]");

const bytes = (text) => {
  const plain = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(plain), (c) => c.charCodeAt(0));
};

const text = (buffer) => {
  let plain = "";
  for (const byte of new Uint8Array(buffer)) plain += String.fromCharCode(byte);
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};

const known = () =>
  form.dataset.keys.split(" ").filter(Boolean).map((id) => ({ type: "public-key", id: bytes(id) }));

const create = async () => {
  const data = form.dataset;
  const made = await navigator.credentials.create({
    publicKey: {
      challenge: bytes(data.challenge),
      rp: { id: data.party, name: "Lantai" },
      user: { id: bytes(data.user), name: data.name, displayName: data.name },
      pubKeyCredParams: data.algorithms.split(" ").map((alg) => ({ type: "public-key", alg: Number(alg) })),
      excludeCredentials: known(),
      authenticatorSelection: { residentKey: "discouraged", userVerification: "preferred" },
      attestation: "none",
    },
  });
  const said = made.response;
  return {
    id: made.rawId,
    client_data: said.clientDataJSON,
    authenticator_data: said.getAuthenticatorData(),
    key: said.getPublicKey(),
  };
};

const show = async () => {
  const shown = await navigator.credentials.get({
    publicKey: {
      challenge: bytes(form.dataset.challenge),
      rpId: form.dataset.party,
      allowCredentials: known(),
      userVerification: "preferred",
    },
  });
  const said = shown.response;
  return {
    id: shown.rawId,
    client_data: said.clientDataJSON,
    authenticator_data: said.authenticatorData,
    signature: said.signature,
  };
};

if (form) {
  const button = form.querySelector("button");
  const alert = form.querySelector("[role=alert]");
  if (window.PublicKeyCredential) {
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      if (form.dataset.done) return;
      event.preventDefault();
      button.disabled = true;
      alert.hidden = true;
      try {
        const said = await (form.dataset.passkey === "create" ? create() : show());
        for (const [name, value] of Object.entries(said)) form.elements[name].value = text(value);
        form.dataset.done = "yes";
        form.submit();
      } catch {
        alert.hidden = false;
        button.disabled = false;
      }
    });
  }
}
