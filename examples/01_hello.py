"""The smallest flow: two tasks that run at the same time, and one that waits for both."""

from orrery import flow, run, task


@task
def greet(name: str) -> str:
    return f"hello {name}"


@task
def join(parts: list[str]) -> str:
    return " and ".join(parts)


@flow
def hello(name: str = "world") -> str:
    return join([greet(name), greet("moon")])


if __name__ == "__main__":
    print(run(hello, name="earth").outputs["result"])
