"""Processor-bound work in several processes: one task per item, and one that takes all results."""

from orrery import flow, run, task


@task(executor="process", effects="pure", estimate_s=0.5)
def primes_below(limit: int) -> int:
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, limit))


@task
def largest(counts: list[int]) -> int:
    return max(counts)


@flow
def search(limits: list[int]) -> dict[str, object]:
    counts = primes_below.map(limits)
    return {"counts": counts, "largest": largest(counts)}


if __name__ == "__main__":
    print(run(search, limits=[10_000, 20_000, 30_000, 40_000]).outputs)
