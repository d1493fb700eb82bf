"""Operations of openai-python against the gateway, of whichever major is installed beside it.

Each line of standard input is an order {"number", "operation", "base", "key", "retries", "model", ...};
all are carried out at once, and each is answered by a line {"number", "outcome"}: the result, or
{"error": {...}} as the SDK raised it; "broken" in its place tells a mistake of this program.  "ca" names
a certificate to trust.  With "tell" lines {"number", "content"} say how far a stream has come.  Ends
when the input has and all is answered.
"""

import base64
import json
import ssl
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import openai

try:
    import httpx2 as httpx  # what openai 3 is built on
except ImportError:
    import httpx

MESSAGES = [{"role": "user", "content": "Say hello."}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tells the weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


def models(client, args):
    return {"ids": [model.id for model in client.models.list()]}


def model(client, args):
    one = client.models.retrieve(args["id"])
    return {"id": one.id, "created": one.created}


def chat(client, args):
    messages = MESSAGES
    if "bytes" in args:
        messages = [{"role": "user", "content": "x" * args["bytes"]}]
    done = client.chat.completions.create(model=args["model"], messages=messages)
    return {
        "content": done.choices[0].message.content,
        "usage": done.usage.total_tokens,
        "request_id": done._request_id,
    }


def stream(client, args):
    result = {"content": "", "chunks": 0}
    for chunk in client.chat.completions.create(
        model=args["model"], messages=MESSAGES, stream=True
    ):
        result["chunks"] += 1
        result["content"] += chunk.choices[0].delta.content or ""
        if args.get("tell"):
            tell(args, content=result["content"])
    return result


def response(client, args):
    asked = {"model": args["model"], "input": "Say hello."}
    if "previous" in args:
        asked["previous_response_id"] = args["previous"]
    done = client.responses.create(**asked)
    return {"id": done.id, "content": done.output_text, "usage": done.usage.total_tokens}


def response_stream(client, args):
    result = {"content": "", "types": []}
    for event in client.responses.create(model=args["model"], input="Say hello.", stream=True):
        result["types"].append(event.type)
        if event.type == "response.output_text.delta":
            result["content"] += event.delta
    return result


def tools(client, args):
    done = client.chat.completions.create(model=args["model"], messages=MESSAGES, tools=TOOLS)
    call = done.choices[0].message.tool_calls[0]
    return {"name": call.function.name, "arguments": call.function.arguments}


def tools_stream(client, args):
    result = {"name": "", "arguments": ""}
    for chunk in client.chat.completions.create(
        model=args["model"], messages=MESSAGES, tools=TOOLS, stream=True
    ):
        for call in chunk.choices[0].delta.tool_calls or []:
            result["name"] += call.function.name or ""
            result["arguments"] += call.function.arguments or ""
    return result


def embed(client, args):
    done = client.embeddings.create(model=args["as"], input=args["input"])
    return {"vectors": [one.embedding for one in done.data], "usage": done.usage.total_tokens}


def moderate(client, args):
    done = client.moderations.create(input=args["input"])
    return {"flagged": [one.flagged for one in done.results]}


def complete(client, args):
    done = client.completions.create(model=args["model"], prompt=args["prompt"])
    return {"content": done.choices[0].text, "usage": done.usage.total_tokens}


def complete_stream(client, args):
    result = {"content": "", "chunks": 0}
    for chunk in client.completions.create(
        model=args["model"], prompt=args["prompt"], stream=True
    ):
        result["chunks"] += 1
        result["content"] += chunk.choices[0].text
    return result


def drawn(done):
    return {"pictures": [one.b64_json for one in done.data], "usage": done.usage.total_tokens}


def draw(client, args):
    return drawn(
        client.images.generate(
            model="gpt-image-1", prompt=args["prompt"], size=args["size"], n=2
        )
    )


def draw_stream(client, args):
    result = {"types": []}
    for event in client.images.generate(
        model="gpt-image-1",
        prompt=args["prompt"],
        size=args["size"],
        partial_images=2,
        stream=True,
    ):
        result["types"].append(event.type)
        result["picture"] = event.b64_json
    return result


def redraw(client, args):
    def picture(base64_text):
        return ("a.png", base64.b64decode(base64_text), "image/png")

    images = [picture(one) for one in args["files"]]
    more = {"mask": picture(args["mask"])} if "mask" in args else {}
    return drawn(
        client.images.edit(
            model="gpt-image-1",
            prompt=args["prompt"],
            image=images if len(images) > 1 else images[0],
            **more,
        )
    )


def speech(client, args):
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", input=args["input"], voice="alloy"
    ) as done:
        done.stream_to_file(args["into"])
        return {"type": done.headers["content-type"]}


