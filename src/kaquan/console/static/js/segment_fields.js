// The fields of one condition: they read and write the JSON of a segment's rule in place.
window.kaquanSegmentFields = (catalogue, changed) => {
  const words = catalogue.words;
  const scale = 10 ** catalogue.currency.digits;

  const el = (tag, properties = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined));
    return made;
  };

  const option = (one, chosen) =>
    el("option", { value: one.value, selected: chosen === one.value }, one.label);

  const select = (options, chosen, { label, path, wide }, choose) => {
    const known = options.some((one) => one.value === chosen || one.options?.some((o) => o.value === chosen));
    const offered = known || !chosen ? options : [...options, { value: chosen, label: chosen }];
    const box = el(
      "select",
      {
        class: `form-select${wide ? " kq-wide" : ""}`,
        "aria-label": label,
        "data-path": path,
        onchange: () => choose(box.value),
      },
      offered.map((one) =>
        one.options
          ? el("optgroup", { label: one.label }, one.options.map((inner) => option(inner, chosen)))
          : option(one, chosen),
      ),
    );
    return box;
  };

  const input = (type, value, { label, path, list, min, max, step }, write) => {
    const box = el("input", {
      class: "form-control",
      type,
      value: value ?? "",
      "aria-label": label,
      placeholder: type === "text" ? label : undefined,
      "data-path": path,
      list,
      min,
      max,
      step,
      oninput: () => write(box.value),
    });
    return box;
  };

  const whole = (holder, key, { label, path, min = 0, max }) =>
    input("number", holder[key], { label, path, min, max, step: 1 }, (text) => {
      put(holder, key, text === "" ? undefined : Number(text));
      changed();
    });

  const put = (holder, key, value) => {
    if (value === undefined) delete holder[key];
    else holder[key] = value;
  };

  const moneyText = (minor) => (typeof minor === "number" ? (minor / scale).toFixed(catalogue.currency.digits) : "");

  // How a value of a kind is shown and read; what was left empty is no value.
  const forms = {
    text: { type: "text", show: (value) => value, read: (text) => text },
    number: { type: "number", step: "any", show: (value) => value, read: Number },
    money: {
      type: "number",
      step: 1 / scale,
      show: moneyText,
      read: (text) => Math.round(Number(text) * scale),
    },
    date: { type: "date", show: (value) => value, read: (text) => text },
    time: { type: "date", show: (value) => value, read: (text) => text },
  };

  const one = (value, kind, { label, path }, write) => {
    const isMoment = typeof value === "string" && value.length > 10;
    const form = kind === "time" && isMoment ? forms.text : (forms[kind] ?? forms.text);
    const box = input(form.type, form.show(value), { label, path, step: form.step }, (text) =>
      write(text === "" ? undefined : form.read(text)),
    );
    if (kind !== "money") return box;
    return el("span", { class: "input-group kq-money" }, el("span", { class: "input-group-text" }, catalogue.currency.sign), box);
  };

  const several = (options, chosen, { label, path }, write) => {
    const box = el(
      "select",
      {
        class: "form-select kq-several",
        multiple: true,
        size: Math.min(Math.max(options.length, 2), 6),
        "aria-label": label,
        "data-path": path,
        onchange: () => write([...box.selectedOptions].map((picked) => picked.value)),
      },
      options.map((each) => el("option", { value: each.value, selected: chosen.includes(each.value) }, each.label)),
    );
    return box;
  };

  const listed = (values, kind, { label, path }, write) => {
    const form = forms[kind] ?? forms.text;
    const box = el("textarea", {
      class: "form-control kq-list-value",
      rows: 2,
      "aria-label": label,
      title: words.list_hint,
      placeholder: words.list_hint,
      "data-path": path,
      oninput: () => {
        const parts = box.value.split(/[,，、\n]/).map((part) => part.trim()).filter(Boolean);
        write(parts.map(form.read));
      },
    });
    box.value = values.map(form.show).join(", ");
    return box;
  };

  const DATED = ["before", "after"];
  const NUMBERED = ["less_than", "at_most", "more_than", "at_least"];
  const WRITTEN = ["contains", "starts_with"];

  // The merchant's own fields have the type of the value that they are compared with.
  const typeOf = (node, spec) => {
    if (DATED.includes(node.operator)) return "date";
    if (NUMBERED.includes(node.operator)) return "number";
    if (WRITTEN.includes(node.operator)) return "text";
    const sample = Array.isArray(node.value) ? node.value[0] : node.value;
    if (node.operator === "between") return typeof sample === "string" ? "date" : "number";
    if (typeof sample === "number") return "number";
    if (typeof sample === "boolean") return "boolean";
    return sample === undefined ? (spec.type ?? "text") : "text";
  };

  const empty = (shape, kind) => {
    if (shape === "days") return 30;
    if (shape === "list") return [];
    if (shape === "two") return kind === "number" || kind === "money" ? [0, kind === "money" ? 100 * scale : 10] : undefined;
    if (kind === "boolean") return true;
    return kind === "number" || kind === "money" ? 0 : undefined;
  };

  const startTest = (node, spec) => {
    const offered = catalogue.operators[spec.kind];
    const liked = { number: "at_least", money: "at_least", date: "within_days", time: "within_days" };
    const wished = liked[spec.kind === "metadata" ? spec.type : spec.kind];
    const chosen = offered.find((each) => each.value === wished) ?? offered[0];
    node.operator = chosen.value;
    put(node, "value", spec.choices?.length && chosen.shape === "one" ? spec.choices[0].value : empty(chosen.shape, spec.kind === "metadata" ? spec.type : spec.kind));
  };

  const test = (node, spec, path) => {
    const offered = catalogue.operators[spec.kind] ?? [];
    const shape = offered.find((each) => each.value === node.operator)?.shape ?? "one";
    const kind = spec.kind === "metadata" ? typeOf(node, spec) : spec.kind;
    const choices = spec.kind === "segment" ? catalogue.segments : (spec.choices ?? []);
    const place = { label: words.value, path: `${path}.value` };
    const write = (value) => {
      put(node, "value", value);
      changed();
    };
    const parts = [
      select(offered, node.operator, { label: words.operator, path: `${path}.operator` }, (operator) => {
        const next = offered.find((each) => each.value === operator)?.shape;
        node.operator = operator;
        if (next !== shape || spec.kind === "metadata") {
          const kept = next === "list" && node.value !== undefined && shape === "one" ? [node.value] : empty(next, kind);
          put(node, "value", next === "none" ? undefined : kept);
        }
        changed(true);
      }),
    ];
    const free = ["is", "is_not", "in", "not_in"].includes(node.operator);
    if (spec.kind === "metadata" && free) {
      const types = ["text", "number", "boolean"].map((value) => ({ value, label: words[value] }));
      parts.push(
        select(types, kind, { label: words.type }, (type) => {
          spec.type = type;
          put(node, "value", empty(shape, type));
          changed(true);
        }),
      );
    }
    if (shape === "days") parts.push(whole(node, "value", place), el("span", { class: "kq-unit" }, words.days));
    else if (shape === "list" && choices.length) parts.push(several(choices, node.value ?? [], place, write));
    else if (shape === "list") parts.push(listed(Array.isArray(node.value) ? node.value : [], kind, place, write));
    else if (shape === "two") {
      [0, 1].forEach((at) => {
        const label = at ? words.to : words.from;
        if (at) parts.push(el("span", { class: "kq-unit" }, words.and));
        parts.push(
          one(node.value?.[at], kind, { label, path: `${path}.value[${at}]` }, (value) => {
            const pair = Array.isArray(node.value) ? node.value : [null, null];
            pair[at] = value ?? null;
            write(pair);
          }),
        );
      });
    } else if (shape === "one") {
      const yes = [{ value: "true", label: words.yes }, { value: "false", label: words.no }];
      if (kind === "boolean") parts.push(select(yes, String(node.value), place, (text) => write(text === "true")));
      else if (choices.length) {
        const blank = choices.some((each) => each.value === node.value) ? [] : [{ value: "", label: "…" }];
        parts.push(select([...blank, ...choices], node.value ?? "", place, (value) => write(value || undefined)));
      } else parts.push(one(node.value, kind, place, write));
    }
    return parts;
  };

  const bound = (holder, end, path) => {
    const value = holder[end];
    const shape = value === undefined ? "" : typeof value === "string" ? "date" : Object.keys(value).find((key) => key !== "back");
    const kinds = [
      { value: "", label: words.open_end },
      { value: "date", label: words.on_date },
      { value: "days_ago", label: words.days_ago },
      { value: "hours_ago", label: words.hours_ago },
      { value: "start_of", label: words.start_of },
    ];
    const place = `${path}.${end}`;
    const fresh = { date: new Date().toISOString().slice(0, 10), days_ago: { days_ago: 30 }, hours_ago: { hours_ago: 24 }, start_of: { start_of: "month" } };
    const parts = [
      el("span", { class: "kq-unit" }, words[end]),
      select(kinds, shape, { label: words[end], path: place }, (kind) => {
        put(holder, end, fresh[kind]);
        changed(true);
      }),
    ];
    if (shape === "date") parts.push(one(value, "time", { label: words[end], path: place }, (text) => { put(holder, end, text); changed(); }));
    if (shape === "days_ago" || shape === "hours_ago") parts.push(whole(value, shape, { label: words[shape], path: `${place}.${shape}` }));
    if (shape === "start_of") {
      parts.push(select(catalogue.units, value.start_of, { label: words.start_of, path: `${place}.start_of` }, (unit) => { value.start_of = unit; changed(); }));
      parts.push(el("span", { class: "kq-unit" }, words.back), whole(value, "back", { label: words.back, path: `${place}.back` }));
    }
    return parts;
  };

  const window_ = (node, path) => {
    const within = node.within;
    const shape = within === undefined ? "" : (["last_days", "last_hours", "this"].find((key) => key in within) ?? "span");
    const kinds = [
      { value: "", label: words.any_time },
      ...["last_days", "last_hours", "this", "span"].map((value) => ({ value, label: words[value] })),
    ];
    const fresh = { last_days: { last_days: 30 }, last_hours: { last_hours: 24 }, this: { this: "month" }, span: { from: { days_ago: 30 } } };
    const place = `${path}.within`;
    const parts = [
      select(kinds, shape, { label: words.window, path: place }, (kind) => {
        put(node, "within", fresh[kind]);
        changed(true);
      }),
    ];
    if (shape === "last_days" || shape === "last_hours") {
      parts.push(whole(within, shape, { label: words[shape], path: `${place}.${shape}`, min: 1 }));
      parts.push(el("span", { class: "kq-unit" }, shape === "last_days" ? words.days : words.hours));
    }
    if (shape === "this") parts.push(select(catalogue.units, within.this, { label: words.this, path: `${place}.this` }, (unit) => { within.this = unit; changed(); }));
    if (shape === "span") parts.push(...bound(within, "from", place), ...bound(within, "to", place));
    return parts;
  };

  return { words, el, select, input, whole, put, one, several, listed, test, startTest, window: window_ };
};
