"""Ask tgauth in this container whether a login could be stored; the exit code is the answer."""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

PORT = int(os.environ.get("TGAUTH_API__PORT") or os.environ.get("PORT") or 8000)

connection = HTTPConnection("127.0.0.1", PORT, timeout=8)
try:
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    # Docker keeps what is printed: `docker inspect` shows it.
    sys.stdout.write(answer.read(500).decode(errors="replace"))
except (OSError, HTTPException) as error:
    sys.exit(f"no answer on port {PORT}: {error}")
finally:
    connection.close()
sys.exit(answer.status != HTTPStatus.OK)
