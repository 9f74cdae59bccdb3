"""A step that fails now and then, tried again with growing pauses; its key lets a service act only once."""

import random

from orrery import Context, Retry, flow, run, task


@task(retry=Retry(attempts=10, backoff_s=0.01, on=("ConnectionError",)), timeout_s=5)
def order(item: str, ctx: Context | None = None) -> dict[str, object]:
    if random.random() < 0.5:
        raise ConnectionError("the service did not answer")
    return {"item": item, "attempt": ctx.attempt if ctx else 1, "key": ctx.idempotency_key if ctx else ""}


@flow
def orders() -> list[dict[str, object]]:
    return [order("bread"), order("milk")]


if __name__ == "__main__":
    print(run(orders).outputs["result"])
