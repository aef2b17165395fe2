// What Ollama's client for Node makes of a server: `node ollama.mjs URL KEY` writes JSON.
import { Ollama } from "ollama";

const [host, key] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${key}` };
const ollama = new Ollama({ host, headers });
const model = "tiny-chat";
const messages = [{ role: "user", content: "one two three" }];
const options = { num_predict: 8 };
const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "Weather of a city",
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
      },
    },
  },
];

async function all(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

async function roundTrip() {
  const asked = { model: "tiny-tools", tools };
  const first = await ollama.chat({ ...asked, messages });
  const [call] = first.message.tool_calls;
  const told = { role: "tool", tool_name: call.function.name, content: "22 degrees" };
  const second = await ollama.chat({
    ...asked,
    messages: [...messages, first.message, told],
  });
  return { call: call.function, answer: second.message.content };
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return { name: error.name, status: error.status_code, message: error.message };
  }
  return null;
}

async function aborted() {
  // It aborts all streams of its client, so it has one of its own.
  const own = new Ollama({ host, headers });
  const endless = { num_predict: 2000, temperature: 0 };
  const stream = await own.chat({ model, messages, stream: true, options: endless });
  try {
    for await (const part of stream) own.abort();
  } catch (error) {
    return error.name;
  }
  return null;
}

const schema = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };
const chat = { model, messages, options };
const results = {
  load: await ollama.generate({ model, prompt: "" }),
  whole: await ollama.chat(chat),
  parts: await all(await ollama.chat({ ...chat, stream: true })),
  tools: await roundTrip(),
  object: JSON.parse(
    (await ollama.chat({ ...chat, format: schema, options: { num_predict: 300 } })).message
      .content,
  ),
  generated: await ollama.generate({ model, prompt: "Once", options }),
  embedded: await ollama.embed({ model: "tiny-embed", input: ["the queue", "is fair"] }),
  listed: (await ollama.list()).models.map((one) => one.name),
  loaded: (await ollama.ps()).models.map((one) => one.name),
  shown: (await ollama.show({ model })).capabilities,
  version: await ollama.version(),
  unknown: await failure(ollama.chat({ ...chat, model: "nope" })),
  forbidden: await failure(ollama.pull({ model: "another:1b" })),
  aborted: await aborted(),
};
console.log(JSON.stringify(results));
