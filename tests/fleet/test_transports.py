"""Every transport passes the suite, and each does what only it can do."""

from __future__ import annotations

import pytest

from orrery.fleet.transports.memory import MemoryTransport
from orrery.fleet.transports.mqtt import MqttOptions, MqttTransport
from orrery.fleet.transports.protocol import Transport
from orrery.fleet.transports.websocket import WebSocketOptions, WebSocketTransport
from orrery.testing.faulty import Faults, Faulty
from orrery.testing.transports import TransportConformance
from tests.fleet.mosquitto import DEVICE, HUB, Mosquitto


class TestMemory(TransportConformance):
    def transport(self) -> Transport:
        return MemoryTransport()

    def url(self) -> str:
        return "memory:"


class TestWebSocket(TransportConformance):
    def transport(self) -> Transport:
        return WebSocketTransport()

    def url(self) -> str:
        return "ws://127.0.0.1:0"


class TestWebSocketInJson(TestWebSocket):
    def dialling(self) -> Transport:
        return WebSocketTransport(WebSocketOptions(form="json"))


class TestMqtt(TransportConformance):
    @pytest.fixture(autouse=True)
    def _broker(self, mosquitto: Mosquitto) -> None:
        self.broker = mosquitto

    def transport(self) -> Transport:
        return MqttTransport(MqttOptions(username=HUB[0], password=HUB[1], patience_s=1))

    def dialling(self) -> Transport:
        return MqttTransport(MqttOptions(username=DEVICE[0], password=DEVICE[1], patience_s=1))

    def url(self) -> str:
        return self.broker.url


class TestFaulty(TransportConformance):
    """A bad network on which nothing happens is a good one."""

    def transport(self) -> Transport:
        return MemoryTransport()

    def dialling(self) -> Transport:
        return Faulty(MemoryTransport())

    def url(self) -> str:
        return "memory:"


class TestFaultyListener(TestFaulty):
    def transport(self) -> Transport:
        return Faulty(WebSocketTransport(), faults=Faults(delay_s=0.001))

    def dialling(self) -> Transport:
        return WebSocketTransport()

    def url(self) -> str:
        return "ws://127.0.0.1:0"
