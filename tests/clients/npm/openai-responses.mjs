// Call Corral's responses through OpenAI's client for Node; prints what came back as JSON.
//
//   node openai-responses.mjs BASE_URL KEY
import OpenAI from "openai";

const [url, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const asked = { model: "tiny-chat", input: "one two three", max_output_tokens: 8 };
const found = {};

const whole = await client.responses.create(asked);
found.whole = whole.output_text;
found.status = whole.status;

found.numbers = [];
found.streamed = "";
for await (const event of await client.responses.create({ ...asked, stream: true })) {
  found.numbers.push(event.sequence_number);
  if (event.type === "response.output_text.delta") found.streamed += event.delta;
}

const helped = client.responses.stream({ model: "tiny-chat", input: "one two" });
found.helped = (await helped.finalResponse()).output_text;

const begun = await client.responses.create({
  model: "tiny-chat",
  input: "one two three",
  background: true,
  stream: true,
});
const read = [];
for await (const event of begun) {
  read.push(event);
  if (event.type === "response.output_text.delta") break;
}
const { id } = read[0].response;
const rest = await client.responses.retrieve(id, {
  stream: true,
  starting_after: read.at(-1).sequence_number,
});
for await (const event of rest) read.push(event);
found.resumed = read.map((event) => event.sequence_number);
found.end = read.at(-1).type;

const next = await client.responses.create({ ...asked, previous_response_id: id });
found.previous = next.previous_response_id === id;

const items = await client.responses.inputItems.list(next.id);
found.items = items.data.map((item) => item.content[0].text);

await client.responses.delete(id);
try {
  await client.responses.retrieve(id);
} catch (error) {
  found.gone = [error.constructor.name, error.status, error.code];
}

console.log(JSON.stringify(found));
