"""
Whole conversations of Perspective Broker between a Twisted client and a Twisted server.
"""

import gc
import random

import scenarios
from forms import hex_form
from twisted.logger import globalLogBeginner
from twisted.python import failure


def records():
    # Errors are part of the conversations; nobody needs to see them go by.
    globalLogBeginner.beginLoggingTo([lambda event: None], redirectStandardIO=False)
    gc.disable()
    result = []
    for function in scenarios.ALL:
        # The challenges of logins come from here, and failures are counted.
        random.seed(function.__name__)
        failure.count = 0
        conversation = function()
        conversation.finish()
        result.append(
            {
                "name": function.__name__,
                "about": " ".join(function.__doc__.split()),
                "results": conversation.results,
                "messages": conversation.log,
            }
        )
    return result
