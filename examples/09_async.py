"""Async tasks in an async flow. Nothing is awaited while it is traced; the tasks run together later."""

import asyncio

from orrery import arun, flow, task, when


@task
async def size(word: str) -> int:
    await asyncio.sleep(0.05)
    return len(word)


@task
async def shout(word: str) -> str:
    return word.upper()


@flow
async def sizes(words: list[str]) -> dict[str, object]:
    all_sizes = await size.map(words)
    with when(all_sizes[0] > 3):  # known only when the run gets there
        loud = await shout("the first word is long")
    return {"sizes": all_sizes, "loud": loud}


async def main() -> None:
    result = await arun(sizes, words=["orrery", "of", "planets"])
    print(result.outputs)


if __name__ == "__main__":
    asyncio.run(main())
