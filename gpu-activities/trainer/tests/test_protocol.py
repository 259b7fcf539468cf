"""The two pipes: commands in their order, a stop that is meant for one operation, events as lines."""

import json
import os
import signal

import pytest

from flamingo_trainer.protocol import Channel


@pytest.fixture
def pipes():
    """A channel that reads what `say` writes, and the end that its events come out of."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    commands, writing = os.pipe()
    reading, events = os.pipe()
    channel = Channel(commands, events)
    channel.open()

    def say(text):
        os.write(writing, text.encode() + b"\n")

    yield channel, say, reading
    say('{"op": "exit"}')  # without it the end of the pipe would end this process
    for end in (writing, reading, events):
        os.close(end)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_operations_come_in_their_order_and_what_is_no_command_is_passed_over(pipes, capfd):
    channel, say, _ = pipes
    for line in ('{"op": "a", "id": 1}', "nonsense", "[]", '{"id": 2}', '{"op": "b", "id": 3}'):
        say(line)
    assert channel.next() == {"op": "a", "id": 1}
    assert channel.next() == {"op": "b", "id": 3}
    say('{"op": "exit"}')
    assert channel.next() is None
    assert channel.stop_requested
    assert capfd.readouterr().err.count("a command that is none") == 3


def test_a_stop_is_not_meant_for_the_next_operation(pipes):
    channel, say, _ = pipes
    say('{"op": "a"}')
    channel.next()
    assert not channel.stop_requested
    say('{"op": "stop"}')
    say('{"op": "b"}')
    assert channel.next() == {"op": "b"}
    assert not channel.stop_requested


def test_a_signal_is_a_stop_and_the_end(pipes):
    channel, _, _ = pipes
    os.kill(os.getpid(), signal.SIGTERM)
    assert channel.next() is None
    assert channel.stop_requested


def test_an_event_is_one_line_of_json(pipes):
    channel, _, reading = pipes
    channel.send("progress", id=3, step=1, of=2, loss=0.5)
    channel.send("loading", id=3, detail="a\nb")
    lines = os.read(reading, 1000).decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"event": "progress", "id": 3, "step": 1, "of": 2, "loss": 0.5},
        {"event": "loading", "id": 3, "detail": "a\nb"},
    ]
