"""A ring of workers, simulated: arrays go to the next worker, and bytes are counted."""

from dlkit import Array


class Ring:
    """sent: bytes that each worker has sent; sizes: of every array that was sent; waiting: arrays not received."""

    def __init__(self, workers: int) -> None:
        self.sent = [0] * workers
        self.sizes: list[int] = []
        self.queues: list[list[Array]] = [[] for _ in range(workers)]

    def send(self, worker: int, numbers: Array) -> None:
        """Worker sends a copy of an array to the next one."""
        self.sent[worker] += numbers.nbytes
        self.sizes.append(int(numbers.size))
        self.queues[(worker + 1) % len(self.queues)].append(numbers.copy())

    def receive(self, worker: int) -> Array:
        """The oldest array that was sent to this worker; LookupError where there is none."""
        if not self.queues[worker]:
            message = f"nothing was sent to worker {worker} that it has not received"
            raise LookupError(message)
        return self.queues[worker].pop(0)

    @property
    def waiting(self) -> int:
        """How many arrays nobody has received."""
        return sum(map(len, self.queues))
