"""A stand-in for openai-python that needs the standard library only, so that it always runs.

It sends the bytes that openai-python 2.52 sends (recorded from the wire) and reads the answer by that
SDK's rules: its stream decoder, what it takes for an error, what it raises.  Standard input and output
are those of smoke.py.
"""

import http.client
import json
import socket
import sys
import urllib.parse

MESSAGES = '{"messages":[{"role":"user","content":"Say hello."}],"model":"%s"%s}'

STATUS_CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}


class Raised(Exception):
    """What the SDK would have raised."""

    def __init__(self, name, message, body=None, status=None):
        super().__init__(message)
        fields = body if isinstance(body, dict) else {}
        self.fields = {
            "class": name,
            "api": True,
            "connection": False,
            "status": status,
            "type": fields.get("type"),
            "code": fields.get("code"),
            "reason": fields.get("reason"),
            "message": message,
        }


def request_bytes(method, path, args, host, body=None):
    """The head as httpx writes it, in its order and case."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        "Accept-Encoding: gzip, deflate",
        "Connection: keep-alive",
        f"Authorization: Bearer {args['key']}",
        "Accept: application/json",
    ]
    if body is not None:
        lines.append("Content-Type: application/json")
    lines += [
        "User-Agent: OpenAI/Python 2.52.0",
        "X-Stainless-Lang: python",
        "X-Stainless-Package-Version: 2.52.0",
        "X-Stainless-OS: Linux",
        "X-Stainless-Arch: x64",
        "X-Stainless-Runtime: CPython",
        "X-Stainless-Runtime-Version: 3.11.7",
        "X-Stainless-Async: false",
        "x-stainless-retry-count: 0",
        "x-stainless-read-timeout: 30",
    ]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("ascii") + (body or b"")


def exchange(method, path, args, body=None):
    """Sends one request; gives its response, read by http.client."""
    base = urllib.parse.urlsplit(args["base"])
    connection = socket.create_connection((base.hostname, base.port), timeout=30)
    bytes_ = request_bytes(method, base.path + path, args, base.netloc, body)
    connection.sendall(bytes_)
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    if response.status >= 400:
        raise status_error(response.status, response.read())
    return response


def status_error(status, text):
    try:
        body = json.loads(text)
        message = f"Error code: {status} - {body}"
    except ValueError:
        body = None
        message = text.decode("utf-8", "replace") or f"Error code: {status}"
    inner = body.get("error", body) if isinstance(body, dict) else body
    name = STATUS_CLASSES.get(status, "InternalServerError" if status >= 500 else "APIStatusError")
    return Raised(name, message, inner, status)


def pieces_of(response):
    """The body as it arrives, so that a decoder sees the cuts of the wire."""
    while True:
        piece = response.read1(65536)
        if not piece:
            return
        yield piece


class Decoder:
    """The rules of the SDK's SSEDecoder."""

    def __init__(self):
        self.event = None
        self.data = []
        self.last_id = None
        self.retry = None

    def chunks(self, pieces):
        data = b""
        for piece in pieces:
            for line in piece.splitlines(keepends=True):
                data += line
                if data.endswith((b"\r\r", b"\n\n", b"\r\n\r\n")):
                    yield data
                    data = b""
        if data:
            yield data

    def events(self, pieces):
        for chunk in self.chunks(pieces):
            for line in chunk.splitlines():
                event = self.line(line.decode("utf-8"))
                if event is not None:
                    yield event

    def line(self, line):
        if not line:
            if not self.event and not self.data and not self.last_id and self.retry is None:
                return None
            event = (self.event, "\n".join(self.data))
            # As in the SDK, the last id stays: a comment block after an id is an event without data.
            self.event, self.data, self.retry = None, [], None
            return event
        if line.startswith(":"):
            return None
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "event":
            self.event = value
        elif name == "data":
            self.data.append(value)
        elif name == "id" and "\0" not in value:
            self.last_id = value
        elif name == "retry" and value.isdigit():
            self.retry = int(value)
        return None


def chunks_of(response):
    """The objects that iterating over the SDK's stream yields."""
    for _, data in Decoder().events(pieces_of(response)):
        if data.startswith("[DONE]"):
            return
        body = json.loads(data)
        if isinstance(body, dict) and body.get("error"):
            error = body["error"]
            message = error.get("message") if isinstance(error, dict) else None
            raise Raised("APIError", message or "An error occurred during streaming", error)
        yield body


def chat(args):
    body = (MESSAGES % (args["model"], "")).encode("utf-8")
    done = json.loads(exchange("POST", "/chat/completions", args, body).read())
    return {
        "content": done["choices"][0]["message"]["content"],
        "usage": done["usage"]["total_tokens"],
    }


def stream(args):
    body = (MESSAGES % (args["model"], ',"stream":true')).encode("utf-8")
    result = {"content": "", "chunks": 0}
    for chunk in chunks_of(exchange("POST", "/chat/completions", args, body)):
        result["chunks"] += 1
        result["content"] += chunk["choices"][0]["delta"].get("content") or ""
    return result


def models(args):
    answer = json.loads(exchange("GET", "/models", args).read())
    return {"ids": [model["id"] for model in answer["data"]]}


OPERATIONS = {"chat": chat, "stream": stream, "models": models}


def main():
    args = json.load(sys.stdin)
    try:
        result = OPERATIONS[args["operation"]](args)
    except Raised as raised:
        result = {"error": raised.fields}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
