"""Lets the official SDKs ask a service, and prints what each answer was to them.

usage: sdk.py BASE_URL CASES; CASES is JSON: a list of {"flavour", "schema", "stream"}.
Prints the versions of the SDKs, then one line of JSON for each case: {"text"} or {"error"}.
"""

import json
import sys

import openai
from google import genai
from google.genai import errors, types

BASE, CASES = sys.argv[1], json.loads(sys.argv[2])
HOST, VERSION = BASE.rsplit("/", 1)

SYSTEM = "You answer for the desk."
TURNS = [
    ("user", "Grüße 😀"),
    ("assistant", "Hello."),
    ("user", "Where is my order?"),
]
FIELDS = {
    "answer": {"type": "string"},
    "intent": {"type": "string"},
    "confidence": {"type": "number"},
    "escalate": {"type": "boolean"},
    "reason": {"type": ["string", "null"]},
    "citations": {"type": "array", "items": {"type": "string"}},
}
SCHEMA = {
    "type": "object",
    "properties": FIELDS,
    "required": list(FIELDS),
    "additionalProperties": False,
}


def ask_openai(case):
    client = openai.OpenAI(base_url=BASE, api_key="sk-of-the-sdk", max_retries=0)
    messages = [{"role": "system", "content": SYSTEM}]
    messages += [{"role": role, "content": text} for role, text in TURNS]
    more = {}
    if case["schema"]:
        schema = {"name": "support_reply", "strict": True, "schema": SCHEMA}
        more["response_format"] = {"type": "json_schema", "json_schema": schema}
    if case["stream"]:
        more["stream"] = True
        more["stream_options"] = {"include_usage": True}
    answer = client.chat.completions.create(
        model="test-model", messages=messages, temperature=0, max_tokens=400, **more
    )
    if not case["stream"]:
        choice = answer.choices[0]
        return choice.message.content or "", choice.finish_reason, answer.usage.total_tokens
    text, reason, tokens = "", None, None
    for chunk in answer:
        tokens = chunk.usage.total_tokens if chunk.usage else tokens
        for choice in chunk.choices or []:
            text += choice.delta.content or ""
            reason = choice.finish_reason or reason
    return text, reason, tokens


def ask_gemini(case):
    options = types.HttpOptions(
        base_url=HOST,
        api_version=VERSION,
        retry_options=types.HttpRetryOptions(attempts=1),
    )
    client = genai.Client(api_key="key-of-the-sdk", http_options=options)
    roles = {"user": "user", "assistant": "model"}
    contents = [
        types.Content(role=roles[role], parts=[types.Part(text=text)]) for role, text in TURNS
    ]
    more = {}
    if case["schema"]:
        more["response_mime_type"] = "application/json"
        more["response_json_schema"] = SCHEMA
    config = types.GenerateContentConfig(
        system_instruction=SYSTEM, temperature=0, max_output_tokens=400, **more
    )
    call = client.models.generate_content_stream if case["stream"] else client.models.generate_content
    answer = call(model="test-model", contents=contents, config=config)
    text, reason, tokens = "", None, None
    for chunk in answer if case["stream"] else [answer]:
        if chunk.prompt_feedback and chunk.prompt_feedback.block_reason:
            reason = "blocked " + chunk.prompt_feedback.block_reason.value
        if chunk.usage_metadata:
            tokens = chunk.usage_metadata.total_token_count
        for candidate in chunk.candidates or []:
            parts = candidate.content.parts if candidate.content else None
            text += "".join(part.text or "" for part in parts or [] if not part.thought)
            reason = candidate.finish_reason.value if candidate.finish_reason else reason
    return text, reason, tokens


print("openai", openai.__version__, "google-genai", genai.__version__, flush=True)
for case in CASES:
    ask = {"openai": ask_openai, "gemini": ask_gemini}[case["flavour"]]
    try:
        text, reason, tokens = ask(case)
        found = {"text": text, "reason": reason, "tokens": tokens}
    except openai.APIStatusError as error:
        found = {"error": error.status_code, "kind": type(error).__name__}
    except openai.APIError as error:
        found = {"error": 0, "kind": type(error).__name__}
    except errors.APIError as error:
        found = {"error": error.code, "kind": type(error).__name__}
    print(json.dumps(found), flush=True)
