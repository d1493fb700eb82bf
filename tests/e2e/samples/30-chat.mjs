import OpenAI from "openai"
const client = new OpenAI({
apiKey: process.env.NEW_API_KEY,
baseURL: "https://1.cnmz.de/v1",
})
const resp = await client.chat.completions.create({
model: "gpt-4o-mini",
messages: [{ role: "user", content: "Say hello." }],
})
console.log(resp.choices[0].message.content)
