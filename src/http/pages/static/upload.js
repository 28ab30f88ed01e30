// Hands files in one by one: a stack can be dropped, each file shows how far it is, several go at once, one that failed can be
// tried again. A file counts as kept only when the server has answered 201. Without scripts, the form sends them all together.

const AT_ONCE = 3;
const LOOK_AGAIN_MS = 1200;
const SOON_MS = 3000;

/// An element with a class and a text.
function make(name, className = "", text = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/// 128 random bits: the same for every try of a file, so that the server knows it again.
const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/// A size as the pages write it.
const sized = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1 << 20 ? `${Math.floor(bytes / 1024)} KB` : `${(bytes / (1 << 20)).toFixed(1)} MB`);

class Sending {
  constructor(form) {
    this.form = form;
    this.say = form.dataset;
    this.kind = form.querySelector("select[name=kind]");
    this.input = form.querySelector("input[type=file]");
    this.list = make("ul", "sending plain");
    this.list.setAttribute("aria-live", "polite");
    this.end = make("p", "done");
    this.end.hidden = true;
    form.append(make("p", "hint drop-hint", this.say.drop), this.list, this.end);
    this.waiting = [];
    this.running = 0;
    // What is chosen goes into the list; the input is empty again and need not be filled.
    this.input.required = this.kind.required = false;
    this.input.addEventListener("change", () => {
      this.add(this.input.files);
      this.input.value = "";
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.sendAll();
    });
    for (const name of ["dragenter", "dragover"]) form.addEventListener(name, (event) => this.over(event, true));
    for (const name of ["dragleave", "drop"]) form.addEventListener(name, (event) => this.over(event, false));
    form.addEventListener("drop", (event) => this.add(event.dataTransfer?.files ?? []));
    addEventListener("beforeunload", (event) => {
      if (this.running > 0 || this.waiting.length > 0) event.preventDefault();
    });
  }

  over(event, inside) {
    event.preventDefault();
    this.form.classList.toggle("dropping", inside);
  }

  add(files) {
    for (const file of files) this.list.append(new Row(this, file).element);
    this.end.hidden = true;
  }

  rows() {
    return [...this.list.children].map((element) => element.row);
  }

  sendAll() {
    const ready = this.rows().filter((row) => row.state === "ready");
    for (const row of ready) row.ask();
    const lacking = ready.find((row) => row.state === "ready");
    (lacking?.kind ?? (ready.length === 0 ? this.input : undefined))?.focus();
    this.next();
  }

  next() {
    while (this.running < AT_ONCE && this.waiting.length > 0) {
      this.running += 1;
      this.waiting.shift().send();
    }
  }

  ended() {
    this.running -= 1;
    this.next();
    const rows = this.rows();
    if (rows.length > 0 && rows.every((row) => row.state === "kept")) {
      const again = make("a", "", this.say.refresh);
      again.href = location.pathname + location.search;
      this.end.replaceChildren(`${this.say.allKept} `, again);
      this.end.hidden = false;
    }
  }
}

class Row {
  constructor(sending, file) {
    this.sending = sending;
    this.file = file;
    this.key = newKey();
    this.state = "ready";
    this.element = make("li", "sent");
    this.element.row = this;
    this.kind = sending.kind.cloneNode(true);
    this.kind.removeAttribute("id");
    this.kind.setAttribute("aria-label", `${sending.form.querySelector("label[for=kind]").textContent}: ${file.name}`);
    this.kind.value = this.guess() || sending.kind.value;
    this.bar = make("progress");
    this.bar.max = 100;
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", file.name);
    this.said = make("span", "said", sending.say.ready);
    this.name = make("span", "name", file.name);
    this.more = make("span", "under");
    this.again = this.press(sending.say.retry, () => this.retry());
    this.away = this.press(sending.say.remove, () => this.element.remove());
    this.show();
    const state = make("span");
    state.append(this.bar, this.said);
    const buttons = make("span", "buttons");
    buttons.append(this.again, this.away);
    this.element.append(this.name, make("span", "muted", sized(file.size)), this.kind, state, buttons, this.more);
  }

