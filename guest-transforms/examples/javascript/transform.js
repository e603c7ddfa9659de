// slug: adds a column with a title as it stands in addresses of web pages.
//
// A transform in JavaScript. The host calls the functions of `guest`; their types are in ../../wit. See README.md for
// the build command.

import { log } from "chameleon:transform/host@0.1.0";

const VALUE = 0, NULL = 1, ODD = 3;

let config = { from: "", to: "slug" };

/** An error for the host. Its text never holds a value of a row. */
function failure(kind, message) {
  return { kind, message };
}

/** Letters that have others in addresses; the engine is built without tables of Unicode. */
const LETTERS = new Map(Object.entries({
  ä: "ae", ö: "oe", ü: "ue", ß: "ss", à: "a", á: "a", â: "a", å: "a", ç: "c", è: "e", é: "e", ê: "e", í: "i", î: "i",
  ñ: "n", ó: "o", ô: "o", ø: "o", ú: "u",
}));

/** `Über uns: 7 Fragen` becomes `ueber-uns-7-fragen`. */
function slug(title) {
  const letters = Array.from(title.toLowerCase(), (letter) => LETTERS.get(letter) ?? letter);
  return letters.join("").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
}

/** The values of a text vector, with the states of their slots. */
function* texts(vector) {
  const decoder = new TextDecoder();
  const { ends, data } = vector.values.val;
  let start = 0;
  for (let row = 0; row < ends.length; row++) {
    const state = vector.states.length ? vector.states[row] : VALUE;
    yield [state, state === VALUE ? decoder.decode(data.subarray(start, ends[row])) : ""];
    start = ends[row];
  }
}

/** A text vector for one column of the target. */
function vectorOf(column, states, values) {
  const encoder = new TextEncoder();
  const parts = values.map((value) => encoder.encode(value));
  const ends = new Uint32Array(parts.length);
  let length = 0;
  parts.forEach((part, row) => { length += part.length; ends[row] = length; });
  const data = new Uint8Array(length);
  parts.forEach((part, row) => data.set(part, ends[row] - part.length));
  return { column, states: Uint8Array.from(states), values: { tag: "texts", val: { ends, data } }, odd: [] };
}

/** Where the made column stands in the target, by the number of the table's version. */
const places = new Map();

export const guest = {
  describe() {
    const schema = {
      type: "object",
      required: ["from"],
      properties: { from: { type: "string" }, to: { type: "string", default: "slug" } },
    };
    return { name: "slug", version: "0.1.0", configSchema: JSON.stringify(schema) };
  },

  configure(text) {
    config = { to: "slug", ...JSON.parse(text) };
    if (!config.from) throw failure("config", "`from` names the column to read");
  },

  planTable(table) {
    const from = table.columns.findIndex((column) => column.name === config.from);
    if (from < 0) {
      const known = table.columns.map((column) => column.name).join(", ");
      throw failure("schema", `${table.name.name} has no column \`${config.from}\`; it has ${known}`);
    }
    if (table.columns.every((column) => column.key === 0)) {
      throw failure("schema", `${table.name.name} has no primary key`);
    }
    places.set(table.id, table.columns.length);
    log("debug", `${config.to} of ${table.name.name}`);
    const passed = table.columns.map((column, index) => ({
      name: column.name, pgType: undefined, nullable: column.nullable, source: { tag: "input", val: index },
    }));
    const made = { name: config.to, pgType: "text", nullable: true, source: { tag: "computed", val: "texts" } };
    return {
      tag: "apply",
      val: {
        readAfter: Uint32Array.of(from),
        readBefore: new Uint32Array(),
        wantMeta: false,
        columns: [...passed, made],
        key: undefined,
        routes: [{ table: table.name }],
        // A delete needs nothing of this: it passes.
        ops: { insert: true, update: true, refresh: true },
        otherOps: "pass",
        deterministic: true,
      },
    };
  },

  forgetTable(id) {
    places.delete(id);
  },

  transform(batch) {
    const states = [], values = [];
    for (const [state, title] of texts(batch.after[0])) {
      // NULL stays NULL, absent stays absent; text that is none has no slug.
      states.push(state === ODD ? NULL : state);
      values.push(slug(title));
    }
    const made = vectorOf(places.get(batch.table), states, values);
    return {
      verdicts: new Uint8Array(), rejects: [], after: [made], before: [],
      routes: new Uint16Array(), beforeRoutes: new Uint16Array(),
    };
  },
};
