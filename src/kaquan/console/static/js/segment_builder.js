// The tree of a segment's rule: groups within groups, moved and removed by buttons, no drag needed.
(() => {
  const root = document.querySelector("[data-builder]");
  if (!root) return;
  const catalogue = JSON.parse(document.getElementById("segment-catalogue").textContent);
  const written = document.getElementById("field-definition");
  const trial = document.getElementById("segment-trial");
  const jsonFault = document.getElementById("segment-json-fault");
  let state = { all: [] };

  const tell = () => window.htmx.trigger(trial, "rule-changed");
  const changed = (redraw = false) => {
    written.value = JSON.stringify(state, null, 2);
    jsonFault.textContent = "";
    if (redraw) draw();
    tell();
  };
  const fields = window.kaquanSegmentFields(catalogue, changed);
  const { words, el, select, input, whole, put, test, startTest } = fields;

  const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const isGroup = (node) => isObject(node) && (Array.isArray(node.all) || Array.isArray(node.any)) && Object.keys(node).length === 1;
  const isNot = (node) => isObject(node) && "not" in node && Object.keys(node).length === 1;
  const peel = (node, path) => {
    let negated = false;
    while (isNot(node)) {
      negated = !negated;
      node = node.not;
      path += ".not";
    }
    return { node, negated, path };
  };
  const wrap = (node, negated) => (negated ? { not: node } : node);

  const attributeOf = (code) =>
    catalogue.attributes.find((one) => one.code === code) ??
    catalogue.keys.find((one) => one.code === code) ??
    catalogue.scores.find((one) => one.code === code) ??
    { code, kind: code?.startsWith("score.") ? "number" : "metadata", label: code, choices: [] };
  const deedOf = (kind) => catalogue.deeds.find((one) => one.value === kind) ?? catalogue.deeds[0];
  const propertyOf = (deed, code) =>
    deed.properties.find((one) => one.code === code) ?? { code, kind: "metadata", label: code, choices: [] };

  const asOptions = (list) => list.map((one) => ({ value: one.code, label: one.label }));
  const OTHER = "\u0000other";
  const ownForms = ["birthday", "anniversary", "consent", "reachable", "customers", "sample"];
  const formOf = (node) => ["attribute", "done", "not_done", "aggregate", ...ownForms].find((form) => isObject(node) && form in node);

  const fresh = {
    done: () => ({ done: "order", within: { last_days: 30 } }),
    not_done: () => ({ not_done: "order", within: { last_days: 30 } }),
    aggregate: () => ({ aggregate: "sum", of: "total_minor", over: "order", operator: "at_least", value: 0 }),
    birthday: () => ({ birthday: { from: 0, to: 7 } }),
    anniversary: () => ({ anniversary: { of: "created_at", from: 0, to: 7 } }),
    consent: () => ({ consent: { channel: catalogue.channels[0].value } }),
    reachable: () => ({ reachable: { channel: catalogue.channels[0].value } }),
    customers: () => ({ customers: [] }),
    sample: () => ({ sample: { percent: 10 } }),
  };
  const freshAttribute = (code) => {
    const node = { attribute: code };
    startTest(node, attributeOf(code));
    return node;
  };
  const freshProperty = (deed, code) => {
    const node = { property: code };
    startTest(node, propertyOf(deed, code));
    return node;
  };

  const fieldChoices = (code) => {
    const known = catalogue.attributes.some((one) => one.code === code) || catalogue.keys.some((one) => one.code === code);
    const own = asOptions(catalogue.keys);
    if (code && !known && !code.startsWith("score.")) own.push({ value: code, label: code.replace("metadata.", "") });
    const groups = [
      { label: words.profile, options: asOptions(catalogue.attributes) },
      { label: words.custom, options: [...own, { value: OTHER, label: words.other_key }] },
      { label: words.scores, options: asOptions(catalogue.scores) },
      { label: words.behaviour, options: ["done", "not_done", "aggregate"].map((form) => ({ value: `@${form}`, label: words[form] })) },
      { label: words.contact, options: ["reachable", "consent"].map((form) => ({ value: `@${form}`, label: words[form] })) },
      { label: words.special, options: ["birthday", "anniversary", "customers", "sample"].map((form) => ({ value: `@${form}`, label: words[form] })) },
    ];
    return groups.filter((group) => group.options.length);
  };

  // A key that nobody has used yet is typed.
  const keyInput = (node, name, prefix, path) =>
    input("text", node[name].slice(prefix.length), { label: words.key, path: `${path}.${name}` }, (text) => {
      node[name] = prefix + text;
      changed();
    });

  const leafOfCustomer = (node, path, replace) => {
    const form = formOf(node);
    const current = form === "attribute" ? node.attribute : `@${form}`;
    const choose = (value) => {
      if (value === OTHER) replace({ attribute: "metadata.", operator: "has_value" });
      else replace(value.startsWith("@") ? fresh[value.slice(1)]() : freshAttribute(value));
    };
    const parts = [select(fieldChoices(form === "attribute" ? node.attribute : ""), current, { label: words.field, path: form === "attribute" ? `${path}.attribute` : path, wide: true }, choose)];
    if (form === "attribute") {
      const known = attributeOf(node.attribute);
      if (known.kind === "metadata" && !catalogue.keys.includes(known)) parts.push(keyInput(node, "attribute", "metadata.", path));
      parts.push(...test(node, known, path));
      return [el("div", { class: "kq-fields" }, parts)];
    }
    if (ownForms.includes(form)) return [el("div", { class: "kq-fields" }, parts, special[form](node, `${path}.${form}`))];
    return ofDeeds(form, node, path, parts);
  };

  const ofDeeds = (form, node, path, parts) => {
    const word = form === "aggregate" ? "over" : form;
    const deed = deedOf(node[word]);
    const kinds = select(catalogue.deeds, node[word], { label: words.deed, path: `${path}.${word}` }, (kind) => {
      node[word] = kind;
      delete node.where;
      if (deedOf(kind).named) node.name = catalogue.events[0] ?? "";
      else delete node.name;
      if (form === "aggregate") setMeasure(node, node.aggregate);
      changed(true);
    });
    if (form === "aggregate") parts.push(...measure(node, path), kinds);
    else parts.push(kinds);
    if (deed.named) {
      const known = catalogue.events.map((value) => ({ value, label: value }));
      parts.push(
        known.length
          ? select(known, node.name, { label: words.event_name, path: `${path}.name` }, (name) => { node.name = name; changed(); })
          : input("text", node.name, { label: words.event_name, path: `${path}.name` }, (name) => { put(node, "name", name); changed(); }),
      );
    }
    const rows = [el("div", { class: "kq-fields" }, parts)];
    const rest = [...fields.window(node, path)];
    if (form === "done") rest.push(...times(node, path));
    if (form === "aggregate") rest.push(...test(node, { kind: measuredKind(node) }, path));
    rows.push(el("div", { class: "kq-fields" }, rest));
    rows.push(where(node, deed, path));
    return rows;
  };

  const SUMS = ["sum", "average"];
  const measurable = (node) => {
    const kinds = SUMS.includes(node.aggregate) ? ["number", "money", "metadata"] : ["text", "metadata"];
    return deedOf(node.over).properties.filter((one) => kinds.includes(one.kind));
  };
  const measuredKind = (node) => {
    if (["first", "last"].includes(node.aggregate)) return "time";
    if (!SUMS.includes(node.aggregate)) return "number";
    return propertyOf(deedOf(node.over), node.of).kind === "money" ? "money" : "number";
  };
  const setMeasure = (node, name) => {
    const before = measuredKind(node);
    node.aggregate = name;
    const offered = measurable(node);
    if (SUMS.includes(name) || name === "distinct") {
      if (!offered.some((one) => one.code === node.of)) put(node, "of", offered[0]?.code);
    } else delete node.of;
    if (measuredKind(node) !== before) startTest(node, { kind: measuredKind(node) });
  };
  const measure = (node, path) => {
    const parts = [select(catalogue.measures, node.aggregate, { label: words.measure, path: `${path}.aggregate` }, (name) => { setMeasure(node, name); changed(true); })];
    if ("of" in node || SUMS.includes(node.aggregate) || node.aggregate === "distinct") {
      const of = select(asOptions(measurable(node)), node.of, { label: words.of, path: `${path}.of` }, (code) => {
        const before = measuredKind(node);
        node.of = code;
        if (measuredKind(node) !== before) startTest(node, { kind: measuredKind(node) });
        changed(true);
      });
      parts.push(el("span", { class: "kq-unit" }, words.of), of);
    }
    return parts;
  };

  const times = (node, path) => {
    const said = node.times;
    const shape = said === undefined ? "" : "at_least" in said && "at_most" in said ? "between" : Object.keys(said)[0];
    const label = (operator) => catalogue.operators.number.find((one) => one.value === operator).label;
    const kinds = [
      { value: "", label: words.once },
      { value: "at_least", label: label("at_least") },
      { value: "at_most", label: label("at_most") },
      { value: "exactly", label: words.exactly },
      { value: "between", label: label("between") },
    ];
    const start = { at_least: { at_least: 2 }, at_most: { at_most: 1 }, exactly: { exactly: 1 }, between: { at_least: 2, at_most: 5 } };
    const parts = [select(kinds, shape, { label: words.times, path: `${path}.times` }, (kind) => { put(node, "times", start[kind]); changed(true); })];
    for (const key of Object.keys(said ?? {})) parts.push(whole(said, key, { label: words.times, path: `${path}.times.${key}` }));
    if (said) parts.push(el("span", { class: "kq-unit" }, words.times_word));
    return parts;
  };

  const where = (node, deed, path) => {
    if (Array.isArray(node.where)) node.where = { all: node.where };
    if (node.where && !isGroup(peel(node.where, "").node)) node.where = { all: [node.where] };
    const add = () => {
      node.where = { all: [freshProperty(deed, deed.properties[0].code)] };
      changed(true);
    };
    if (!node.where) return el("button", { class: "btn btn-sm btn-ghost-secondary", type: "button", onclick: add }, `+ ${words.where}`);
    const inside = {
      leaf: (leaf, place, replace) => leafOfDeed(deed, leaf, place, replace),
      fresh: () => freshProperty(deed, deed.properties[0].code),
    };
    const drop = (to) => {
      put(node, "where", to);
      changed(true);
    };
    return el("div", { class: "kq-where" }, el("span", { class: "kq-unit" }, words.where), group(node.where, `${path}.where`, inside, { replace: drop, remove: () => drop(undefined) }));
  };

  const leafOfDeed = (deed, node, path, replace) => {
    const property = propertyOf(deed, node.property);
    const listed = deed.properties.includes(property);
    const options = asOptions(deed.properties);
    if (!listed) options.push({ value: node.property, label: node.property });
    if (deed.prefix) options.push({ value: OTHER, label: words.other_key });
    const parts = [
      select(options, node.property, { label: words.field, path: `${path}.property` }, (code) =>
        replace(code === OTHER ? { property: deed.prefix, operator: "has_value" } : freshProperty(deed, code)),
      ),
    ];
    if (!listed && deed.prefix && node.property?.startsWith(deed.prefix)) parts.push(keyInput(node, "property", deed.prefix, path));
    return [el("div", { class: "kq-fields" }, parts, test(node, property, path))];
  };

  const channel = (inner, path) => select(catalogue.channels, inner.channel, { label: words.channel, path: `${path}.channel` }, (value) => { inner.channel = value; changed(); });
  const unit = (text) => el("span", { class: "kq-unit" }, text);
  const days = (inner, path) => [
    unit(words.from), whole(inner, "from", { label: words.from, path: `${path}.from`, min: -180, max: 180 }),
    unit(words.to), whole(inner, "to", { label: words.to, path: `${path}.to`, min: -180, max: 180 }),
    unit(words.days_from_today),
  ];
  const special = {
    birthday: (node, path) => days(node.birthday, path),
    anniversary: (node, path) => {
      const dates = catalogue.dates.map((value) => ({ value, label: attributeOf(value).label }));
      return [select(dates, node.anniversary.of, { label: words.of, path: `${path}.of` }, (value) => { node.anniversary.of = value; changed(); }), ...days(node.anniversary, path)];
    },
    consent: (node, path) => [
      channel(node.consent, path),
      input("text", node.consent.purpose, { label: words.purpose, path: `${path}.purpose` }, (text) => { put(node.consent, "purpose", text || undefined); changed(); }),
    ],
    reachable: (node, path) => {
      const inner = node.reachable;
      const box = el("input", { class: "form-check-input", type: "checkbox", checked: "room" in inner, onchange: () => { put(inner, "room", box.checked ? { most: 1, days: 7 } : undefined); changed(true); } });
      const parts = [channel(inner, path), el("label", { class: "form-check mb-0" }, box, el("span", { class: "form-check-label" }, words.room))];
      if (inner.room) parts.push(whole(inner.room, "most", { label: words.room, path: `${path}.room.most`, min: 1 }), unit(words.in_days), whole(inner.room, "days", { label: words.in_days, path: `${path}.room.days`, min: 1 }));
      return parts;
    },
    customers: (node, path) => fields.listed(node.customers, "text", { label: words.ids, path }, (ids) => { node.customers = ids; changed(); }),
    sample: (node, path) => {
      const inner = node.sample;
      const share = (key) => input("number", inner[key], { label: words.percent, path: `${path}.${key}`, min: 0, max: 100, step: "any" }, (text) => { put(inner, key, text === "" ? undefined : Number(text)); changed(); });
      const range = "percent" in inner ? [share("percent")] : [unit(words.from), share("from"), unit(words.to), share("to")];
      return [...range, unit(words.percent), input("text", inner.salt, { label: words.salt, path: `${path}.salt` }, (text) => { put(inner, "salt", text || undefined); changed(); })];
    },
  };

  const tool = (label, sign, act, disabled = false) =>
    el("button", { class: "btn btn-sm btn-icon btn-ghost-secondary", type: "button", "aria-label": label, title: label, disabled, "data-tool": sign, onclick: act }, sign);

  const tools = (list, index, remove) => {
    const swap = (by) => () => {
      [list[index], list[index + by]] = [list[index + by], list[index]];
      changed(true);
    };
    return el(
      "span", { class: "kq-row-tools" },
      list.length > 1 ? [tool(words.up, "↑", swap(-1), index === 0), tool(words.down, "↓", swap(1), index === list.length - 1)] : [],
      tool(words.remove, "×", remove),
    );
  };

  const group = (given, path, inside, place) => {
    const { node, negated, path: inner } = peel(given, path);
    const key = "all" in node ? "all" : "any";
    const list = node[key];
    const shape = negated ? (key === "any" ? "none" : "not_all") : key;
    const kinds = ["all", "any", "none", "not_all"].map((value) => ({ value, label: words[value] }));
    const choose = (value) => place.replace(wrap({ [value === "all" || value === "not_all" ? "all" : "any"]: list }, value === "none" || value === "not_all"));
    const add = (item) => () => {
      list.push(item());
      changed(true);
      root.querySelector(`[data-place="${CSS.escape(`${inner}.${key}[${list.length - 1}]`)}"] select`)?.focus();
    };
    const rows = list.map((item, index) => row(item, `${inner}.${key}[${index}]`, inside, list, index));
    const nothing = list.length ? [] : [el("p", { class: "text-secondary mb-0" }, key === "all" ? words.empty_all : words.empty_any)];
    const head = el("div", { class: "kq-group-head" }, select(kinds, shape, { label: words.group, path: inner }, choose), place.tools ?? [], place.remove ? tool(words.remove, "×", place.remove) : []);
    return el(
      "div", { class: "kq-group", role: "group", "aria-label": words[shape], "data-place": path },
      head,
      el("div", { class: "kq-group-rows" }, nothing, rows),
      el(
        "div", { class: "kq-chips" },
        el("button", { class: "btn btn-sm", type: "button", onclick: add(inside.fresh) }, `+ ${words.add}`),
        el("button", { class: "btn btn-sm btn-ghost-secondary", type: "button", onclick: add(() => ({ any: [inside.fresh()] })) }, `+ ${words.add_group}`),
      ),
    );
  };

  const row = (given, path, inside, list, index) => {
    const { node, negated, path: inner } = peel(given, path);
    const replace = (to) => {
      list[index] = to;
      changed(true);
    };
    const remove = () => {
      list.splice(index, 1);
      changed(true);
    };
    const moves = tools(list, index, remove);
    if (isGroup(node)) return group(given, path, inside, { replace, tools: moves });
    const not = el("input", { class: "form-check-input", type: "checkbox", checked: negated, onchange: () => replace(wrap(node, not.checked)) });
    const known = isObject(node) && (formOf(node) || "property" in node);
    const body = known ? inside.leaf(node, inner, (to) => replace(wrap(to, negated))) : [el("code", { "data-path": inner }, JSON.stringify(given))];
    return el(
      "div", { class: "kq-condition", role: "group", "aria-label": words.condition, "data-place": path, "data-path": inner },
      el("div", { class: "kq-condition-body" }, body),
      el("div", { class: "kq-condition-side" }, el("label", { class: "form-check mb-0" }, not, el("span", { class: "form-check-label" }, words.not)), moves),
    );
  };

  const top = { leaf: leafOfCustomer, fresh: () => ({ attribute: "order_count", operator: "at_least", value: 1 }) };
  const draw = () => {
    const held = root.contains(document.activeElement) ? [...root.querySelectorAll("select, input, textarea, button")].indexOf(document.activeElement) : -1;
    if (!isGroup(peel(state, "").node)) state = { all: [state] };
    root.replaceChildren(group(state, "definition", top, { replace: (to) => { state = to; changed(true); } }));
    if (held >= 0) root.querySelectorAll("select, input, textarea, button")[held]?.focus();
  };

  // A fault is told at the field it is about, or at the nearest around it.
  const mark = (scope) => {
    root.querySelectorAll(".kq-fault").forEach((old) => old.remove());
    root.querySelectorAll(".is-invalid").forEach((old) => { old.classList.remove("is-invalid"); old.removeAttribute("aria-invalid"); });
    const said = scope.querySelector("[data-fault]");
    if (!said) return;
    const near = [...root.querySelectorAll("[data-path]")].filter((one) => said.dataset.fault.startsWith(one.dataset.path));
    near.sort((a, b) => b.dataset.path.length - a.dataset.path.length);
    if (!near.length || near[0].dataset.path === "definition") return;
    const [place] = near;
    if (place.matches("input, select, textarea")) {
      place.classList.add("is-invalid");
      place.setAttribute("aria-invalid", "true");
    }
    const text = said.querySelector(".alert-description")?.textContent ?? said.textContent;
    (place.closest(".kq-fields") ?? place).after(el("div", { class: "kq-field-error kq-fault", role: "alert" }, text));
  };

  const where_ = (text, error) => {
    const at = Number(/position (\d+)/.exec(error.message)?.[1] ?? text.length);
    const before = text.slice(0, at).split("\n");
    return words.json_at.replace("%(line)s", before.length).replace("%(column)s", before.at(-1).length + 1);
  };
  const read = () => {
    try {
      const given = JSON.parse(written.value);
      if (!isObject(given)) throw new TypeError(words.json_object);
      state = given;
      jsonFault.textContent = "";
      return true;
    } catch (error) {
      jsonFault.textContent = error instanceof SyntaxError ? where_(written.value, error) : error.message;
      return false;
    }
  };

  written.addEventListener("input", () => {
    if (!read()) return;
    draw();
    tell();
  });
  document.querySelector("[data-json=copy]").addEventListener("click", (event) => {
    written.select();
    const done = () => (event.target.textContent = words.copied);
    if (navigator.clipboard) navigator.clipboard.writeText(written.value).then(done, () => document.execCommand("copy") && done());
    else if (document.execCommand("copy")) done();
  });
  trial.addEventListener("htmx:afterSwap", () => mark(trial));

  if (read()) draw();
  else document.getElementById("segment-json").open = true;
  mark(document);
})();