  /// The kind whose title stands in the file's name.
  guess() {
    const options = [...this.kind.options].filter((option) => option.value && this.file.name.includes(option.textContent));
    return options.sort((a, b) => b.textContent.length - a.textContent.length)[0]?.value;
  }

  tell(text, className = "") {
    this.said.textContent = text;
    this.said.className = `said ${className}`;
  }

  press(text, action) {
    const button = make("button", "small quiet", text);
    button.type = "button";
    button.addEventListener("click", action);
    return button;
  }

  /// Shows what can be done with the file now.
  show() {
    const open = this.state === "ready" || this.state === "failed";
    this.again.hidden = this.state !== "failed";
    this.away.hidden = !open;
    this.kind.disabled = !open;
    this.bar.hidden = this.state !== "sending";
  }

  retry() {
    this.state = "ready";
    this.ask();
    this.sending.next();
  }

  ask() {
    if (!this.kind.value) {
      this.tell(this.sending.say.noKind, "late-word");
      return;
    }
    this.state = "queued";
    this.show();
    this.tell(this.sending.say.queued);
    this.sending.waiting.push(this);
  }

  send() {
    const { form, say } = this.sending;
    const about = new URLSearchParams({ dossier: form.dataset.dossier, kind: this.kind.value, filename: this.file.name });
    if (form.dataset.case) about.set("case", form.dataset.case);
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/documents?${about}`);
    request.setRequestHeader("Idempotency-Key", this.key);
    request.setRequestHeader("Accept-Language", document.documentElement.lang);
    this.state = "sending";
    this.show();
    this.tell(say.sending);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      this.bar.value = total > 0 ? (loaded / total) * 100 : 0;
      if (loaded === total) this.tell(say.confirming);
    });
    request.addEventListener("load", () => this.answered(request));
    for (const name of ["error", "abort", "timeout"]) request.addEventListener(name, () => this.failed(say.broken));
    request.send(this.file);
  }

  answered(request) {
    let answer = {};
    try {
      answer = JSON.parse(request.responseText);
    } catch {
      // What is not JSON is no answer of the archive.
    }
    if (request.status === 429) {
      // There are too many uploads at the moment: this one waits for its turn.
      setTimeout(() => this.send(), SOON_MS);
      return;
    }
    if ((request.status !== 201 && request.status !== 200) || !answer.id) {
      this.failed(answer.detail ?? this.sending.say.broken);
      return;
    }
    this.state = "kept";
    this.show();
    this.tell(`✓ ${this.sending.say.kept}`, "ok");
    this.sending.ended();
    this.follow(answer.id);
  }

  failed(why) {
    this.state = "failed";
    this.show();
    this.tell(`! ${why}`, "late-word");
    this.sending.ended();
  }

  /// Says how far the reading is, and what was found when it is done.
  async follow(id) {
    const link = make("a", "", this.file.name);
    link.href = `/documents/${id}`;
    for (;;) {
      const answer = await this.get(`/documents/${id}/progress`);
      if (!answer) return;
      this.name.replaceChildren(link);
      const same = make("a", "late-word", this.sending.say.same);
      same.href = `/documents/${answer.same_as}`;
      this.more.replaceChildren(...(answer.same_as ? [same, " · "] : []), answer.said);
      if (!answer.under_way) break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
    const found = await this.get(`/documents/${id}/found`);
    if (!found) return;
    const said = found.fields.map(([title, value]) => `${title} ${value}`);
    if (found.pages) said.unshift(`${this.sending.say.pages} ${found.pages}`);
    for (const word of said) this.more.append(` · ${word}`);
    for (const [sentence, href] of found.remarks) {
      const remark = make("a", "remark", sentence);
      remark.href = href;
      this.more.append(remark);
    }
  }

  async get(address) {
    try {
      const answer = await fetch(address, { cache: "no-store", headers: { Accept: "application/json" } });
      return answer.ok && answer.headers.get("content-type")?.startsWith("application/json") ? await answer.json() : undefined;
    } catch {
      return undefined;
    }
  }
}

for (const form of document.querySelectorAll("form.upload[data-dossier]")) new Sending(form);
