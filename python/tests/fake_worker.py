"""Stands for `munas worker`: speaks first, then does what each line of its standard input says."""

import hashlib
import json
import os
import signal
import sys
import threading
import time

VERSION = "munas 9.9.9"


SPEAKING = threading.Lock()


def say(data: bytes = b"", /, **message: object) -> None:
    with SPEAKING:
        sys.stdout.buffer.write(json.dumps(message).encode() + b"\n" + data)
        sys.stdout.buffer.flush()


def obey(command: dict) -> None:
    match command["do"]:
        case "echo":
            data = sys.stdin.buffer.read(command["bytes"])
            say(data, type="echo", bytes=len(data))
        case "count":
            for number in range(command["to"]):
                say(type="number", number=number)
        case "exit":
            print(command["why"], file=sys.stderr, flush=True)
            os._exit(command["status"])
        case "hang":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            time.sleep(3600)


def beat(every: float) -> None:
    while True:
        time.sleep(every)
        say(type="heartbeat")


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        print(os.environ.get("FAKE_VERSION", VERSION))
        return
    assert sys.argv[1:3] == ["worker", "--data"], sys.argv
    with open(sys.argv[3], "rb") as file:
        digest = hashlib.blake2b(file.read()).hexdigest()
    say(type="hello", process=os.getpid(), actor=os.getppid(), data=digest, program=sys.argv[0])
    if every := float(os.environ.get("FAKE_BEAT", "5")):
        threading.Thread(target=beat, args=(every,), daemon=True).start()
    for line in sys.stdin.buffer:
        obey(json.loads(line))
    os._exit(0)


main()