def sound(args):
    return ("a.wav", base64.b64decode(args["file"]))


def transcription(client, args):
    done = client.audio.transcriptions.create(
        model=args["model"], file=sound(args), response_format=args.get("format", "json")
    )
    if isinstance(done, str):
        return {"plain": done}
    return {"text": done.text, "duration": getattr(done, "duration", None)}


def transcription_stream(client, args):
    result = {"content": "", "types": []}
    for event in client.audio.transcriptions.create(
        model=args["model"], file=sound(args), stream=True
    ):
        result["types"].append(event.type)
        if event.type == "transcript.text.delta":
            result["content"] += event.delta
    return result


def translation(client, args):
    done = client.audio.translations.create(model=args["model"], file=sound(args))
    return {"text": done.text}


def video(client, args):
    """The life of one: made and waited for, shown, remade, listed, deleted."""
    made = client.videos.create_and_poll(
        model=args["as"], prompt="A cat", seconds="8", size="720x1280", poll_interval_ms=20
    )
    shown = client.videos.retrieve(made.id)
    remix = client.videos.remix(made.id, prompt="A dog")
    client.videos.poll(remix.id, poll_interval_ms=20)
    listed = [one.id for one in client.videos.list(limit=1)][:2]
    gone = client.videos.delete(made.id)
    return {
        "id": made.id,
        "status": shown.status,
        "progress": shown.progress,
        "seconds": shown.seconds,
        "size": shown.size,
        "remix": remix.id,
        "from": remix.remixed_from_video_id,
        "listed": listed,
        "deleted": [gone.id, gone.deleted],
    }


OPERATIONS = {
    "models": models,
    "model": model,
    "chat": chat,
    "stream": stream,
    "tools": tools,
    "toolsStream": tools_stream,
    "response": response,
    "responseStream": response_stream,
    "embed": embed,
    "moderate": moderate,
    "complete": complete,
    "completeStream": complete_stream,
    "draw": draw,
    "drawStream": draw_stream,
    "redraw": redraw,
    "speech": speech,
    "transcription": transcription,
    "transcriptionStream": transcription_stream,
    "translation": translation,
    "video": video,
}


def outcome_of(error):
    body = getattr(error, "body", None)
    fields = body if isinstance(body, dict) else {}
    return {
        "class": type(error).__name__,
        "api": isinstance(error, openai.APIError),
        "connection": isinstance(error, openai.APIConnectionError),
        "status": getattr(error, "status_code", None),
        "type": getattr(error, "type", None) or fields.get("type"),
        "code": getattr(error, "code", None) or fields.get("code"),
        "reason": fields.get("reason"),
        "message": str(error),
    }


telling = threading.Lock()


def tell(args, **members):
    with telling:
        print(json.dumps({"number": args.get("number"), **members}), flush=True)


def outcome(args):
    verify = ssl.create_default_context(cafile=args["ca"]) if "ca" in args else True
    transport = openai.DefaultHttpxClient(trust_env=False, timeout=30, verify=verify)
    with openai.OpenAI(
        api_key=args["key"],
        base_url=args["base"],
        max_retries=args["retries"],
        timeout=30,
        http_client=transport,
    ) as client:
        try:
            return OPERATIONS[args["operation"]](client, args)
        except (openai.OpenAIError, httpx.HTTPError, ValueError) as error:
            return {"error": outcome_of(error)}


def carry_out(args):
    try:
        tell(args, outcome=outcome(args))
    except Exception:
        tell(args, broken=traceback.format_exc())


def main():
    with ThreadPoolExecutor(32) as pool:
        for line in sys.stdin:
            pool.submit(carry_out, json.loads(line))


if __name__ == "__main__":
    main()
