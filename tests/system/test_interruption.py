"""A signal is noted between two steps; a later one acts at once."""

import os
import signal
import time

import pytest

from system.interruption import ECHO, Interruption


def test_the_echo_of_a_signal_is_no_second_one():
    with Interruption() as interruption:
        try:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:  # would end the tests themselves
            pytest.fail("the echo acts at once")
        assert interruption.signal == signal.SIGTERM
        time.sleep(1.1 * ECHO)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
