"""Asks the Python snippet what the tests ask: one line in, one line of JSON out."""

import json
import sys

from tgauth_login import LoginFailed, Tgauth

tgauth = Tgauth(*sys.argv[1:])
for line in sys.stdin:
    question, _, argument = line.rstrip("\n").partition(" ")
    try:
        if question == "callback":
            login = tgauth.callback(argument)
            answer = {
                "claims": login.claims,
                "name": login.user["name"],
                "token": login.access_token,
            }
        elif question == "alive":
            answer = {"alive": tgauth.is_alive(argument)}
        else:
            answer = {"claims": tgauth.verify(argument)}
    except LoginFailed as failure:
        answer = {"refused": str(failure)}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
