"""Readers of the wire formats, written for these tests: streams and bodies back to answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from orrery.models.simulated.asked import Kind

Heard = tuple[str, str, list[tuple[str, Any]], str]
"""Text, refusal, calls with their arguments, and the word for why it stopped."""


def events(stream: bytes) -> list[Any]:
    """The values of server-sent events, [DONE] left out."""
    found = []
    for block in stream.decode().split("\n\n"):
        data = [line.removeprefix("data: ") for line in block.split("\n") if line.startswith("data: ")]
        if data and data != ["[DONE]"]:
            found.append(json.loads("\n".join(data)))
    return found


def hear_stream(kind: Kind, chunks: Iterable[bytes]) -> Heard:
    """What a stream says."""
    stream = b"".join(chunks)
    match kind:
        case "openai-chat":
            return _chat(events(stream))
        case "openai-responses":
            return hear_whole(kind, json.dumps(_responses(events(stream))).encode())
        case "anthropic":
            return _anthropic(events(stream))
        case "google":
            return _google(events(stream))
        case "ollama":
            return _ollama([json.loads(line) for line in stream.decode().split("\n") if line])


def hear_whole(kind: Kind, body: bytes) -> Heard:
    """What a body says."""
    found = json.loads(body)
    match kind:
        case "openai-chat":
            choice = found["choices"][0]
            message = choice["message"]
            calls = [
                (one["function"]["name"], json.loads(one["function"]["arguments"]))
                for one in message.get("tool_calls", [])
            ]
            return message["content"] or "", message["refusal"] or "", calls, choice["finish_reason"]
        case "openai-responses":
            items = found["output"]
            parts = [part for item in items if item["type"] == "message" for part in item["content"]]
            calls = [(one["name"], json.loads(one["arguments"])) for one in items if one["type"] == "function_call"]
            text = "".join(part.get("text", "") for part in parts)
            return text, "".join(part.get("refusal", "") for part in parts), calls, found["status"]
        case "anthropic":
            text = "".join(block["text"] for block in found["content"] if block["type"] == "text")
            calls = [(block["name"], block["input"]) for block in found["content"] if block["type"] == "tool_use"]
            refused = found["stop_reason"] == "refusal"
            return "" if refused else text, text if refused else "", calls, found["stop_reason"]
        case "google":
            return _google([found])
        case "ollama":
            return _ollama([found])


def _chat(found: list[Any]) -> Heard:
    text = refusal = stop = ""
    calls: dict[int, list[str]] = {}
    for chunk in found:
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            refusal += choice["delta"].get("refusal") or ""
            stop = choice["finish_reason"] or stop
            for call in choice["delta"].get("tool_calls", []):
                kept = calls.setdefault(call["index"], [call["function"].get("name", ""), ""])
                kept[1] += call["function"]["arguments"]
    return text, refusal, [(name, json.loads(args)) for name, args in calls.values()], stop


def _responses(found: list[Any]) -> Any:
    """The response that the deltas amount to; it must be the one that the last event has."""
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    items: dict[int, Any] = {}
    for event in found:
        word = event["type"].removeprefix("response.")
        if word == "output_item.added":
            items[event["output_index"]] = event["item"] | {"status": "completed"}
        elif word == "content_part.added":
            items[event["output_index"]]["content"].append(event["part"])
        elif word == "output_text.delta":
            items[event["output_index"]]["content"][0]["text"] += event["delta"]
        elif word == "refusal.delta":
            items[event["output_index"]]["content"][0]["refusal"] += event["delta"]
        elif word == "function_call_arguments.delta":
            items[event["output_index"]]["arguments"] += event["delta"]
        elif word == "output_item.done":
            assert items[event["output_index"]] == event["item"]
    last = found[-1]["response"]
    assert last["output"] == list(items.values())
    return last


def _anthropic(found: list[Any]) -> Heard:
    blocks: dict[int, Any] = {}
    written: dict[int, str] = {}
    stop = ""
    closed: set[int] = set()
    for event in found:
        match event["type"]:
            case "content_block_start":
                assert set(blocks) == closed
                blocks[event["index"]] = event["content_block"]
                written[event["index"]] = ""
            case "content_block_delta":
                delta = event["delta"]
                written[event["index"]] += delta["text"] if delta["type"] == "text_delta" else delta["partial_json"]
            case "content_block_stop":
                closed.add(event["index"])
            case "message_delta":
                stop = event["delta"]["stop_reason"]
    assert set(blocks) == closed
    assert found[-1]["type"] == "message_stop"
    text = "".join(written[index] for index, block in blocks.items() if block["type"] == "text")
    calls = [
        (block["name"], json.loads(written[index])) for index, block in blocks.items() if block["type"] == "tool_use"
    ]
    return ("", text, calls, stop) if stop == "refusal" else (text, "", calls, stop)


def _google(found: list[Any]) -> Heard:
    candidates = [chunk["candidates"][0] for chunk in found]
    parts = [part for one in candidates for part in one.get("content", {"parts": []})["parts"]]
    text = "".join(part.get("text", "") for part in parts)
    calls = [(part["functionCall"]["name"], part["functionCall"]["args"]) for part in parts if "functionCall" in part]
    return text, candidates[-1].get("finishMessage", ""), calls, candidates[-1]["finishReason"]


def _ollama(found: list[Any]) -> Heard:
    assert [line["done"] for line in found] == [False] * (len(found) - 1) + [True]
    messages = [line["message"] for line in found]
    text = "".join(message["content"] for message in messages)
    calls = [
        (call["function"]["name"], call["function"]["arguments"])
        for message in messages
        for call in message.get("tool_calls", [])
    ]
    return text, "", calls, found[-1]["done_reason"]
