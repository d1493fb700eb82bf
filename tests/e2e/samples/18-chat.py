import os
from openai import OpenAI
client = OpenAI(
api_key=os.environ["NEW_API_KEY"],
base_url="https://1.cnmz.de/v1",
)
resp = client.chat.completions.create(
model="gpt-4o-mini",
messages=[{"role": "user", "content": "Say hello."}],
)
print(resp.choices[0].message.content)
