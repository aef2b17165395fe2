// Call Corral through OpenAI's client for Node; prints what came back as JSON.
//
//   node openai.mjs BASE_URL KEY
import OpenAI from "openai";

const [url, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "What is the weather in Paris?" }];
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
  },
};
const schema = {
  type: "object",
  properties: { name: { type: "string" } },
  required: ["name"],
};
const found = {};

async function ask(model, more) {
  const asked = { model, messages, max_tokens: 200, ...more };
  return client.chat.completions.create(asked);
}

const whole = await ask("tiny-chat", { max_tokens: 8 });
found.whole = whole.choices[0].message.content;
found.tokens = whole.usage.completion_tokens;

found.streamed = "";
for await (const chunk of await ask("tiny-chat", { max_tokens: 8, stream: true })) {
  found.streamed += chunk.choices[0]?.delta?.content ?? "";
}

const first = await ask("tiny-tools", { tools: [weather] });
const said = first.choices[0].message;
const [call] = said.tool_calls;
found.call = [call.function.name, JSON.parse(call.function.arguments)];
const answered = { role: "tool", tool_call_id: call.id, content: "20 degrees" };
const second = await ask("tiny-tools", {
  tools: [weather],
  messages: [...messages, said, answered],
});
found.answer = second.choices[0].message.content;

const runner = client.chat.completions.runTools({
  model: "tiny-tools",
  messages,
  max_tokens: 200,
  tools: [
    {
      type: "function",
      function: {
        ...weather.function,
        parse: JSON.parse,
        function: ({ city }) => `${city}: 20 degrees`,
      },
    },
  ],
});
found.ran = await runner.finalContent();

const form = await ask("tiny-chat", {
  response_format: { type: "json_schema", json_schema: { name: "city", schema } },
});
found.form = JSON.parse(form.choices[0].message.content);

const picture = "data:image/png;base64,iVBORw0KGgo=";
const seen = await ask("tiny-vision", {
  messages: [
    { role: "user", content: [{ type: "image_url", image_url: { url: picture } }] },
  ],
});
found.seen = seen.choices[0].message.content;

const vectors = await client.embeddings.create({ model: "tiny-embed", input: "one" });
found.vector = vectors.data[0].embedding.length;

found.models = [];
for await (const model of client.models.list()) found.models.push(model.id);

try {
  await ask("nobody");
} catch (error) {
  found.refused = [error.constructor.name, error.status, error.code];
}

const endless = await ask("tiny-chat", { stream: true, max_tokens: 500, temperature: 0 });
for await (const chunk of endless) {
  if (chunk) break;
}
found.left = endless.controller.signal.aborted;

console.log(JSON.stringify(found));
