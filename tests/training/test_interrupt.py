"""The first Ctrl-C is a request, the second interrupts."""

import signal
import threading

import pytest

from unroll.training.interrupt import Interrupt


def test_a_signal_is_noted_and_the_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with Interrupt() as interrupt:
        assert interrupt.signal is None
        signal.raise_signal(signal.SIGTERM)
        assert interrupt.signal == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_second_ctrl_c_interrupts():
    with pytest.raises(KeyboardInterrupt), Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.signal == "Ctrl-C"
        signal.raise_signal(signal.SIGINT)


def test_elsewhere_than_in_the_main_thread_nothing_is_done():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with Interrupt() as interrupt:
            seen.append((interrupt.signal, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(None, before)]
